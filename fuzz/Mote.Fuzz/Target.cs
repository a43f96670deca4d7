// One thing that is fuzzed: how its inputs are made, and what running one must do.
namespace Mote.Fuzz;

/// <summary>What became of an input that did what it should.</summary>
internal enum Outcome
{
    /// <summary>It was valid and ran.</summary>
    Accepted,

    /// <summary>It was refused, or it trapped, in a documented way.</summary>
    Refused,
}

/// <summary>An input made something happen that must not.</summary>
internal sealed class FaultException(string message) : Exception(message);

/// <summary>A parser, a pipeline, an interface to guests. An input alone decides what running it does.</summary>
internal abstract class Target : IDisposable
{
    /// <summary>Its name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>What a written input is called at its end.</summary>
    public virtual string Extension => "txt";

    /// <summary>Most managed bytes that an input may cost.</summary>
    public virtual long AllocationBound(byte[] input) => (64L << 20) + (2048L * input.Length);

    /// <summary>An input.</summary>
    public abstract byte[] Make(Random random);

    /// <summary>Runs an input. Any exception that leaves it is a fault.</summary>
    public abstract Outcome Run(byte[] input);

    /// <summary>Throws where something that must hold does not.</summary>
    protected static void Require(bool holds, string what)
    {
        if (!holds) throw new FaultException(what);
    }

    public virtual void Dispose()
    {
    }
}
