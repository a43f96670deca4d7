// What is wrong with a key, or with an encrypted file.
namespace Mote.Age;

/// <summary>Kinds of faults.</summary>
public enum AgeFault
{
    /// <summary>A text is no key.</summary>
    Key,

    /// <summary>The head of the file is not as the format has it, or was changed.</summary>
    Header,

    /// <summary>The file is for others.</summary>
    NotForThisKey,

    /// <summary>The content was changed.</summary>
    Payload,

    /// <summary>The file ends too soon. What was read before is as it was written.</summary>
    Truncated,
}

/// <summary>A key or an encrypted file cannot be used; the message has nothing of a secret key.</summary>
public sealed class AgeException(AgeFault fault, string message) : Exception(message)
{
    /// <summary>What kind of fault it is.</summary>
    public AgeFault Fault => fault;
}
