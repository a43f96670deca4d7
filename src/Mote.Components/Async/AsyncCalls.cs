// Both sides of calls that are tasks: a lowered import of a lifted function, a lowered function of the host, and a call of
// an export by the host (CanonicalABI.md, "canon lower").
using Mote.Components.Abi;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Async;

/// <summary>How a caller passes values with its options.</summary>
internal readonly struct LoweredSignature
{
    public const int MaxFlatAsyncParameters = 4;

    private readonly FunctionType _type;
    private readonly TupleType? _tuple;

    public LoweredSignature(FunctionType type, bool isAsync)
    {
        _type = type;
        int flat = type.ParameterTypes.Sum(t => t.FlatCount);
        if (flat > (isAsync ? MaxFlatAsyncParameters : ValType.MaxFlatParameters)) _tuple = new TupleType(type.ParameterTypes);
        ResultAt = _tuple is null ? flat : 1;
        ResultInMemory = type.Result is not null && (isAsync || type.ResultSpills);
    }

    /// <summary>Where the result's pointer is among the arguments.</summary>
    public int ResultAt { get; }

    /// <summary>The result goes to a pointer of the caller's.</summary>
    public bool ResultInMemory { get; }

    /// <summary>The arguments as they are flat, at most 16 of them, or the pointer to them where there are more.</summary>
    public void Flatten(scoped in GuestContext caller, ReadOnlySpan<ValRaw> values, Span<ValRaw> flat)
    {
        if (_tuple is not { } tuple)
        {
            values[..ResultAt].CopyTo(flat);
            return;
        }

        uint at = values[0].U32;
        caller.CheckRange(at, tuple.Size, tuple.Alignment);
        if (_type.ParametersSpill)
        {
            flat[0] = values[0];
            return;
        }

        int n = 0;
        for (int i = 0; i < tuple.Types.Length; i++) Flat.Load(caller, tuple.Types[i], at + tuple.Offsets[i], flat, ref n);
    }
}

/// <summary>A lowered function that another instance of the component lifted.</summary>
internal sealed class TaskTrampoline(PlanTrampoline plan, PlanLift lift) : Trampoline(plan)
{
    private readonly LoweredSignature _signature = new(lift.Type, plan.Options!.Async);
    private readonly TupleType? _spilled = lift.Type.ParametersSpill ? new TupleType(lift.Type.ParameterTypes) : null;

    protected override void Invoke(Store store, Span<ValRaw> values)
    {
        ComponentInstance root = Begin(store, out RuntimeInstance caller);
        RuntimeInstance callee = root.Instances[lift.Options.Instance];
        ComponentInstance.CheckApart(caller, callee);
        AsyncRuntime runtime = root.Async;
        if (!Plan.Options!.Async && lift.Type.IsAsync && runtime.Current is { Task: null or { IsAsync: false } }) throw new TrapException(AsyncRuntime.CannotBlock);
        var subtask = new Subtask();
        var call = new Call(this, root, subtask, values);
        AsyncTask task = runtime.Start(lift, caller, call);
        if (!Plan.Options.Async)
        {
            if (!subtask.IsResolved) runtime.WaitUntil(() => subtask.IsResolved, cancellable: false);
            subtask.DeliverResolve();
            if (lift.Type.Result is not null && !_signature.ResultInMemory) values[0] = call.Result;
            return;
        }

        if (subtask.IsResolved)
        {
            subtask.DeliverResolve();
            values[0].U64 = (uint)Subtask.SubtaskState.Returned;
            return;
        }

        subtask.OnCancel = task.RequestCancellation;
        subtask.Index = caller.Handles.AddOther(subtask);
        values[0].U64 = (uint)subtask.State | (subtask.Index << 4);
    }

    /// <summary>The caller's side, for as long as the call takes.</summary>
    private sealed class Call : ITaskCaller
    {
        private readonly TaskTrampoline _of;
        private readonly ComponentInstance _root;
        private readonly Subtask _subtask;
        private readonly ValRaw[] _arguments;

        public Call(TaskTrampoline of, ComponentInstance root, Subtask subtask, ReadOnlySpan<ValRaw> arguments)
        {
            (_of, _root, _subtask) = (of, root, subtask);
            _arguments = arguments.ToArray();
        }

        public ValRaw Result;

