// What the host gives to components: instances with functions and resource types, found by name and version.
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Linking;

/// <summary>A named set of host items: an interface that the host implements.</summary>
public sealed class HostInstance
{
    private readonly Dictionary<string, object> _items = [];

    internal IReadOnlyDictionary<string, object> Items => _items;

    internal void Remove(string name) => _items.Remove(name);

    /// <summary>Defines a function.</summary>
    public HostInstance Function(string name, HostFunction function)
    {
        _items.Add(name, function);
        return this;
    }

    /// <summary>Defines a resource type.</summary>
    public HostInstance Resource(string name, HostResource type)
    {
        _items.Add(name, type);
        return this;
    }

    /// <summary>Defines a core module.</summary>
    public HostInstance Module(string name, Module module, ReadOnlyMemory<byte> wasm)
    {
        _items.Add(name, new HostModule(module, wasm));
        return this;
    }

    /// <summary>An instance inside this one.</summary>
    public HostInstance Instance(string name)
    {
        if (_items.TryGetValue(name, out object? known)) return (HostInstance)known;
        var nested = new HostInstance();
        _items.Add(name, nested);
        return nested;
    }
}

/// <summary>A core module of the host, with its bytes: its imports and exports are read from them.</summary>
internal sealed record HostModule(Module Module, ReadOnlyMemory<byte> Wasm);

/// <summary>
/// Resolves a component's imports once. What it holds does not belong to any store, so a linked component can be
/// instantiated any number of times, from any thread.
/// </summary>
public sealed class ComponentLinker
{
    private readonly HostInstance _root = new();

    /// <summary>By the name with its version reduced to the compatible track: the newest version defined.</summary>
    private readonly Dictionary<string, string> _compatible = [];

    /// <summary>Items at the top level.</summary>
    public HostInstance Root => _root;

    /// <summary>Names of everything defined at the top level.</summary>
    public IEnumerable<string> Names => _root.Items.Keys;

    /// <summary>The instance of this name, made where there is none. Names of interfaces carry the newest version that is implemented.</summary>
    public HostInstance Instance(string name)
    {
        HostInstance instance = _root.Instance(name);
        Track(name);
        return instance;
    }

    private void Track(string name)
    {
        if (Types.Names.TryParse(name, canonicalVersions: true, out ParsedName parsed, out _) && parsed.Version is not null)
        {
            if (!_compatible.TryGetValue(parsed.Compatible, out string? known) || Newer(name, known)) _compatible[parsed.Compatible] = name;
        }
    }

    /// <summary>Takes away what was defined under a name.</summary>
    public void Remove(string name)
    {
        _root.Remove(name);
        _compatible.Clear();
        foreach (string left in Names) Track(left); // another version may stand in now
    }

    private static bool Newer(string name, string known) =>
        SemVer.TryParse(name.AsSpan(name.IndexOf('@') + 1), out SemVer a, out _) && SemVer.TryParse(known.AsSpan(known.IndexOf('@') + 1), out SemVer b, out _) && a.CompareTo(b) > 0;

    /// <summary>Whether an import of this name finds something: under exactly this name, or one of a compatible version.</summary>
    public bool Hosts(string name, string? implements = null) => Find(name, implements) is not null;

    /// <summary>The item that an import of this name gets: of exactly this name, else of a compatible version.</summary>
    internal object? Find(string name, string? implements)
    {
        if (_root.Items.TryGetValue(name, out object? exact)) return exact;
        if (Compatible(name) is { } compatible) return compatible;
        // A plain name that says which interface it implements gets that interface's implementation.
        return implements is null ? null : _root.Items.GetValueOrDefault(implements) ?? Compatible(implements);
    }

    private object? Compatible(string name) =>
        Types.Names.TryParse(name, canonicalVersions: true, out ParsedName parsed, out _) && parsed.Version is not null
            && _compatible.TryGetValue(Reduce(parsed), out string? found) ? _root.Items[found] : null;

    private static string Reduce(ParsedName name) =>
        // A canonical version (1, 0.2, 0.0.3) is its own track.
        Types.Names.IsCanonicalVersion(name.Version!) && !SemVer.TryParse(name.Version, out _, out _) ? name.Text : name.Compatible;

    /// <summary>Resolves every import.</summary>
    /// <exception cref="ComponentException">Imports are missing or have other types; the message names all of them.</exception>
    public InstanceTemplate Link(CompiledComponent component) => new(component, this);
}
