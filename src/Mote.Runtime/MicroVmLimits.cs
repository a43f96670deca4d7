// What one microVM may use.
using Mote.Wasmtime;

namespace Mote.Runtime;

/// <summary>Limits of one instance. Each is enforced by the host; none can be raised from inside.</summary>
public sealed record MicroVmLimits
{
    /// <summary>Bytes of each linear memory.</summary>
    public long MemoryBytes { get; init; } = 64L << 20;

    /// <summary>Linear memories, tables and core instances, all modules of the component together.</summary>
    public int Memories { get; init; } = 16;

    /// <summary>See <see cref="Memories"/>.</summary>
    public int Tables { get; init; } = 64;

    /// <summary>See <see cref="Memories"/>.</summary>
    public int CoreInstances { get; init; } = 128;

    /// <summary>Elements of each table.</summary>
    public long TableElements { get; init; } = 1_000_000;

    /// <summary>Handles of each component instance inside.</summary>
    public int Handles { get; init; } = 10_000;

    /// <summary>Open sockets of wasi:sockets.</summary>
    public int Sockets { get; init; } = 64;

    /// <summary>Bytes of each blob container that it writes to; each object counts a little more than its own.</summary>
    public long BlobContainerBytes { get; init; } = 64L << 20;

    /// <summary>What the component's microVMs together may send out of the node; null is no limit.</summary>
    public EgressBudget? Egress { get; init; }

    /// <summary>Wall-clock time of one call, waiting in the host included. Null is no limit.</summary>
    public TimeSpan? Time { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Processor time of one call. Null is no limit.</summary>
    public TimeSpan? Cpu { get; init; }

    /// <summary>True where the clock must run while a guest does.</summary>
    internal bool IsClocked => Time is not null || Cpu is not null;

    internal StoreLimits ForStore() => new(MemoryBytes, TableElements, CoreInstances, Tables, Memories);
}
