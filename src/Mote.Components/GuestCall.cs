// One call of an export, step by step: lower the arguments, invoke, lift the result, finish. Generated bindings and the
// dynamic path both go through it.
using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Mote.Components.Abi;
using Mote.Components.Async;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components;

/// <summary>Core arguments and results of one call: as many as can be passed flat.</summary>
[InlineArray(ValType.MaxFlatParameters)]
internal struct FlatValues
{
    private ValRaw _first;
}

/// <summary>
/// A call of an export. Whoever makes one must either <see cref="Finish"/> it or, on an exception, poison the
/// instance: <see cref="Abandon"/>.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Advanced)]
public ref struct GuestCall
{
    private readonly PlanLift _lift;
    private readonly RuntimeInstance _callee;
    private readonly GuestTask _task;
    private readonly int _lent;
    private readonly TaskThread? _before;
    private FlatValues _values;
    private ValRaw _result;

    internal GuestCall(ComponentInstance instance, PlanLift lift)
    {
        // Whoever calls through this waits for the result here, and a task's may come later.
        if (lift.Type.IsAsync) throw new TrapException("an async function cannot be called through a generated binding yet");
        Instance = instance;
        _lift = lift;
        _callee = instance.Instances[lift.Options.Instance];
        _task = instance.Enter(_callee, caller: null);
        if (instance.IsAsync) _before = instance.Async.Aside();
        _lent = instance.LentMark;
        Guest = new GuestContext(instance, lift.Options, _task);
    }

    /// <summary>Whose export is called.</summary>
    public ComponentInstance Instance { get; }

    /// <summary>The callee's memory and handles.</summary>
    public GuestContext Guest;

    /// <summary>Core arguments before <see cref="Invoke"/>, core results after it, both from index 0.</summary>
    [UnscopedRef]
    public Span<ValRaw> Values => _values;

    /// <summary>Runs the core function.</summary>
    public void Invoke()
    {
        _task.Start();
        Span<ValRaw> values = _values;
        Instance.GetFunc(_lift.Func).CallUnchecked(values[..Math.Max(_lift.CoreType.Parameters.Count, _lift.CoreType.Results.Count)]);
        _result = values[0];
        _task.Return();
        Guest.Refresh();
        Guest.BeginLift();
    }

    /// <summary>The result has been read: lets the guest free it, and leaves.</summary>
    public readonly void Finish()
    {
        PostReturn.Call(Instance, _lift.Options, _callee, _result);
        if (Instance.IsAsync) Instance.Async.Back(_before);
        Instance.ReturnLent(_lent);
        Instance.Leave(_callee, caller: null);
    }

    /// <summary>The call failed: nothing may run in the instance any more.</summary>
    public readonly void Abandon() => Instance.Poison();
}
