// What a worker process of a model is, and what it may use.
namespace Mote.Backends.OnnxRuntime.Isolation;

/// <summary>A worker process: each model that is not trusted has one, and it is started again when it ends.</summary>
public sealed record ModelWorkerOptions
{
    /// <summary>The program, which calls <see cref="ModelWorker.Run"/> when its first argument is <see cref="ModelWorker.Command"/>.</summary>
    public required string Program { get; init; }

    /// <summary>Most bytes of a worker's data (RLIMIT_DATA): the model, and what runs of it need.</summary>
    public long MemoryBytes { get; init; } = 1L << 30;

    /// <summary>Runs at once of one model; others wait.</summary>
    public int Lanes { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 4);

    /// <summary>Most bytes of the tensors of one run, inputs and outputs together. A lane keeps as many as its largest run had.</summary>
    public long TensorBytes { get; init; } = 256L << 20;

    /// <summary>Most time from the worker's start until its model is loaded.</summary>
    public TimeSpan LoadTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a run whose caller's time is over may take to end itself, between two operators. Then the worker is killed.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Told of workers that end, and why.</summary>
    public Action<string> Log { get; init; } = static _ => { };
}
