// A resource in the host's hands: owned, or borrowed for the time of a call.
using Mote.Components.Resources;
using Mote.Wasmtime;

namespace Mote.Components;

/// <summary>
/// A handle to a resource that the host holds. An owned one is given up by passing it to a guest as own, or by
/// <see cref="Drop"/>; a borrowed one is valid until the call that brought it returns.
/// </summary>
public sealed class ResourceHandle
{
    internal ResourceHandle(ComponentInstance instance, RuntimeResource type, uint rep, object? host, bool owned)
    {
        Instance = instance;
        Type = type;
        Rep = rep;
        Host = host;
        IsOwned = owned;
        IsAlive = true;
    }

    /// <summary>A handle to an object of the host, to be passed to a guest of <paramref name="instance"/>.</summary>
    public static ResourceHandle FromHost(ComponentInstance instance, HostResource type, object value, bool owned = true) => new(instance, type, 0, value, owned);

    /// <summary>Its resource type.</summary>
    public RuntimeResource Type { get; }

    /// <summary>True for own, false for borrow.</summary>
    public bool IsOwned { get; }

    /// <summary>Of a resource of the host: the object.</summary>
    public object? Host { get; }

    internal ComponentInstance Instance { get; }

    internal uint Rep { get; }

    /// <summary>False once it was given up, or the call that lent it is over.</summary>
    public bool IsAlive { get; private set; }

    internal void End() => IsAlive = false;

    /// <summary>Drops an owned resource: runs its destructor.</summary>
    /// <exception cref="InvalidOperationException">It is not owned, or was given up before.</exception>
    public void Drop()
    {
        if (!IsOwned || !IsAlive) throw new InvalidOperationException("only an owned resource that was not given up can be dropped");
        IsAlive = false;
        try
        {
            Instance.DropOwned(Type, Rep, Host, caller: null);
        }
        catch (TrapException)
        {
            Instance.Poison();
            throw;
        }
    }
}
