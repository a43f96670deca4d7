// Tasks (CanonicalABI.md, "Tasks"). A synchronous call of a component that has nothing asynchronous uses only a task's
// count of borrows.
using Mote.Wasmtime;

namespace Mote.Components.Resources;

/// <summary>One call of an export of a guest.</summary>
internal class GuestTask
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

    public TaskState State { get; protected set; }

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
        CheckResolve();
        State = TaskState.Resolved;
    }

    private protected void CheckResolve()
    {
        if (State == TaskState.Resolved) throw new TrapException("`task.return` or `task.cancel` called more than once for current task");
        if (Borrows > 0) throw new TrapException("borrow handles still remain at the end of the call");
    }
}
