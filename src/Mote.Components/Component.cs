// A component file that was decoded, validated and planned; and the same, compiled.
using Mote.Components.Binary;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Components;

/// <summary>A component that was found valid, with its plan. Nothing is compiled yet.</summary>
public sealed class Component
{
    private Component(ReadOnlyMemory<byte> file, ValidatedComponent root, Plan plan)
    {
        File = file;
        Root = root;
        Plan = plan;
    }

    /// <summary>The file's bytes.</summary>
    public ReadOnlyMemory<byte> File { get; }

    internal ValidatedComponent Root { get; }

    internal Plan Plan { get; }

    /// <summary>Decodes, validates and plans a component.</summary>
    /// <param name="file">The whole file; it must not change afterwards.</param>
    /// <param name="engine">Checks the core modules inside.</param>
    /// <param name="features">Gated parts that are accepted.</param>
    /// <exception cref="ComponentException">The file is malformed, invalid, or uses what is not supported yet.</exception>
    public static Component Load(ReadOnlyMemory<byte> file, Engine engine, ComponentFeatures features = ComponentFeatures.Default)
    {
        ValidatedComponent root = Validate(file, engine, features);
        return new Component(file, root, Planner.Make(file, root, engine.Validate));
    }

    /// <summary>Decodes and validates only; also what is not supported to run is then accepted.</summary>
    /// <exception cref="ComponentException">The file is malformed or invalid.</exception>
    public static void Check(ReadOnlyMemory<byte> file, Engine engine, ComponentFeatures features = ComponentFeatures.Default) => Validate(file, engine, features);

    internal static ValidatedComponent Validate(ReadOnlyMemory<byte> file, Engine engine, ComponentFeatures features) =>
        Validator.Validate(file, ComponentDecoder.Decode(file.Span), features, engine.Validate);

    /// <summary>Compiles the core modules that the plan needs.</summary>
    /// <exception cref="WasmtimeException">A module cannot be compiled for this engine.</exception>
    public CompiledComponent Compile(Engine engine)
    {
        var modules = new Module?[Plan.Modules.Count];
        try
        {
            for (int i = 0; i < modules.Length; i++)
            {
                if (Plan.Modules[i].Needed) modules[i] = Module.Compile(engine, BytesOf(i).Span);
            }
        }
        catch
        {
            foreach (Module? m in modules) m?.Dispose();
            throw;
        }

        return new CompiledComponent(engine, Plan, modules);
    }

    /// <summary>A core module of the plan.</summary>
    internal ReadOnlyMemory<byte> BytesOf(int module)
    {
        PlanModule m = Plan.Modules[module];
        return m.Merged.IsEmpty ? File.Slice((int)m.Offset, m.Length) : m.Merged;
    }
}

/// <summary>A component ready to be linked and instantiated: a plan and machine code.</summary>
public sealed class CompiledComponent : IDisposable
{
    internal CompiledComponent(Engine engine, Plan plan, Module?[] modules)
    {
        Engine = engine;
        Plan = plan;
        Modules = modules;
    }

    /// <summary>The engine it was compiled for.</summary>
    public Engine Engine { get; }

    internal Plan Plan { get; }

    /// <summary>By the plan's index; null where a module was bypassed.</summary>
    internal Module?[] Modules { get; }

    /// <summary>Bytes of machine code and data mapped for it.</summary>
    public long ImageSize => Modules.Sum(m => m?.ImageSize ?? 0);

    /// <summary>Core modules that were bypassed (shims and fixups).</summary>
    public int BypassedModules => Plan.BypassedModules;

    /// <summary>Core modules that became part of a merged one.</summary>
    public int MergedModules => Plan.MergedModules;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Module? m in Modules) m?.Dispose();
    }
}
