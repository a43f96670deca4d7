// The built-ins of the asynchronous ABI (CanonicalABI.md, from "canon context.get" on).
using Mote.Components.Abi;
using Mote.Components.Binary;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Async;

internal sealed class AsyncBuiltIn(PlanTrampoline plan) : Trampoline(plan)
{
    private const uint Blocked = 0xffff_ffff;

    /// <summary>Whether it can wait inside a call.</summary>
    public static bool MayBlock(CanonOp op, bool flag, bool isAsync) => op switch
    {
        CanonOp.WaitableSetWait or (>= CanonOp.ThreadNewIndirect and <= CanonOp.ThreadYieldThenPromote and not CanonOp.ThreadResumeLater) or CanonOp.ThreadYield => true,
        CanonOp.StreamRead or CanonOp.StreamWrite or CanonOp.FutureRead or CanonOp.FutureWrite => !isAsync,
        CanonOp.SubtaskCancel or CanonOp.StreamCancelRead or CanonOp.StreamCancelWrite or CanonOp.FutureCancelRead or CanonOp.FutureCancelWrite => !flag,
        _ => false,
    };

    protected override void Invoke(Store store, Span<ValRaw> values)
    {
        ComponentInstance root = Plan.Op is CanonOp.ContextGet or CanonOp.ContextSet or CanonOp.BackpressureInc or CanonOp.BackpressureDec ? (ComponentInstance)store.Data! : Begin(store, out _);
        RuntimeInstance self = root.Instances[Plan.Instance];
        AsyncRuntime runtime = root.Async;
        switch (Plan.Op)
        {
            case CanonOp.ContextGet:
                values[0].U64 = runtime.CurrentThread.Storage[Plan.Target];
                break;
            case CanonOp.ContextSet:
                runtime.CurrentThread.Storage[Plan.Target] = values[0].U32;
                break;
            case CanonOp.BackpressureInc:
                if (++self.Backpressure == 1 << 16) throw new TrapException("backpressure counter overflow");
                break;
            case CanonOp.BackpressureDec:
                if (--self.Backpressure < 0) throw new TrapException("backpressure counter overflow: it is below zero");
                break;
            case CanonOp.TaskReturn:
                TaskReturn(root, runtime.CurrentThread.Task!, values);
                break;
            case CanonOp.TaskCancel:
                AsyncTask cancelled = runtime.CurrentThread.Task!;
                if (!cancelled.Lift.Options.Async) throw new TrapException("`task.cancel` called by a task that was not lifted with `async`");
                cancelled.Cancel();
                break;
            case CanonOp.WaitableSetNew:
                values[0].U64 = self.Handles.AddOther(new WaitableSet());
                break;
            case CanonOp.WaitableSetWait or CanonOp.WaitableSetPoll:
                WaitableSet set = Item<WaitableSet>(self, values[0].U32, "waitable set");
                WaitableEvent e = Plan.Op == CanonOp.WaitableSetWait ? Wait(runtime, set)
                    : runtime.CurrentThread.Task is { } t && t.TakePendingCancel(Plan.Flag) ? new WaitableEvent(EventCode.TaskCancelled, 0, 0)
                    : set.HasPendingEvent ? set.TakePendingEvent() : default;
                var memory = new GuestContext(root, Plan.Options!, null);
                memory.CheckRange(values[1].U32, 8, 4);
                memory.StoreU32(values[1].U32, e.Index);
                memory.StoreU32(values[1].U32 + 4, e.Payload);
                values[0].U64 = (uint)e.Code;
                break;
            case CanonOp.WaitableSetDrop:
                Item<WaitableSet>(self, values[0].U32, "waitable set").Drop();
                self.Handles.Remove(values[0].U32);
                break;
            case CanonOp.WaitableJoin:
                Waitable joining = Item<Waitable>(self, values[0].U32, "waitable");
                if (joining.HasSyncWaiter) throw new TrapException("cannot join a waitable that somebody waits for");
                joining.Join(values[1].U32 == 0 ? null : Item<WaitableSet>(self, values[1].U32, "waitable set"));
                break;
            case CanonOp.SubtaskCancel:
                values[0].U64 = SubtaskCancel(runtime, self, values[0].U32);
                break;
            case CanonOp.SubtaskDrop:
                Item<Subtask>(self, values[0].U32, "subtask").Drop();
                self.Handles.Remove(values[0].U32);
                break;
            case CanonOp.StreamNew or CanonOp.FutureNew:
                var type = (StreamOrFutureType)Plan.Type!;
                SharedCopy shared = type.IsStream ? new SharedStream(type) : new SharedFuture(type);
                ulong readable = self.Handles.AddOther(new CopyEnd(shared, isWriter: false));
                values[0].U64 = readable | ((ulong)self.Handles.AddOther(new CopyEnd(shared, isWriter: true)) << 32);
                break;
            case CanonOp.StreamRead or CanonOp.StreamWrite:
                values[0].U64 = Copy(root, runtime, self, values[0].U32, values[1].U32, values[2].U32);
                break;
            case CanonOp.FutureRead or CanonOp.FutureWrite:
                values[0].U64 = Copy(root, runtime, self, values[0].U32, values[1].U32, 1);
                break;
            case CanonOp.StreamCancelRead or CanonOp.StreamCancelWrite or CanonOp.FutureCancelRead or CanonOp.FutureCancelWrite:
                values[0].U64 = CancelCopy(runtime, self, values[0].U32);
                break;
            case CanonOp.StreamDropReadable or CanonOp.StreamDropWritable or CanonOp.FutureDropReadable or CanonOp.FutureDropWritable:
                End(self, values[0].U32).Drop();
                self.Handles.Remove(values[0].U32);
                break;
            case CanonOp.ThreadIndex:
                values[0].U64 = runtime.CurrentThread.Index;
                break;
            case CanonOp.ThreadYield:
                values[0].U64 = runtime.WaitUntil(static () => true, Plan.Flag, yields: true) ? 1u : 0;
                break;
            case CanonOp.ThreadSuspend:
                values[0].U64 = runtime.SuspendCurrent(Plan.Flag) ? 1u : 0;
                break;
            default:
                throw new TrapException($"`{Validator.Name(Plan.Op)}` is not supported yet");
        }
    }

