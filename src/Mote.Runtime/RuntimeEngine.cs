// The engines of a node: the pooled one for almost everything, one on demand for what the pool refuses, and both again for
// components with fast floats. All but the first are made when a component needs them.
using Mote.Components;
using Mote.Wasmtime;

namespace Mote.Runtime;

/// <summary>How a node compiles and stops guests.</summary>
public sealed record RuntimeOptions
{
    /// <summary>The machine's profile.</summary>
    public ProfileKind Profile { get; init; } = ProfileKind.Auto;

    /// <summary>Most pooled instances at once.</summary>
    public uint PoolSlots { get; init; } = 1000;

    /// <summary>Folder for compiled code; null compiles each time.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>Compiles in a process of its own what is not in the cache; null compiles in this process, as does a runtime without a cache.</summary>
    public CompileWorker? Compiler { get; init; }

    /// <summary>Room for guests in the process's memory mappings; null is most of what the system allows a process.</summary>
    public MappingBudget? Mappings { get; init; }

    /// <summary>Told what is written to the cache; null for nobody.</summary>
    public DiskWear? Wear { get; init; }

    /// <summary>Told what is not as it should be and does not stop anything.</summary>
    public Action<string>? Log { get; init; }
}

/// <summary>Where a component's compiled code is kept.</summary>
/// <param name="Engine">What it runs on.</param>
/// <param name="Name">Its name in the cache.</param>
public sealed record CodeKey(Engine Engine, string Name);

/// <summary>Compiles components, from the cache where it can, and owns the clock that stops guests.</summary>
public sealed class RuntimeEngine : IDisposable
{
    private readonly Lazy<Engine> _onDemand, _fast, _fastOnDemand;
    private readonly CodeCache? _cache;
    private readonly CompileWorker? _compiler;
    private readonly Action<string>? _log;
    private readonly Lock _lock = new();
    private volatile Engine[] _made;

    /// <summary>Makes the engines.</summary>
    public RuntimeEngine(RuntimeOptions options)
    {
        Engine = EngineProfile.Create(options.Profile, options.PoolSlots, out ProfileKind chosen);
        Profile = chosen;
        _made = [Engine];
        _onDemand = Later(() => new Engine(EngineProfile.OnDemand));
        // Where there was room for one pool there need not be room for two.
        _fast = Later(() => EngineProfile.Create(chosen == ProfileKind.Server ? ProfileKind.Auto : chosen, options.PoolSlots, out _, FloatMode.Fast));
        _fastOnDemand = Later(() => new Engine(EngineProfile.With(FloatMode.Fast, EngineProfile.OnDemand)));
        _compiler = options.Compiler;
        _log = options.Log;
        Mappings = options.Mappings ?? MappingBudget.OfSystem();
        _cache = options.CacheFolder is null ? null : new CodeCache(options.CacheFolder, options.Log, options.Wear);
        Ticker = new EpochTicker(() => _made);
    }

    /// <summary>The engine for almost everything.</summary>
    public Engine Engine { get; }

    /// <summary>The profile in use.</summary>
    public ProfileKind Profile { get; }

    /// <summary>Room for guests in this process's memory mappings.</summary>
    public MappingBudget Mappings { get; }

    /// <summary>The clock that stops guests.</summary>
    public EpochTicker Ticker { get; }

    /// <summary>Decodes, validates and compiles a component, or takes it from the cache.</summary>
    /// <param name="file">The component.</param>
    /// <param name="floats">How exact its floating point is.</param>
    /// <exception cref="ComponentException">The file is not a valid component, or uses what is not supported yet.</exception>
    /// <exception cref="WasmtimeException">A module in it cannot be compiled.</exception>
    /// <exception cref="CompileException">Compiling it takes more memory or time than it may.</exception>
    public CompiledComponent Compile(ReadOnlyMemory<byte> file, FloatMode floats = FloatMode.Deterministic)
    {
        Engine engine = floats == FloatMode.Fast ? _fast.Value : Engine;
        try
        {
            return Get(file, engine);
        }
        catch (WasmtimeException) when (engine.Options.Pooling is not null)
        {
            // Larger than a slot of the pool in some dimension: it gets its memory on demand. A module that is at fault
            // itself fails here again, with the same words.
            return Get(file, (floats == FloatMode.Fast ? _fastOnDemand : _onDemand).Value);
        }
    }

    /// <summary>Where the code of a component that was compiled here is kept; null where it is not.</summary>
    public CodeKey? KeyOf(ReadOnlyMemory<byte> file, CompiledComponent compiled) => _cache is null ? null : new CodeKey(compiled.Engine, CodeCache.NameOf(file.Span, compiled.Engine));

    /// <summary>Maps code that is kept; null where it is gone.</summary>
    public CompiledComponent? Map(CodeKey key) => _cache?.TryLoad(key.Name, key.Engine);

    private CompiledComponent Get(ReadOnlyMemory<byte> file, Engine engine) =>
        _cache?.Get(file, engine, _compiler is { } c ? folder => c.Compile(folder, EngineProfile.Name(engine), _log) : null) ?? Component.Load(file, engine).Compile(engine);

    private Lazy<Engine> Later(Func<Engine> make) => new(() =>
    {
        Engine engine = make();
        lock (_lock) _made = [.. _made, engine];
        return engine;
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        Ticker.Dispose();
        foreach (Engine engine in _made) engine.Dispose();
    }
}
