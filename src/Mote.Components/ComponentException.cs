// Why a file is refused: what was found, where, and what was expected.
namespace Mote.Components;

/// <summary>Which promise a file broke.</summary>
public enum ComponentErrorKind
{
    /// <summary>The bytes are not the binary format.</summary>
    Malformed,

    /// <summary>The format is right, a rule of the Component Model is not kept.</summary>
    Invalid,

    /// <summary>Valid, but it uses a part of the Component Model that is not supported yet.</summary>
    Unsupported,

    /// <summary>An import is missing on this host or has another type.</summary>
    Link,
}

/// <summary>A component cannot be loaded or linked.</summary>
public sealed class ComponentException : Exception
{
    /// <summary>An error at a byte offset of the file.</summary>
    public ComponentException(ComponentErrorKind kind, string reason, long offset)
        : base($"{reason} (at offset 0x{offset:x})")
    {
        Kind = kind;
        Reason = reason;
        Offset = offset;
    }

    /// <summary>An error that has no place in the file.</summary>
    public ComponentException(ComponentErrorKind kind, string reason)
        : base(reason)
    {
        Kind = kind;
        Reason = reason;
    }

    /// <summary>Which promise was broken.</summary>
    public ComponentErrorKind Kind { get; }

    /// <summary>What is wrong, without the offset.</summary>
    public string Reason { get; }

    /// <summary>Byte offset in the file; null where there is none.</summary>
    public long? Offset { get; }

    internal static ComponentException Malformed(string reason, long offset) => new(ComponentErrorKind.Malformed, reason, offset);

    internal static ComponentException Invalid(string reason, long offset) => new(ComponentErrorKind.Invalid, reason, offset);

    internal static ComponentException Unsupported(string reason, long offset) => new(ComponentErrorKind.Unsupported, reason, offset);

    /// <summary>The same error with a breadcrumb before it.</summary>
    internal ComponentException Within(string context) =>
        Offset is { } offset ? new ComponentException(Kind, $"{context}: {Reason}", offset) : new ComponentException(Kind, $"{context}: {Reason}");
}
