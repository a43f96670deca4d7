// The core functions that the component layer supplies to core modules.
using System.Runtime.CompilerServices;
using Mote.Components.Abi;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Linking;

/// <summary>What all of them begin with.</summary>
internal abstract class Trampoline(PlanTrampoline plan) : HostFunc(plan.CoreType)
{
    protected PlanTrampoline Plan { get; } = plan;

    /// <summary>The calling instance; traps where it may not call now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected ComponentInstance Begin(Store store, out RuntimeInstance caller)
    {
        var root = Unsafe.As<ComponentInstance>(store.Data!);
        if (root.StepsDone < Plan.AvailableAfterStep) throw new TrapException("uninitialized element: an import was called before the component's instances were linked");
        caller = root.Instances[Plan.Instance];
        if (!caller.MayLeave) throw new TrapException("cannot leave component instance");
        return root;
    }
}

/// <summary>A lowered import: calls the host.</summary>
internal sealed class HostTrampoline(PlanTrampoline plan, PlanImport import, HostFunction target) : Trampoline(plan)
{
    protected override void Invoke(Store store, Span<ValRaw> values)
    {
        ComponentInstance root = Begin(store, out _);
        int mark = root.LentMark;
        var call = new HostCall(root, import, new GuestContext(root, Plan.Options!, null), values);
        target.Invoke(ref call);
        root.ReturnLent(mark);
        root.AfterHostCall?.Invoke(root);
    }
}

/// <summary>A lowered function that another instance of the component lifted: copies from memory to memory.</summary>
internal sealed class FusedTrampoline(PlanTrampoline plan, PlanLift lift) : Trampoline(plan)
{
    private readonly TupleType? _parameters = lift.Type.ParametersSpill ? new TupleType(lift.Type.ParameterTypes) : null;

    protected override void Invoke(Store store, Span<ValRaw> values)
    {
        ComponentInstance root = Begin(store, out RuntimeInstance caller);
        RuntimeInstance callee = root.Instances[lift.Options.Instance];
        ComponentInstance.CheckApart(caller, callee);
        GuestTask task = root.Enter(callee, caller);
        int mark = root.LentMark;
        var from = new GuestContext(root, Plan.Options!, null);
        var to = new GuestContext(root, lift.Options, task);
        from.BeginLift();
        Span<ValRaw> core = stackalloc ValRaw[ValType.MaxFlatParameters];

        // The position of the result pointer among the caller's arguments.
        int resultPointer = 1;
        if (_parameters is { } tuple)
        {
            uint source = values[0].U32;
            from.CheckRange(source, tuple.Size, tuple.Alignment);
            uint target = to.Allocate(tuple.Alignment, tuple.Size);
            Transfer.Copy(ref from, source, ref to, target, tuple);
            core[0].U64 = target;
        }
        else
        {
            resultPointer = 0;
            foreach (ValType t in lift.Type.ParameterTypes) Transfer.CopyFlat(ref from, values, ref to, core, ref resultPointer, t);
        }

        task.Start();
        root.GetFunc(lift.Func).CallUnchecked(core[..Math.Max(lift.CoreType.Parameters.Count, lift.CoreType.Results.Count)]);
        task.Return();
        if (lift.Type.Result is { } result)
        {
            // Either memory may have grown: the callee's by itself, the caller's where the callee calls back into it.
            to.Refresh();
            from.Refresh();
            to.BeginLift();
            if (lift.Type.ResultSpills)
            {
                uint source = core[0].U32, target = values[resultPointer].U32;
                to.CheckRange(source, result.Size, result.Alignment);
                from.CheckRange(target, result.Size, result.Alignment);
                Transfer.Copy(ref to, source, ref from, target, result);
            }
            else
            {
                int zero = 0;
                Transfer.CopyFlat(ref to, core, ref from, values, ref zero, result);
            }
        }

        PostReturn.Call(root, lift.Options, callee, core[0]);
        root.ReturnLent(mark);
        root.Leave(callee, caller);
    }
}

/// <summary>Calls a post-return function with what the core function returned.</summary>
internal static class PostReturn
{
    public static void Call(ComponentInstance root, PlanOptions options, RuntimeInstance callee, ValRaw result)
    {
        if (options.PostReturn < 0) return;
        Span<ValRaw> values = [result];
        callee.MayLeave = false;
        root.GetFunc(options.PostReturn).CallUnchecked(values);
        callee.MayLeave = true;
    }
}

/// <summary>canon resource.new.</summary>
internal sealed class ResourceNewTrampoline(PlanTrampoline plan) : Trampoline(plan)
{
    protected override void Invoke(Store store, Span<ValRaw> values)
    {
        ComponentInstance root = Begin(store, out RuntimeInstance caller);
        values[0].U64 = caller.Handles.AddOwn(root.Resources[Plan.Target], values[0].U32, null);
    }
}

/// <summary>canon resource.rep.</summary>
internal sealed class ResourceRepTrampoline(PlanTrampoline plan) : Trampoline(plan)
{
    protected override void Invoke(Store store, Span<ValRaw> values)
    {
        // Unlike the others, this one may be called where the instance may not leave.
        var root = Unsafe.As<ComponentInstance>(store.Data!);
        values[0].U64 = root.Instances[Plan.Instance].Handles.GetHandle(values[0].U32, root.Resources[Plan.Target]).Rep;
    }
}

/// <summary>canon resource.drop.</summary>
internal sealed class ResourceDropTrampoline(PlanTrampoline plan) : Trampoline(plan)
{
    protected override void Invoke(Store store, Span<ValRaw> values)
    {
        ComponentInstance root = Begin(store, out RuntimeInstance caller);
        RuntimeResource type = root.Resources[Plan.Target];
        uint index = values[0].U32;
        ref HandleTable.Entry entry = ref caller.Handles.GetHandle(index, type);
        if (entry.Lends != 0) throw new TrapException($"cannot remove {(entry.Own ? "owned " : "")}resource while borrowed (handle {index})");
        HandleTable.Entry taken = caller.Handles.Remove(index);
        if (!taken.Own)
        {
            taken.Scope!.Borrows--;
            return;
        }

        root.DropOwned(type, taken.Rep, taken.Host, caller);
        if (type is HostResource) root.AfterHostCall?.Invoke(root);
    }
}
