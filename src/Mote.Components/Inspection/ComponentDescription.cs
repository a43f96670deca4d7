// What a component file says about itself, for people and tools.
using Mote.Components.Binary;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Inspection;

/// <summary>What an import or export is.</summary>
public enum ItemKind
{
    /// <summary>A function.</summary>
    Function,

    /// <summary>An instance: an interface's functions and types.</summary>
    Instance,

    /// <summary>A type that is no resource.</summary>
    Type,

    /// <summary>A resource type.</summary>
    Resource,

    /// <summary>A component.</summary>
    Component,

    /// <summary>A core module.</summary>
    Module,
}

/// <summary>An import or export.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Type">Its type in WIT's notation; null for instances, components and modules.</param>
/// <param name="Items">What an instance exports; empty for all else.</param>
/// <param name="Implements">The interface that an import under a plain name says it implements; null for none.</param>
public sealed record ItemDescription(string Name, ItemKind Kind, string? Type, IReadOnlyList<ItemDescription> Items, string? Implements = null);

/// <summary>A core module inside a component.</summary>
/// <param name="Offset">Where it begins in the file.</param>
/// <param name="Bytes">Its size in the file.</param>
/// <param name="Depth">How many components are around it.</param>
/// <param name="Functions">Functions it defines.</param>
/// <param name="MemoryPages">Initial pages of its first own memory (64 KiB each); null where it defines none.</param>
/// <param name="MaxMemoryPages">Most pages of that memory; null where it does not say.</param>
public sealed record ModuleDescription(long Offset, int Bytes, int Depth, int Functions, ulong? MemoryPages, ulong? MaxMemoryPages);

/// <summary>A component's imports, exports and parts.</summary>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Imports">In the order of the file.</param>
/// <param name="Exports">In the order of the file.</param>
/// <param name="Modules">Core modules, inner components' too.</param>
/// <param name="Components">How many components are inside.</param>
public sealed record ComponentDescription(
    long Bytes, IReadOnlyList<ItemDescription> Imports, IReadOnlyList<ItemDescription> Exports, IReadOnlyList<ModuleDescription> Modules, int Components)
{
    /// <summary>Describes a component; also one that uses what cannot be run yet.</summary>
    /// <exception cref="ComponentException">It is malformed or invalid.</exception>
    public static ComponentDescription Of(ReadOnlyMemory<byte> file, Engine engine, ComponentFeatures features = ComponentFeatures.Default)
    {
        ValidatedComponent root = Component.Validate(file, engine, features);
        var modules = new List<ModuleDescription>();
        int components = Collect(root, 0, modules);
        return new ComponentDescription(file.Length, Items(root.Type.Imports), Items(root.Type.Exports), modules, components);
    }

    private static int Collect(ValidatedComponent component, int depth, List<ModuleDescription> modules)
    {
        foreach ((CoreModuleNode node, CoreModule m) in component.Modules.OrderBy(m => m.Key.Offset))
        {
            CoreLimits? memory = m.Memories.Count > 0 ? m.Memories[0].Limits : null;
            modules.Add(new ModuleDescription(node.Offset, node.Length, depth, m.Functions.Count - m.ImportedFunctions, memory?.Min, memory?.Max));
        }

        return component.Nested.Values.Sum(n => 1 + Collect(n, depth + 1, modules));
    }

    private static ItemDescription[] Items(OrderedDictionary<string, ExternItem> items) => [.. items.Select(i => Item(i.Key, i.Value))];

    private static ItemDescription Item(string name, ExternItem item) => item.Type.Sort switch
    {
        Sort.Func => new(name, ItemKind.Function, item.Type.Func.ToString(), []),
        Sort.Instance => new(name, ItemKind.Instance, null, Items(item.Type.Instance.Exports), item.Name.Implements),
        Sort.Component => new(name, ItemKind.Component, null, []),
        Sort.CoreModule => new(name, ItemKind.Module, null, []),
        _ => item.Type.Type is ResourceType ? new(name, ItemKind.Resource, null, []) : new(name, ItemKind.Type, item.Type.Type.ToString(), []),
    };
}