        private GuestContext Caller => new(_root, _of.Plan.Options!, null) { Lender = _subtask };

        public void Start(scoped ref GuestContext callee, scoped Span<ValRaw> core)
        {
            _subtask.Start();
            GuestContext from = Caller;
            Span<ValRaw> flat = stackalloc ValRaw[ValType.MaxFlatParameters];
            _of._signature.Flatten(from, _arguments, flat);
            if (_of._spilled is { } tuple)
            {
                uint target = callee.Allocate(tuple.Alignment, tuple.Size);
                Transfer.Copy(ref from, flat[0].U32, ref callee, target, tuple);
                core[0].U64 = target;
                return;
            }

            int at = 0;
            foreach (ValType t in _of.Signature.ParameterTypes) Transfer.CopyFlat(ref from, flat, ref callee, core, ref at, t);
        }

        public void Return(scoped ref GuestContext callee, scoped ReadOnlySpan<ValRaw> values, bool isSpilled)
        {
            GuestContext to = Caller;
            if (_of.Signature.Result is { } type)
            {
                uint target = 0;
                if (_of._signature.ResultInMemory)
                {
                    target = _arguments[_of._signature.ResultAt].U32;
                    to.CheckRange(target, type.Size, type.Alignment);
                }

                if (isSpilled)
                {
                    uint source = values[0].U32;
                    callee.CheckRange(source, type.Size, type.Alignment);
                    Transfer.Copy(ref callee, source, ref to, target, type);
                }
                else
                {
                    Span<ValRaw> flat = stackalloc ValRaw[ValType.MaxFlatParameters];
                    int n = 0;
                    if (type.FlatCount > ValType.MaxFlatParameters) throw new InvalidOperationException("a result that is not flat");
                    Transfer.CopyFlat(ref callee, values, ref to, flat, ref n, type);
                    n = 0;
                    if (_of._signature.ResultInMemory) Flat.Store(to, type, flat, ref n, target);
                    else Result = flat[0];
                }
            }

            _subtask.Resolve(Subtask.SubtaskState.Returned);
        }

        public void Cancelled() => _subtask.ResolveCancelled();
    }

    private FunctionType Signature => lift.Type;
}

/// <summary>A lowered import of the host's, in the asynchronous ABI: the host's function returns before it does.</summary>
internal sealed class AsyncHostTrampoline(PlanTrampoline plan, PlanImport import, HostFunction target) : Trampoline(plan)
{
    private readonly LoweredSignature _signature = new(import.Type, isAsync: true);

    protected override void Invoke(Store store, Span<ValRaw> values)
    {
        ComponentInstance root = Begin(store, out _);
        int mark = root.LentMark;
        FunctionType type = import.Type;
        var guest = new GuestContext(root, Plan.Options!, null);
        Span<ValRaw> flat = stackalloc ValRaw[ValType.MaxFlatParameters + 1];
        _signature.Flatten(guest, values, flat);
        uint result = _signature.ResultInMemory ? values[_signature.ResultAt].U32 : 0;
        if (type.ResultSpills) flat[type.ParametersSpill ? 1 : type.ParameterTypes.Sum(t => t.FlatCount)].U64 = result;
        var call = new HostCall(root, import, guest, flat);
        target.Invoke(ref call);
        if (type.Result is { } r && !type.ResultSpills)
        {
            guest.Refresh();
            guest.CheckRange(result, r.Size, r.Alignment);
            int at = 0;
            Flat.Store(guest, r, flat, ref at, result);
        }

        root.ReturnLent(mark);
        root.AfterHostCall?.Invoke(root);
        values[0].U64 = (uint)Subtask.SubtaskState.Returned;
    }
}

/// <summary>A call of an export by the host, with value trees.</summary>
internal sealed class HostTaskCall(FunctionType type, Value[] arguments) : ITaskCaller
{
    public bool IsResolved { get; private set; }

    public Value? Result { get; private set; }

    public void Start(scoped ref GuestContext callee, scoped Span<ValRaw> core) => DynamicAbi.LowerParameters(ref callee, type, arguments, core);

    public void Return(scoped ref GuestContext callee, scoped ReadOnlySpan<ValRaw> values, bool isSpilled)
    {
        IsResolved = true;
        Result = DynamicAbi.LiftResult(callee, type, values, isSpilled);
    }

    public void Cancelled() => IsResolved = true;
}
