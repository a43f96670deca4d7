// Which engine a machine gets: pooled where it can reserve address space, on demand with explicit checks where not.
using Mote.Wasmtime;

namespace Mote.Runtime;

/// <summary>Kinds of machines.</summary>
public enum ProfileKind
{
    /// <summary>Probe, and take the best that works.</summary>
    Auto,

    /// <summary>Reserve address space and pool instances.</summary>
    Server,

    /// <summary>No large reservations: small devices, containers with a limit on address space, user-mode emulators.</summary>
    SmallDevice,
}

/// <summary>Chooses engine options.</summary>
public static class EngineProfile
{
    /// <summary>Makes the engine of a profile.</summary>
    /// <param name="kind">The profile.</param>
    /// <param name="slots">Most instances at once in a pool.</param>
    /// <param name="chosen">What <see cref="ProfileKind.Auto"/> came to.</param>
    /// <exception cref="WasmtimeException">The profile that was asked for is not possible here.</exception>
    public static Engine Create(ProfileKind kind, uint slots, out ProfileKind chosen)
    {
        if (kind != ProfileKind.SmallDevice)
        {
            try
            {
                chosen = ProfileKind.Server;
                return new Engine(Server(slots));
            }
            catch (WasmtimeException) when (kind == ProfileKind.Auto)
            {
                // The reservation was refused: this is a small machine.
            }
        }

        chosen = ProfileKind.SmallDevice;
        return new Engine(EngineOptions.SmallDevice);
    }

    /// <summary>A name of engine options for <see cref="ByName"/>: what a compiler in another process needs to know.</summary>
    internal static string Name(Engine engine) =>
        engine.Options.Pooling is { } pool ? $"server:{pool.TotalMemories}" : engine.Options == OnDemand ? "on-demand" : "small";

    /// <summary>An engine with the options of this name.</summary>
    internal static Engine ByName(string name) => new(name switch
    {
        "small" => EngineOptions.SmallDevice,
        "on-demand" => OnDemand,
        _ => Server(uint.Parse(name.AsSpan("server:".Length), System.Globalization.CultureInfo.InvariantCulture)),
    });

    /// <summary>Pooled, with room for this many instances.</summary>
    public static EngineOptions Server(uint slots) => new()
    {
        Pooling = new PoolingOptions
        {
            TotalCoreInstances = slots * 2,
            TotalMemories = slots,
            TotalTables = slots * 2,
            TotalGcHeaps = slots,
            // Tables of real programs are larger than Wasmtime's default; a table costs address space only.
            TableElements = 100_000,
        },
    };

    /// <summary>For modules that the pool refuses, and for tools that make one instance.</summary>
    public static EngineOptions OnDemand { get; } = new();
}
