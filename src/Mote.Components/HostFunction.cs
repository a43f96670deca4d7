// Functions that the host gives to components.
using System.ComponentModel;
using Mote.Components.Abi;
using Mote.Components.Binary;
using Mote.Components.Linking;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components;

/// <summary>One call of a host function. Valid until the function returns.</summary>
[EditorBrowsable(EditorBrowsableState.Advanced)]
public ref struct HostCall
{
    private static readonly PlanOptions s_coreProgram = new(Instance: 0, StringEncoding.Utf8, Memory: 0, Realloc: -1, PostReturn: -1);

    private readonly PlanImport _import;

    internal HostCall(ComponentInstance instance, PlanImport import, GuestContext guest, Span<ValRaw> values)
    {
        Instance = instance;
        _import = import;
        Guest = guest;
        Values = values;
    }

    /// <summary>Who calls.</summary>
    public ComponentInstance Instance { get; }

    /// <summary>The caller's memory and handles.</summary>
    public GuestContext Guest;

    /// <summary>Core arguments; results go into the same place, from index 0.</summary>
    public Span<ValRaw> Values { get; }

    /// <summary>The memory of a <see cref="CoreProgram"/>, whose functions get pointers as plain numbers.</summary>
    /// <exception cref="TrapException">It has none, or it is not there yet.</exception>
    public readonly GuestContext CoreMemory() => Instance.Memories.Length > 0
        ? new GuestContext(Instance, s_coreProgram, null)
        : throw new TrapException("the module exports no memory, which preview-1 functions need");

    /// <summary>The type that the component imports.</summary>
    public readonly FunctionType Type => _import.Type;

    /// <summary>The names it is imported under, from the outside in.</summary>
    public readonly IReadOnlyList<string> Path => _import.Path;

    /// <summary>The import's <c>external-id</c>, null for none.</summary>
    public readonly string? ExternalId => _import.ExternalId;
}

/// <summary>A function of the host at component level. One object serves every instance.</summary>
public abstract class HostFunction
{
    /// <summary>
    /// The function's type in the notation of <see cref="Signature"/>; a component whose import has another is
    /// refused. Null where any type is taken.
    /// </summary>
    public virtual string? TypeText => null;

    /// <summary>Runs the function: reads the arguments and writes the result, as the canonical ABI has them.</summary>
    public abstract void Invoke(ref HostCall call);
}

/// <summary>A host function over value trees: simple, and slow. Bindings are generated where speed matters.</summary>
public sealed class DynamicHostFunction : HostFunction
{
    private readonly Func<ComponentInstance, Value[], Value?> _body;

    /// <summary>A function of any type that <paramref name="body"/> can handle.</summary>
    /// <param name="body">Gets the arguments; gives the result, null where the type has none.</param>
    /// <param name="typeText">See <see cref="HostFunction.TypeText"/>.</param>
    public DynamicHostFunction(Func<ComponentInstance, Value[], Value?> body, string? typeText = null)
    {
        _body = body;
        TypeText = typeText;
    }

    /// <inheritdoc/>
    public override string? TypeText { get; }

    /// <inheritdoc/>
    public override void Invoke(ref HostCall call)
    {
        FunctionType type = call.Type;
        var arguments = new Value[type.Parameters.Count];
        int at = 0;
        if (type.ParametersSpill)
        {
            var tuple = new TupleType(type.ParameterTypes);
            uint offset = call.Values[0].U32;
            call.Guest.CheckRange(offset, tuple.Size, tuple.Alignment);
            for (int i = 0; i < arguments.Length; i++) arguments[i] = DynamicAbi.Load(call.Guest, tuple.Types[i], offset + tuple.Offsets[i]);
            at = 1;
        }
        else
        {
            for (int i = 0; i < arguments.Length; i++) arguments[i] = DynamicAbi.LiftFlat(call.Guest, type.ParameterTypes[i], call.Values, ref at);
        }

        Value? result = _body(call.Instance, arguments);
        for (int i = 0; i < arguments.Length; i++)
        {
            if (type.ParameterTypes[i].ContainsBorrow) EndBorrows(arguments[i]);
        }

        call.Guest.Refresh();
        if (type.Result is not { } resultType) return;
        if (result is null) throw new InvalidOperationException($"the host function gave no result, {resultType} was expected");
        if (ValueCheck.Check(resultType, result) is { } error) throw new InvalidOperationException($"the host function's result does not fit: {error}");
        if (type.ResultSpills)
        {
            uint offset = call.Values[at].U32;
            call.Guest.CheckRange(offset, resultType.Size, resultType.Alignment);
            DynamicAbi.Store(ref call.Guest, resultType, result, offset);
        }
        else
        {
            int zero = 0;
            DynamicAbi.LowerFlat(ref call.Guest, resultType, result, call.Values, ref zero);
        }
    }

    /// <summary>What was lent for the call is the guest's alone again, wherever in the value it stands.</summary>
    private static void EndBorrows(Value? value)
    {
        IEnumerable<Value?> inside = [];
        switch (value)
        {
            case ResourceValue { Handle: { IsOwned: false } borrowed }:
                borrowed.End();
                break;
            case ListValue v:
                inside = v.Items;
                break;
            case TupleValue v:
                inside = v.Items;
                break;
            case RecordValue v:
                inside = v.Fields.Select(f => f.Value);
                break;
            case MapValue v:
                inside = v.Entries.Select(e => e.Value);
                break;
            case VariantValue v:
                inside = [v.Payload];
                break;
            case OptionValue v:
                inside = [v.Some];
                break;
            case ResultValue v:
                inside = [v.Payload];
                break;
        }

        foreach (Value? item in inside) EndBorrows(item);
    }
}
