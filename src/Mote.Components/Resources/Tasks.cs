// Tasks, subtasks and waitables (CanonicalABI.md, "Tasks", "Subtask State", "Waitable State"). A synchronous call uses
// only a task's count of borrows; the states and events are what the asynchronous built-ins stand on.
using Mote.Wasmtime;

namespace Mote.Components.Resources;

/// <summary>One call of an export of a guest.</summary>
internal sealed class GuestTask
{
    /// <summary>States of a task.</summary>
    public enum TaskState : byte
    {
        /// <summary>Not entered yet.</summary>
        Initial,

        /// <summary>Its parameters have been taken.</summary>
        Started,

        /// <summary>Asked to stop, not told yet.</summary>
        PendingCancel,

        /// <summary>Told to stop.</summary>
        CancelDelivered,

        /// <summary>Returned, or stopped.</summary>
        Resolved,
    }

    public TaskState State { get; private set; }

    /// <summary>Borrowed handles that were given to this call and are not dropped yet.</summary>
    public int Borrows { get; set; }

    /// <summary>Uses the object for another call.</summary>
    public void Reset()
    {
        State = TaskState.Initial;
        Borrows = 0;
    }

    public void Start() => State = TaskState.Started;

    /// <summary>The call returns: its borrows must be gone.</summary>
    /// <exception cref="TrapException">Borrows remain, or it has returned before.</exception>
    public void Return()
    {
        if (State == TaskState.Resolved) throw new TrapException("`task.return` or `task.cancel` called more than once for current task");
        if (Borrows > 0) throw new TrapException("borrow handles still remain at the end of the call");
        State = TaskState.Resolved;
    }
}

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
    private Func<WaitableEvent>? _pending;

    /// <summary>The set it belongs to, if any.</summary>
    public WaitableSet? Set { get; private set; }

    public bool HasPendingEvent => _pending is not null;

    /// <summary>Sets what happened, in place of what had not been taken yet; the event is made when it is taken.</summary>
    public void SetPendingEvent(Func<WaitableEvent> pending) => _pending = pending;

    public WaitableEvent TakePendingEvent()
    {
        Func<WaitableEvent> pending = _pending ?? throw new InvalidOperationException("no event is pending");
        _pending = null;
        return pending();
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
}

/// <summary>Waitables that are waited for together.</summary>
internal sealed class WaitableSet
{
    public List<Waitable> Elements { get; } = [];

    /// <summary>Tasks that wait for this set now.</summary>
    public int Waiting { get; set; }

    /// <summary>The first event that is pending, in the order the waitables joined.</summary>
    public WaitableEvent? Poll() => Elements.Find(e => e.HasPendingEvent)?.TakePendingEvent();

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

    public bool Resolved => State >= SubtaskState.Returned;

    /// <summary>True once the caller knows that it is resolved.</summary>
    public bool ResolveDelivered => _lenders is null;

    public void Start() => State = SubtaskState.Started;

    /// <summary>Lends a handle of the caller until the result is delivered.</summary>
    public void Lend(HandleTable table, uint index)
    {
        table.Get(index).Lends++;
        _lenders!.Add((table, index));
    }

    public void Resolve(SubtaskState state) => State = state;

    /// <summary>The caller learns of the result: what it lent is its own again.</summary>
    public void DeliverResolve()
    {
        foreach ((HandleTable table, uint index) in _lenders!) table.Get(index).Lends--;
        _lenders = null;
    }

    /// <inheritdoc/>
    public override void Drop()
    {
        if (!ResolveDelivered) throw new TrapException("cannot drop a subtask which has not yet resolved");
        base.Drop();
    }
}
