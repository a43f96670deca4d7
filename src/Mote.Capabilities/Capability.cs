// A capability: interfaces that guests may import, implemented by the host for each instance. Linked once for an engine,
// prepared once for an instance, and then only when the guest first calls it.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities;

/// <summary>A family of interfaces that the host implements.</summary>
public abstract class Capability
{
    /// <summary>Where an instance keeps this capability's state; set by <see cref="CapabilitySet"/>.</summary>
    internal int Slot { get; set; } = -1;

    /// <summary>Defines the interfaces. Does no I/O and knows no app.</summary>
    public abstract void Link(ComponentLinker linker);
}

/// <summary>A capability with state for each instance.</summary>
/// <typeparam name="TGuest">The state: what implements the interfaces for one instance.</typeparam>
public abstract class Capability<TGuest> : Capability
    where TGuest : class
{
    /// <summary>Makes the state of an instance. Must not wait for anything: connections are made when they are used.</summary>
    protected abstract TGuest Prepare(MicroVm vm);

    /// <summary>The state of an instance, made when it is first asked for.</summary>
    protected TGuest Guest(ComponentInstance instance)
    {
        MicroVm vm = MicroVm.Of(instance);
        return (TGuest)(vm.Slots[Slot] ??= Prepare(vm));
    }

    /// <summary>The state of a microVM where the guest has used the capability; null where it has not.</summary>
    public TGuest? Peek(MicroVm vm) => (TGuest?)vm.Slots[Slot];

    /// <summary>The state of a microVM, for the host's own use.</summary>
    public TGuest Guest(MicroVm vm) => Guest(vm.Instance);
}

/// <summary>The capabilities of a node: all of them are always linked; what an app may do is decided by its grants.</summary>
public sealed class CapabilitySet
{
    /// <summary>A set; every capability object may be in one set only.</summary>
    public CapabilitySet(params ReadOnlySpan<Capability> capabilities)
    {
        Linker = new ComponentLinker();
        for (int i = 0; i < capabilities.Length; i++)
        {
            capabilities[i].Slot = i;
            capabilities[i].Link(Linker);
        }

        Slots = capabilities.Length;
    }

    /// <summary>Everything that components can import.</summary>
    public ComponentLinker Linker { get; }

    /// <summary>Slots that each microVM needs.</summary>
    public int Slots { get; }
}
