// What goes wrong with a registry or an artifact, in one line that has nothing of a secret.
using Mote.Packaging.Toml;

namespace Mote.Packaging.Oci;

/// <summary>What kind of fault it is.</summary>
public enum OciFault
{
    /// <summary>The registry cannot be reached, or is not able to answer now: later it may.</summary>
    Unavailable,

    /// <summary>The registry has nothing of that name, or nobody may know that it has.</summary>
    NotFound,

    /// <summary>The registry does not let this node in.</summary>
    Denied,

    /// <summary>What it gave is not what it should be: a wrong digest or size, no manifest, no model.</summary>
    Invalid,
}

/// <summary>An artifact cannot be had.</summary>
/// <param name="fault">What kind of fault it is.</param>
/// <param name="message">What is wrong and what to do about it; made one line of at most 1,000 characters.</param>
public sealed class OciException(OciFault fault, string message) : Exception(OneLine(message))
{
    /// <summary>What kind of fault it is.</summary>
    public OciFault Fault { get; } = fault;

    /// <summary>How long the registry asks to be left alone; null where it does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether to try it again makes sense without anybody doing anything.</summary>
    public bool MayPass => Fault == OciFault.Unavailable;

    private static string OneLine(string text) => new ConfigException("", 0, text).Reason;
}
