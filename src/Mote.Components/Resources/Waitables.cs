// What a guest can wait for, and sets of it (CanonicalABI.md, "Waitable State", "Subtask State").
using Mote.Wasmtime;

namespace Mote.Components.Resources;

/// <summary>What happened to something that is waited for.</summary>
internal enum EventCode : byte
{
    None = 0,
    Subtask = 1,
    StreamRead = 2,
    StreamWrite = 3,
    FutureRead = 4,
    FutureWrite = 5,
    TaskCancelled = 6,
}

/// <summary>An event as it is handed to the guest.</summary>
internal readonly record struct WaitableEvent(EventCode Code, uint Index, uint Payload);

/// <summary>Something in a handle table that a guest can wait for.</summary>
internal abstract class Waitable
{
    /// <summary>The set it belongs to, if any.</summary>
    public WaitableSet? Set { get; private set; }

    /// <summary>Something happened that the guest has not been told.</summary>
    public bool HasPendingEvent { get; private set; }

    /// <summary>A thread waits for it without a set.</summary>
    public bool HasSyncWaiter { get; set; }

    /// <summary>Something happened, in place of what had not been taken yet; what it is is said when it is taken.</summary>
    public void SetPendingEvent() => HasPendingEvent = true;

    public WaitableEvent TakePendingEvent()
    {
        if (!HasPendingEvent) throw new InvalidOperationException("no event is pending");
        HasPendingEvent = false;
        return Deliver();
    }

    /// <summary>Moves it to a set, or out of any.</summary>
    public void Join(WaitableSet? set)
    {
        Set?.Elements.Remove(this);
        Set = set;
        set?.Elements.Add(this);
    }

    /// <summary>Its handle is dropped.</summary>
    public virtual void Drop() => Join(null);

    /// <summary>The guest is told: what it is told, with what follows from that.</summary>
    protected abstract WaitableEvent Deliver();
}

/// <summary>Waitables that are waited for together.</summary>
internal sealed class WaitableSet
{
    public List<Waitable> Elements { get; } = [];

    /// <summary>Threads that wait for this set now.</summary>
    public int Waiting { get; set; }

    public bool HasPendingEvent => Elements.Exists(static e => e.HasPendingEvent);

    /// <summary>The first event that is pending, in the order the waitables joined.</summary>
    public WaitableEvent TakePendingEvent() => Elements.Find(static e => e.HasPendingEvent)!.TakePendingEvent();

    /// <exception cref="TrapException">It still has waitables, or somebody waits.</exception>
    public void Drop()
    {
        if (Elements.Count > 0) throw new TrapException("cannot drop waitable set: it still has waitables");
        if (Waiting > 0) throw new TrapException("cannot drop waitable set with waiters");
    }
}

/// <summary>A call that a guest made, from the caller's side.</summary>
internal sealed class Subtask : Waitable
{
    /// <summary>States of a subtask; the numbers are the guest's.</summary>
    public enum SubtaskState : byte
    {
        Starting = 0,
        Started = 1,
        Returned = 2,
        CancelledBeforeStarted = 3,
        CancelledBeforeReturned = 4,
    }

    private List<(HandleTable Table, uint Index)>? _lenders = [];

    public SubtaskState State { get; private set; }

    /// <summary>Its index in the caller's table; 0 before it has one, because it had no time to.</summary>
    public uint Index { get; set; }

    public bool CancellationRequested { get; set; }

    /// <summary>Asks the callee to stop, on behalf of the caller's instance.</summary>
    public Action<RuntimeInstance?>? OnCancel { get; set; }

    public bool IsResolved => State >= SubtaskState.Returned;

    /// <summary>True once the caller knows that it is resolved.</summary>
    public bool IsResolveDelivered => _lenders is null;

    public void Start()
    {
        State = SubtaskState.Started;
        if (Index != 0) SetPendingEvent();
    }

    /// <summary>Lends a handle of the caller until the result is delivered.</summary>
    public void Lend(HandleTable table, uint index)
    {
        table.Get(index).Lends++;
        _lenders!.Add((table, index));
    }

    public void Resolve(SubtaskState state)
    {
        State = state;
        if (Index != 0) SetPendingEvent();
    }

    /// <summary>It was cancelled, as the caller asked.</summary>
    public void ResolveCancelled() => Resolve(State == SubtaskState.Starting ? SubtaskState.CancelledBeforeStarted : SubtaskState.CancelledBeforeReturned);

    /// <summary>The caller learns of the result: what it lent is its own again.</summary>
    public void DeliverResolve()
    {
        foreach ((HandleTable table, uint index) in _lenders!) table.Get(index).Lends--;
        _lenders = null;
    }

    /// <inheritdoc/>
    public override void Drop()
    {
        if (!IsResolveDelivered) throw new TrapException("cannot drop a subtask which has not yet resolved");
        base.Drop();
    }

    protected override WaitableEvent Deliver()
    {
        if (IsResolved && !IsResolveDelivered) DeliverResolve();
        return new WaitableEvent(EventCode.Subtask, Index, (uint)State);
    }
}
