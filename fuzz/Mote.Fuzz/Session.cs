// The host of one fuzzed component: it has whatever is imported, answers with what was given or with anything of the
// right type, and calls every export.
using Mote.Components;
using Mote.Components.Abi;
using Mote.Components.Inspection;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Components.Wave;
using Mote.Fuzz.Generation;
using Mote.Wasmtime;

namespace Mote.Fuzz;

/// <param name="random">Chooses arguments and answers.</param>
/// <param name="echoes">Exports whose name begins with <c>echo</c> answer with what they are given.</param>
internal sealed class Session(Random random, bool echoes)
{
    /// <summary>Resources of guests that we hold.</summary>
    private readonly List<ResourceHandle> _held = [];

    /// <summary>What the guest trapped with.</summary>
    public string? Trap { get; private set; }

    /// <summary>What a host function throws on purpose; it must come back as a trap.</summary>
    private sealed class RefusalException : Exception;

    /// <summary>Everything that a component imports.</summary>
    public ComponentLinker Host(ComponentDescription component)
    {
        var linker = new ComponentLinker();
        foreach (ItemDescription item in component.Imports)
        {
            if (item.Kind == ItemKind.Instance) Fill(linker.Instance(item.Name), item.Items);
            else Fill(linker.Root, [item]);
        }

        return linker;
    }

    private void Fill(HostInstance instance, IReadOnlyList<ItemDescription> items)
    {
        foreach (ItemDescription item in items)
        {
            switch (item.Kind)
            {
                case ItemKind.Function:
                    instance.Function(item.Name, new AnyFunction(this, item.Name));
                    break;
                case ItemKind.Instance:
                    Fill(instance.Instance(item.Name), item.Items);
                    break;
                case ItemKind.Resource:
                    instance.Resource(item.Name, new HostResource(item.Name, static (_, _) => { }));
                    break;
            }
        }
    }

    /// <summary>Takes any type: what comes is checked, what goes is random, or the same where the name says so.</summary>
    private sealed class AnyFunction(Session session, string name) : HostFunction
    {
        public override void Invoke(ref HostCall call)
        {
            FunctionType type = call.Type;
            new DynamicHostFunction((instance, arguments) => session.Answer(instance, name, type, arguments)).Invoke(ref call);
        }
    }

    private Value? Answer(ComponentInstance instance, string name, FunctionType type, Value[] arguments)
    {
        for (int i = 0; i < arguments.Length; i++) Checked(type.Parameters[i].Type, arguments[i]);
        if (name.StartsWith("echo", StringComparison.Ordinal) && type.Result is not null)
        {
            Value same = arguments.Length == 1 ? arguments[0] : new TupleValue(arguments);
            if (echoes || ValueCheck.Check(type.Result, same) is null) return same; // a mutated one may have another result
        }

        Hold(arguments);
        if (random.Once(200)) throw new RefusalException();
        return type.Result is { } result ? Some(instance, result) ?? throw new RefusalException() : null;
    }

    /// <summary>A value of a type; null where there can be none.</summary>
    private Value? Some(ComponentInstance instance, ValType type)
    {
        try
        {
            return new RandomValues(random, h => Handle(instance, h)).Next(type);
        }
        catch (RandomValues.NoValueException)
        {
            return null;
        }
    }

    private ResourceValue? Handle(ComponentInstance instance, HandleType type)
    {
        RuntimeResource resource = instance.Resources[type.Resource.Id.Slot];
        if (resource is HostResource host) return new ResourceValue(ResourceHandle.FromHost(instance, host, new object(), type.IsOwn));
        return _held.LastOrDefault(h => h.IsAlive && h.IsOwned && ReferenceEquals(h.Type, resource)) is { } held ? new ResourceValue(held) : null;
    }

    /// <summary>A value that came from a guest: it must be one of its type.</summary>
    private static void Checked(ValType type, Value value)
    {
        if (ValueCheck.Check(type, value) is { } error) throw new FaultException($"a lifted value is not of its type {type}: {error}");
    }

