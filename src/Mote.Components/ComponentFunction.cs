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

        if (Instance.IsAsync) return CallTask(arguments);
        var call = new GuestCall(Instance, _lift);
        try
        {
            DynamicAbi.LowerParameters(ref call.Guest, Type, arguments, call.Values);
            call.Invoke();
            Value? result = DynamicAbi.LiftResult(call.Guest, Type, call.Values, Type.ResultSpills);
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
}
