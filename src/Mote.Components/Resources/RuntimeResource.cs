// A resource type at run time. Identity is equality: a type instantiated twice is two types.
using Mote.Wasmtime;

namespace Mote.Components.Resources;

/// <summary>
/// A resource type that exists: defined by a component instance, or by the host. Handles of a host-defined type
/// carry the host's object.
/// </summary>
public abstract class RuntimeResource
{
    private protected RuntimeResource(string name) => Name = name;

    /// <summary>For messages.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A resource type of the host. Make one object for each type and use it everywhere.</summary>
public sealed class HostResource : RuntimeResource
{
    private readonly Action<ComponentInstance, object>? _drop;

    /// <summary>A type whose handles carry objects; <paramref name="drop"/> runs when the last handle goes, before <see cref="IDisposable.Dispose"/> would.</summary>
    public HostResource(string name, Action<ComponentInstance, object>? drop = null)
        : base(name) => _drop = drop;

    /// <summary>The owner is gone: gives the object back.</summary>
    internal void Drop(ComponentInstance instance, object value)
    {
        if (_drop is not null) _drop(instance, value);
        else (value as IDisposable)?.Dispose();
    }
}

/// <summary>A resource type that a component instance defines.</summary>
internal sealed class GuestResource(string name, RuntimeInstance definer, int destructor) : RuntimeResource(name)
{
    /// <summary>The instance whose destructor runs and which sees the representation.</summary>
    public RuntimeInstance Definer { get; } = definer;

    /// <summary>Function slot, -1 for none.</summary>
    public int Destructor { get; } = destructor;
}
