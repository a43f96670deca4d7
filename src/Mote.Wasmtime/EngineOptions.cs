// What an engine is made with. Two engines with different options cannot share compiled code.
namespace Mote.Wasmtime;

/// <summary>How hard the compiler works.</summary>
public enum OptimizationLevel : byte
{
    /// <summary>Fast to compile, slow to run.</summary>
    None = 0,

    /// <summary>Fast to run.</summary>
    Speed = 1,

    /// <summary>Fast to run, with less code.</summary>
    SpeedAndSize = 2,
}

/// <summary>
/// Slots made once and used again for every instance (Wasmtime's pooling allocator): instantiation then costs
/// no mmap. It reserves address space for <see cref="TotalMemories"/> × (reservation + guard), so it needs a
/// 64-bit system that allows large reservations.
/// </summary>
public sealed record PoolingOptions
{
    /// <summary>Core instances alive at once, in all stores.</summary>
    public uint TotalCoreInstances { get; init; } = 1000;

    /// <summary>Linear memories alive at once, in all stores.</summary>
    public uint TotalMemories { get; init; } = 1000;

    /// <summary>Tables alive at once, in all stores.</summary>
    public uint TotalTables { get; init; } = 2000;

    /// <summary>Largest linear memory, bytes.</summary>
    public ulong MaxMemorySize { get; init; } = 4UL << 30;

    /// <summary>Most elements of one table.</summary>
    public ulong TableElements { get; init; } = 20_000;

    /// <summary>Most memories of one module.</summary>
    public uint MaxMemoriesPerModule { get; init; } = 8;

    /// <summary>Most tables of one module.</summary>
    public uint MaxTablesPerModule { get; init; } = 8;

    /// <summary>Largest instance state (globals, function table), bytes.</summary>
    public ulong MaxCoreInstanceSize { get; init; } = 1 << 20;

    /// <summary>Bytes at the start of a memory that stay resident and are zeroed by hand when a slot is used again.</summary>
    public ulong MemoryKeepResident { get; init; } = 256 * 1024;

    /// <summary>The same for tables, bytes.</summary>
    public ulong TableKeepResident { get; init; } = 16 * 1024;

    /// <summary>Slots that keep the image of the last module that used them.</summary>
    public uint MaxUnusedWarmSlots { get; init; } = 100;

    /// <summary>How many freed slots are decommitted together.</summary>
    public ulong DecommitBatchSize { get; init; } = 1;

    /// <summary>GC heaps alive at once (exceptions and reference types of the GC proposal use them).</summary>
    public uint TotalGcHeaps { get; init; } = 1000;
}

/// <summary>Options of an <see cref="Engine"/>. Defaults are those of a node on a 64-bit machine with room.</summary>
public sealed record EngineOptions
{
    /// <summary>Null: every instance allocates its memory on demand.</summary>
    public PoolingOptions? Pooling { get; init; }

    /// <summary>Guest code checks an epoch at loops and calls, so that it can be stopped from outside.</summary>
    public bool EpochInterruption { get; init; } = true;

    /// <summary>Stack a guest may use, bytes. The thread needs this and room for host frames.</summary>
    public ulong MaxWasmStack { get; init; } = 512 * 1024;

    /// <summary>Every NaN a guest computes has one bit pattern, on every processor.</summary>
    public bool NanCanonicalization { get; init; } = true;

    /// <summary>Compiler effort.</summary>
    public OptimizationLevel Optimization { get; init; } = OptimizationLevel.Speed;

    /// <summary>Compile the functions of a module on all cores.</summary>
    public bool ParallelCompilation { get; init; } = true;

    /// <summary>Address space reserved for each memory, bytes; null leaves Wasmtime's default (4 GiB).</summary>
    public ulong? MemoryReservation { get; init; }

    /// <summary>Unmapped bytes after each memory that bound checks rely on; null leaves Wasmtime's default.</summary>
    public ulong? MemoryGuardSize { get; init; }

    /// <summary>Address space reserved beyond a memory's size for its growth, bytes; null leaves the default.</summary>
    public ulong? MemoryReservationForGrowth { get; init; }

    /// <summary>Map a module's initial memory copy-on-write.</summary>
    public bool MemoryInitCow { get; init; } = true;

    /// <summary>Trap on faults by signal handlers. Off: explicit checks (needed under some emulators).</summary>
    public bool SignalsBasedTraps { get; init; } = true;

    /// <summary>Target triple to compile for; null is this machine.</summary>
    public string? Target { get; init; }

    /// <summary>64-bit memories.</summary>
    public bool Memory64 { get; init; }

    /// <summary>Typed function references and GC types.</summary>
    public bool Gc { get; init; }

    /// <summary>Exceptions and tags.</summary>
    public bool Exceptions { get; init; } = true;

    /// <summary>More than one memory in a module.</summary>
    public bool MultiMemory { get; init; } = true;

    /// <summary>
    /// A small machine: no pooling, no large reservations, explicit bounds checks. Also what runs under an
    /// emulator in user mode.
    /// </summary>
    public static EngineOptions SmallDevice { get; } = new()
    {
        Pooling = null,
        MemoryReservation = 0,
        MemoryGuardSize = 0,
        MemoryReservationForGrowth = 1 << 20,
    };
}