    private static T Item<T>(RuntimeInstance self, uint index, string what)
        where T : class => self.Handles.Get(index).Kind as T ?? throw new TrapException($"handle index {index} is not a {what}");

    private void TaskReturn(ComponentInstance root, AsyncTask task, ReadOnlySpan<ValRaw> values)
    {
        PlanLift lift = task.Lift;
        PlanOptions o = Plan.Options!;
        bool fits = lift.Options.Async
            && (lift.Type.Result is null) == (Plan.Type is null)
            && (Plan.Type is null || Subtyping.IsSame(Plan.Type, lift.Type.Result!))
            && o.Encoding == lift.Options.Encoding && (o.Memory < 0 || o.Memory == lift.Options.Memory);
        if (!fits) throw new TrapException("invalid `task.return` signature and/or options for current task");
        var guest = new GuestContext(root, o, task);
        task.Return(ref guest, values, Plan.Type is { } t && t.FlatCount > ValType.MaxFlatParameters);
    }

    private WaitableEvent Wait(AsyncRuntime runtime, WaitableSet set)
    {
        set.Waiting++;
        bool cancelled = runtime.WaitUntil(() => set.HasPendingEvent, Plan.Flag);
        set.Waiting--;
        return cancelled ? new WaitableEvent(EventCode.TaskCancelled, 0, 0) : set.TakePendingEvent();
    }

    /// <summary>What waits by itself may not be waited for in a set as well.</summary>
    private static void CheckAlone(Waitable waitable, bool isAsync)
    {
        if (waitable.Set is not null && !isAsync) throw new TrapException("waitable cannot be used synchronously while added to a waitable set");
    }

    /// <summary>What came of it; where nothing has yet, the guest is told so, or waits.</summary>
    private static uint Outcome(AsyncRuntime runtime, Waitable waitable, bool isAsync)
    {
        if (!waitable.HasPendingEvent)
        {
            if (isAsync) return Blocked;
            waitable.HasSyncWaiter = true;
            runtime.WaitUntil(() => waitable.HasPendingEvent, cancellable: false);
            waitable.HasSyncWaiter = false;
        }

        return waitable.TakePendingEvent().Payload;
    }

    private uint SubtaskCancel(AsyncRuntime runtime, RuntimeInstance self, uint index)
    {
        Subtask subtask = Item<Subtask>(self, index, "subtask");
        if (subtask.IsResolveDelivered) throw new TrapException("`subtask.cancel` called after terminal status delivered");
        if (subtask.CancellationRequested) throw new TrapException("`subtask.cancel` called more than once");
        CheckAlone(subtask, Plan.Flag);
        if (!subtask.IsResolved)
        {
            subtask.CancellationRequested = true;
            subtask.OnCancel!(self);
            if (!subtask.IsResolved && Plan.Flag) return Blocked; // also where that it began has not been told
        }

        return Outcome(runtime, subtask, Plan.Flag);
    }

    private CopyEnd End(RuntimeInstance self, uint index)
    {
        var type = (StreamOrFutureType)Plan.Type!;
        CopyEnd end = Item<CopyEnd>(self, index, type.Word);
        bool isWriter = Plan.Op is CanonOp.StreamWrite or CanonOp.StreamCancelWrite or CanonOp.StreamDropWritable or CanonOp.FutureWrite or CanonOp.FutureCancelWrite or CanonOp.FutureDropWritable;
        if (end.IsWriter != isWriter || !Subtyping.IsSame(end.Shared.Type, type)) throw new TrapException($"handle index {index} used with the wrong type");
        return end;
    }

    private uint Copy(ComponentInstance root, AsyncRuntime runtime, RuntimeInstance self, uint index, uint at, uint length)
    {
        CopyEnd end = End(self, index);
        bool isAsync = Plan.Options!.Async;
        if (end.State != CopyEnd.CopyState.Idle) throw new TrapException(end.State == CopyEnd.CopyState.Done ? $"cannot {(end.IsWriter ? "write to" : "read from")} {end.WhyOver}" : "cannot have concurrent operations active on a future/stream");
        CheckAlone(end, isAsync);
        end.Begin(self, index, new GuestBuffer(root, Plan.Options, end.Shared.Type.Element, at, length));
        return Outcome(runtime, end, isAsync);
    }

    private uint CancelCopy(AsyncRuntime runtime, RuntimeInstance self, uint index)
    {
        CopyEnd end = End(self, index);
        if (end.State != CopyEnd.CopyState.Copying || end.HasSyncWaiter) throw new TrapException($"{end.Shared.Type.Word} {(end.IsWriter ? "write" : "read")} cancelled when no {(end.IsWriter ? "write" : "read")} is pending");
        CheckAlone(end, Plan.Flag);
        end.Cancel();
        return Outcome(runtime, end, Plan.Flag);
    }
}
