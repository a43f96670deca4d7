// A component written as text, linked and running.
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

/// <summary>Owns everything that a running component consists of.</summary>
internal sealed class Guest : IDisposable
{
    private readonly CompiledComponent _compiled;

    private Guest(CompiledComponent compiled, InstanceTemplate template, ComponentInstance instance)
    {
        _compiled = compiled;
        Template = template;
        Instance = instance;
    }

    public InstanceTemplate Template { get; }

    public ComponentInstance Instance { get; }

    public CompiledComponent Compiled => _compiled;

    /// <summary>Runs a component.</summary>
    /// <param name="wat">Its text.</param>
    /// <param name="host">Defines what it imports.</param>
    /// <param name="engine">Null is <see cref="Engines.Plain"/>.</param>
    /// <param name="configure">See <see cref="InstanceTemplate.Instantiate"/>.</param>
    public static Guest Run(string wat, Action<ComponentLinker>? host = null, Engine? engine = null, Action<ComponentInstance>? configure = null)
    {
        Component component = Load(wat, engine);
        CompiledComponent compiled = component.Compile(engine ?? Engines.Plain);
        return Run(compiled, host, configure);
    }

    /// <summary>Runs a compiled component, which it then owns.</summary>
    public static Guest Run(CompiledComponent compiled, Action<ComponentLinker>? host = null, Action<ComponentInstance>? configure = null)
    {
        var linker = new ComponentLinker();
        host?.Invoke(linker);
        InstanceTemplate? template = null;
        try
        {
            template = linker.Link(compiled);
            return new Guest(compiled, template, template.Instantiate(configure));
        }
        catch
        {
            template?.Dispose();
            compiled.Dispose();
            throw;
        }
    }

    public static Component Load(string wat, Engine? engine = null, ComponentFeatures features = ComponentFeatures.Default) =>
        Component.Load(Wat.ToWasm(wat), engine ?? Engines.Plain, features);

    /// <summary>Calls an export of the root.</summary>
    public Value? Call(string function, params ReadOnlySpan<Value> arguments) => Instance.GetFunction(function).Call(arguments);

    /// <summary>Calls an export that gives a number.</summary>
    public uint CallU32(string function, params ReadOnlySpan<Value> arguments) => (uint)((UnsignedValue)Call(function, arguments)!).Value;

    public void Dispose()
    {
        Instance.Dispose();
        Template.Dispose();
        _compiled.Dispose();
    }
}
