// Engines are slow to make and may be shared: one of each kind for all tests.
using Mote.Wasmtime;

namespace Mote.Components.Tests;

internal static class Engines
{
    private static readonly Lazy<Engine> s_plain = new(() => new Engine(new EngineOptions { EpochInterruption = false, ParallelCompilation = false, Optimization = OptimizationLevel.None }));
    private static readonly Lazy<Engine> s_epochs = new(() => new Engine(new EngineOptions { ParallelCompilation = false, Optimization = OptimizationLevel.None }));
    private static readonly Lazy<Engine> s_small = new(() => new Engine(EngineOptions.SmallDevice with { MemoryReservationForGrowth = 0, EpochInterruption = false, ParallelCompilation = false, Optimization = OptimizationLevel.None }));
    private static readonly Lazy<Engine> s_everything = new(() => new Engine(new EngineOptions { Gc = true, Memory64 = true, EpochInterruption = false, ParallelCompilation = false, Optimization = OptimizationLevel.None }));

    /// <summary>Runs what it is given to the end.</summary>
    public static Engine Plain => s_plain.Value;

    /// <summary>Stops at an epoch deadline.</summary>
    public static Engine Epochs => s_epochs.Value;

    /// <summary>Reserves nothing: a memory moves whenever it grows.</summary>
    public static Engine Moving => s_small.Value;

    /// <summary>With the parts of core wasm that are off by default.</summary>
    public static Engine Everything => s_everything.Value;
}
