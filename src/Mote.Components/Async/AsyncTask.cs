// A call of a lifted function in a component that has something asynchronous (CanonicalABI.md, "Tasks", "canon lift").
using Mote.Components.Abi;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Wasmtime;

namespace Mote.Components.Async;

/// <summary>Who called, and how it passes values.</summary>
internal interface ITaskCaller
{
    /// <summary>The callee begins: its arguments are lowered.</summary>
    void Start(scoped ref GuestContext callee, scoped Span<ValRaw> core);

    /// <summary>The callee has a result: in memory where <paramref name="isSpilled"/>, by the pointer that is the first value.</summary>
    void Return(scoped ref GuestContext callee, scoped ReadOnlySpan<ValRaw> values, bool isSpilled);

    /// <summary>The callee was cancelled.</summary>
    void Cancelled();
}

internal sealed class AsyncTask : GuestTask
{
    /// <summary>What a callback asks for; 1, between them, is to be called again when others have had their turn.</summary>
    private const uint Exit = 0, Wait = 2;

    private readonly AsyncRuntime _runtime;
    private readonly PlanLift _lift;
    private readonly ITaskCaller _caller;
    private readonly List<TaskThread> _threads = [];

    public AsyncTask(AsyncRuntime runtime, PlanLift lift, ITaskCaller caller)
    {
        _runtime = runtime;
        _lift = lift;
        _caller = caller;
        Instance = runtime.Root.Instances[lift.Options.Instance];
        Implicit = new TaskThread(this);
    }

    public RuntimeInstance Instance { get; }

    public TaskThread Implicit { get; }

    public PlanLift Lift => _lift;

    public bool IsAsync => _lift.Type.IsAsync;

    public bool IsResolved => State == TaskState.Resolved;

    private bool NeedsExclusive => !_lift.Options.Async || _lift.Options.Callback >= 0;

    private bool HasBackpressure => Instance.Backpressure > 0 || (NeedsExclusive && Instance.Exclusive is not null);

    // ---- its life ----

    /// <summary>What its first thread does.</summary>
    public void Begin()
    {
        // One that keeps it out and may go on does so first: the reference tests count on that.
        while (IsAsync && Instance is { Backpressure: 0, WaitingToEnter: 0, Exclusive: { IsReady: true } other }) _runtime.Resume(other, cancelled: false);
        if (IsAsync && (HasBackpressure || Instance.WaitingToEnter > 0))
        {
            Instance.WaitingToEnter++;
            _runtime.Suspend(Implicit, () => !HasBackpressure, cancellable: true, cancelled =>
            {
                Instance.WaitingToEnter--;
                if (cancelled) Cancel();
                else Enter();
            });
            return;
        }

        Enter();
    }

    private void Enter()
    {
        if (IsAsync && NeedsExclusive) Instance.Exclusive = Implicit;
        Register(Implicit);
        ComponentInstance root = _runtime.Root;
        var guest = new GuestContext(root, _lift.Options, this);
        State = TaskState.Started;
        Span<ValRaw> core = stackalloc ValRaw[16];
        _caller.Start(ref guest, core);
        root.GetFunc(_lift.Func).CallUnchecked(core[..Math.Max(_lift.CoreType.Parameters.Count, _lift.CoreType.Results.Count)]);
        if (!_lift.Options.Async)
        {
            ValRaw result = core[0];
            guest.Refresh();
            Return(ref guest, core, _lift.Type.ResultSpills);
            PostReturn.Call(root, _lift.Options, Instance, result);
            Leave();
        }
        else if (_lift.Options.Callback < 0)
        {
            Leave();
        }
        else
        {
            Go(core[0].U32);
        }
    }

    /// <summary>What the callback asked for.</summary>
    private void Go(uint packed)
    {
        while (true)
        {
            uint code = packed & 0xf;
            if (code == Exit)
            {
                Leave();
                return;
            }

            if (code > Wait) throw new TrapException($"unsupported callback code: {code}");
            WaitableSet? set = null;
            if (code == Wait)
            {
                set = Instance.Handles.Get(packed >> 4).Kind as WaitableSet ?? throw new TrapException($"handle index {packed >> 4} is not a waitable set");
                set.Waiting++;
            }

            Instance.Exclusive = null;
            bool told = TakePendingCancel(true);
            if (!told)
            {
                _runtime.Suspend(Implicit, () => Instance.Exclusive is null && set is not { HasPendingEvent: false }, cancellable: true, cancelled => Go(Callback(set, cancelled)));
                return;
            }

            packed = Callback(set, cancelled: true);
        }
    }

    private uint Callback(WaitableSet? set, bool cancelled)
    {
        Instance.Exclusive = Implicit;
        WaitableEvent e = cancelled ? new WaitableEvent(EventCode.TaskCancelled, 0, 0) : set?.TakePendingEvent() ?? default;
        if (set is not null) set.Waiting--;
        Span<ValRaw> values = stackalloc ValRaw[3];
        values[0].U64 = (uint)e.Code;
        values[1].U64 = e.Index;
        values[2].U64 = e.Payload;
        _runtime.Root.GetFunc(_lift.Options.Callback).CallUnchecked(values);
        return values[0].U32;
    }

    /// <summary>Its first thread ends.</summary>
    private void Leave()
    {
        Unregister(Implicit);
        if (IsAsync && NeedsExclusive) Instance.Exclusive = null;
    }

    private void Register(TaskThread thread)
    {
        _threads.Add(thread);
        thread.Index = Instance.AddThread(thread);
    }

    private void Unregister(TaskThread thread)
    {
        _threads.Remove(thread);
        if (_threads.Count == 0 && !IsResolved) throw new TrapException("async-lifted export failed to produce a result");
        Instance.RemoveThread(thread.Index);
        thread.Index = 0;
    }

    // ---- its result ----

    /// <summary>It has a result.</summary>
    public void Return(scoped ref GuestContext guest, scoped ReadOnlySpan<ValRaw> values, bool isSpilled)
    {
        CheckResolve();
        guest.BeginLift();
        _caller.Return(ref guest, values, isSpilled);
        State = TaskState.Resolved;
    }

    /// <summary>It says that it was cancelled.</summary>
    public void Cancel()
    {
        if (State != TaskState.CancelDelivered) throw new TrapException("`task.cancel` called by task which has not been cancelled");
        CheckResolve();
        _caller.Cancelled();
        State = TaskState.Resolved;
    }

    // ---- cancellation ----

    /// <summary>Its caller wants no result any more.</summary>
    public void RequestCancellation(RuntimeInstance? caller)
    {
        if (State == TaskState.Initial)
        {
            State = TaskState.CancelDelivered;
            _runtime.Resume(Implicit, cancelled: true);
            return;
        }

        TaskThread? told = _threads.Find(t => t.IsCancellable && !t.IsRunning && !(NeedsExclusive && ReferenceEquals(t, Implicit) && Instance.Exclusive is { } other && !ReferenceEquals(other, Implicit)));
        if (told is null || !ComponentInstance.MayEnter(Instance, caller))
        {
            State = TaskState.PendingCancel;
            return;
        }

        State = TaskState.CancelDelivered;
        ComponentInstance.SetEntered(Instance, caller, entered: true);
        _runtime.Resume(told, cancelled: true);
        ComponentInstance.SetEntered(Instance, caller, entered: false);
    }

    /// <summary>Tells a thread that may be told; true where there was something to tell.</summary>
    public bool TakePendingCancel(bool cancellable)
    {
        if (!cancellable || State != TaskState.PendingCancel) return false;
        State = TaskState.CancelDelivered;
        return true;
    }
}
