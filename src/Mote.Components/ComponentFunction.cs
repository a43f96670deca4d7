// An exported function of an instance: value trees in, value tree out.
using Mote.Components.Abi;
using Mote.Components.Async;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components;

/// <summary>An exported function.</summary>
public sealed class ComponentFunction
{
    private readonly PlanLift _lift;

    internal ComponentFunction(ComponentInstance instance, PlanLift lift, string name)
    {
        Instance = instance;
        _lift = lift;
        Name = name;
    }

    /// <summary>Whose function it is.</summary>
    public ComponentInstance Instance { get; }

    /// <summary>Its path, joined by #.</summary>
    public string Name { get; }

    /// <summary>Its type.</summary>
    public FunctionType Type => _lift.Type;

    /// <summary>Calls the function.</summary>
    /// <returns>The result, null where the type has none.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit the type; the instance is unharmed.</exception>
    /// <exception cref="TrapException">The guest trapped; the instance must not be used any more.</exception>
    public Value? Call(params ReadOnlySpan<Value> arguments)
    {
        if (arguments.Length != Type.Parameters.Count) throw new ArgumentException($"`{Name}` takes {Type.Parameters.Count} arguments, {arguments.Length} were given: {Type}");
        for (int i = 0; i < arguments.Length; i++)
        {
            if (ValueCheck.Check(Type.ParameterTypes[i], arguments[i], Instance) is { } error) throw new ArgumentException($"argument `{Type.Parameters[i].Name}` of `{Name}`: {error}");
        }

        if (Instance.Template.Plan.IsAsync) return CallTask(arguments);
        var call = new GuestCall(Instance, _lift);
        try
        {
            LowerArguments(ref call, arguments);
            call.Invoke();
            Value? result = LiftResult(ref call);
            call.Finish();
            return result;
        }
        catch
        {
            Instance.Poison();
            throw;
        }
    }

    /// <summary>The same where calls are tasks: runs the instance's tasks until this one has its result, and those that need nothing more.</summary>
    private Value? CallTask(ReadOnlySpan<Value> arguments)
    {
        if (Instance.IsPoisoned) throw new TrapException("cannot enter component instance: it trapped before");
        AsyncRuntime runtime = Instance.Async;
        var call = new HostTaskCall(Type, arguments.ToArray());
        try
        {
            runtime.Probe(Instance.GetFunc(_lift.Func));
            runtime.Start(_lift, caller: null, call);
            while (!call.IsResolved)
            {
                if (!runtime.Tick()) throw new TrapException("deadlock detected: event loop cannot make further progress");
            }

            return call.Result;
        }
        catch
        {
            Instance.Poison();
            throw;
        }
    }

    private void LowerArguments(scoped ref GuestCall call, scoped ReadOnlySpan<Value> arguments)
    {
        if (Type.ParametersSpill)
        {
            var tuple = new TupleType(Type.ParameterTypes);
            uint offset = call.Guest.Allocate(tuple.Alignment, tuple.Size);
            for (int i = 0; i < arguments.Length; i++) DynamicAbi.Store(ref call.Guest, tuple.Types[i], arguments[i], offset + tuple.Offsets[i]);
            call.Values[0].U64 = offset;
        }
        else
        {
            int at = 0;
            for (int i = 0; i < arguments.Length; i++) DynamicAbi.LowerFlat(ref call.Guest, Type.ParameterTypes[i], arguments[i], call.Values, ref at);
        }
    }

    private Value? LiftResult(scoped ref GuestCall call)
    {
        if (Type.Result is not { } type) return null;
        if (Type.ResultSpills)
        {
            uint offset = call.Values[0].U32;
            call.Guest.CheckRange(offset, type.Size, type.Alignment);
            return DynamicAbi.Load(call.Guest, type, offset);
        }

        int at = 0;
        return DynamicAbi.LiftFlat(call.Guest, type, call.Values, ref at);
    }
}