    private void Hold(IEnumerable<Value?> values)
    {
        foreach (Value? v in values)
        {
            if (v is ResourceValue { Handle: { IsOwned: true } handle }) _held.Add(handle);
        }
    }

    /// <summary>Calls every export a few times; false where the guest trapped.</summary>
    public bool CallAll(ComponentInstance instance, Action<ComponentInstance> renew, int rounds)
    {
        foreach ((string[] path, FunctionType type) in instance.Template.Functions.Take(24).ToArray())
        {
            for (int round = 0; round < rounds; round++)
            {
                Value[] arguments = [.. type.ParameterTypes.Select(t => Some(instance, t)).OfType<Value>()];
                if (arguments.Length < type.Parameters.Count || type.IsAsync) break;
                // The same resource as own twice is the caller's mistake.
                if (arguments.OfType<ResourceValue>().GroupBy(r => r.Handle).Any(g => g.Count() > 1)) break;
                renew(instance);
                Value? result;
                try
                {
                    result = instance.GetFunction(path).Call(arguments);
                }
                catch (TrapException e)
                {
                    Explained(e);
                    Trap = e.Message;
                    if (!instance.IsPoisoned) throw new FaultException("an instance that trapped is not poisoned");
                    MustStayDown(instance, path, arguments);
                    return false;
                }

                if ((result is null) != (type.Result is null)) throw new FaultException($"{type} gave {(result is null ? "nothing" : "a result")}");
                if (result is not null)
                {
                    Checked(type.Result!, result);
                    Hold([result]);
                    ReadsBack(type.Result!, result);
                    if (echoes && path is [['e', 'c', 'h', 'o', ..] name]) Same(arguments.Length == 1 ? arguments[0] : new TupleValue(arguments), result, type, name);
                }
            }
        }

        return true;
    }

    private static void Same(Value expected, Value actual, FunctionType type, string name)
    {
        // As text too: numbers that are equal may still differ, as 0 and -0 do.
        string text = WaveWriter.Write(actual), wanted = WaveWriter.Write(expected);
        if (!actual.Equals(expected) || text != wanted) throw new FaultException($"{name}: {type} was given {wanted} and gave {text}");
    }

    /// <summary>The text of a value is read as the same value again.</summary>
    private static void ReadsBack(ValType type, Value value)
    {
        if (HasHandle(type)) return; // there is no text of a resource
        string text = WaveWriter.Write(value);
        if (!WaveReader.Read(text, type).Equals(value)) throw new FaultException($"WAVE does not read what it wrote: {text}");
    }

    private static bool HasHandle(ValType type) => type.ContainsHandle || type.ContainsAsync;

    /// <summary>After a trap every further call is refused.</summary>
    private static void MustStayDown(ComponentInstance instance, string[] path, Value[] arguments)
    {
        try
        {
            instance.GetFunction(path).Call(arguments);
        }
        catch (Exception e) when (e is TrapException or ArgumentException)
        {
            return;
        }

        throw new FaultException("a poisoned instance can be called");
    }

    /// <summary>A trap has a guest's reason, or an exception of ours that was meant.</summary>
    public static void Explained(WasmtimeException e)
    {
        if (e.InnerException is { } inner and not (RefusalException or WasmtimeException)) throw new FaultException($"a trap hides {inner.GetType().Name}: {inner.Message} @ {inner.StackTrace?.ReplaceLineEndings(" ")}");
    }

    /// <summary>Gives back what is held, as a host does.</summary>
    public void DropHeld(ComponentInstance instance)
    {
        foreach (ResourceHandle h in _held.Where(h => h.IsAlive).Take(100))
        {
            if (instance.IsPoisoned) return;
            try
            {
                h.Drop();
            }
            catch (TrapException e)
            {
                Explained(e);
                return;
            }
        }
    }
}
