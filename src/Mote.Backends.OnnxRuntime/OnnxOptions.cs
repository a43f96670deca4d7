// How models are kept and run.
using Mote.Backends.OnnxRuntime.Isolation;

namespace Mote.Backends.OnnxRuntime;

/// <summary>A model's file.</summary>
/// <param name="Path">Where it is, absolute.</param>
/// <param name="Digest">What its bytes must be: the SHA-256, 64 digits in lower case; null for whatever is there.</param>
/// <param name="Trusted">Whether it may run in this process; in a worker process of its own otherwise.</param>
public sealed record ModelFile(string Path, string? Digest = null, bool Trusted = true);

/// <summary>How models are kept and run.</summary>
public sealed record OnnxOptions
{
    /// <summary>The model of a name that a component knows; null where there is none.</summary>
    public required Func<string, ModelFile?> Find { get; init; }

    /// <summary>Threads of each run. With one, it runs on the thread that has the component.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Most bytes of the files of all models that are loaded at once.</summary>
    public long MaxBytes { get; init; } = 512L << 20;

    /// <summary>The worker processes of models that are not trusted; null where there can be none, and such a model is not loaded.</summary>
    public ModelWorkerOptions? Worker { get; init; }
}
