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
    private const string FastPrefix = "fast-floats:";

    /// <summary>Makes the engine of a profile.</summary>
    /// <param name="kind">The profile.</param>
    /// <param name="slots">Most instances at once in a pool.</param>
    /// <param name="chosen">What <see cref="ProfileKind.Auto"/> came to.</param>
    /// <param name="floats">How exact floating point is.</param>
    /// <exception cref="WasmtimeException">The profile that was asked for is not possible here.</exception>
    public static Engine Create(ProfileKind kind, uint slots, out ProfileKind chosen, FloatMode floats = FloatMode.Deterministic)
    {
        if (kind != ProfileKind.SmallDevice)
        {
            try
            {
                chosen = ProfileKind.Server;
                return new Engine(With(floats, Server(slots)));
            }
            catch (WasmtimeException) when (kind == ProfileKind.Auto)
            {
                // The reservation was refused: this is a small machine.
            }
        }

        chosen = ProfileKind.SmallDevice;
        return new Engine(With(floats, EngineOptions.SmallDevice));
    }

    /// <summary>These options for a kind of floating point.</summary>
    internal static EngineOptions With(FloatMode floats, EngineOptions options) => options with { NanCanonicalization = floats == FloatMode.Deterministic };

    /// <summary>A name of engine options for <see cref="ByName"/>: what a compiler in another process needs to know.</summary>
    internal static string Name(Engine engine)
    {
        EngineOptions options = With(FloatMode.Deterministic, engine.Options);
        string name = options.Pooling is { } pool ? $"server:{pool.TotalMemories}" : options == OnDemand ? "on-demand" : "small";
        return engine.Options.NanCanonicalization ? name : FastPrefix + name;
    }

    /// <summary>An engine with the options of this name.</summary>
    internal static Engine ByName(string name)
    {
        bool fast = name.StartsWith(FastPrefix, StringComparison.Ordinal);
        if (fast) name = name[FastPrefix.Length..];
        return new(With(fast ? FloatMode.Fast : FloatMode.Deterministic, name switch
        {
            "small" => EngineOptions.SmallDevice,
            "on-demand" => OnDemand,
            _ => Server(uint.Parse(name.AsSpan("server:".Length), System.Globalization.CultureInfo.InvariantCulture)),
        }));
    }

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
