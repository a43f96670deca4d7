// Does a value tree fit a type? Checked before anything of a call happens, so that a caller's mistake harms no instance.
using Mote.Components.Types;

namespace Mote.Components.Abi;

internal static class ValueCheck
{
    /// <summary>Null where the value fits, else what does not.</summary>
    /// <param name="type">The type.</param>
    /// <param name="value">The value.</param>
    /// <param name="instance">Whose resource types handles must be of; null leaves that to lowering.</param>
    public static string? Check(ValType type, Value value, ComponentInstance? instance = null)
    {
        switch (type, value)
        {
            case (PrimitiveType p, _):
                return Primitive(p, value);
            case (ListType { Length: { } length } l, ListValue v):
                return v.Items.Count == length ? Items(l.Element, v.Items, instance) : $"expected {length} elements, found {v.Items.Count}";
            case (ListType l, ListValue v):
                return Items(l.Element, v.Items, instance);
            case (MapType m, MapValue v):
                foreach ((Value key, Value item) in v.Entries)
                {
                    if ((Check(m.Key, key, instance) ?? Check(m.Value, item, instance)) is { } error) return error;
                }

                return null;
            case (RecordType r, RecordValue v):
                if (r.Fields.Count != v.Fields.Count) return $"expected {r.Fields.Count} fields, found {v.Fields.Count}";
                for (int i = 0; i < r.Fields.Count; i++)
                {
                    if (r.Fields[i].Name != v.Fields[i].Key) return $"expected field `{r.Fields[i].Name}`, found `{v.Fields[i].Key}`";
                    if (Check(r.Fields[i].Type, v.Fields[i].Value, instance) is { } error) return $"field `{r.Fields[i].Name}`: {error}";
                }

                return null;
            case (TupleType t, TupleValue v):
                if (t.Elements.Count != v.Items.Count) return $"expected a tuple of {t.Elements.Count}, found one of {v.Items.Count}";
                for (int i = 0; i < t.Elements.Count; i++)
                {
                    if (Check(t.Elements[i], v.Items[i], instance) is { } error) return error;
                }

                return null;
            case (FlagsType f, FlagsValue v):
                return v.Names.FirstOrDefault(n => !f.Names.Contains(n)) is { } unknown ? $"no flag is named `{unknown}`: {f}" : null;
            case (VariantType t, VariantValue v):
                foreach (VariantCase c in t.Cases)
                {
                    if (c.Name == v.Case) return Payload(c.Type, v.Payload, $"case `{c.Name}`", instance);
                }

                return $"no case is named `{v.Case}`: {t}";
            case (EnumType e, EnumValue v):
                return e.Names.Contains(v.Case) ? null : $"no case is named `{v.Case}`: {e}";
            case (OptionType o, OptionValue v):
                return v.Some is null ? null : Check(o.Element, v.Some, instance);
            case (ResultType r, ResultValue v):
                return Payload(v.IsOk ? r.Ok : r.Error, v.Payload, v.IsOk ? "ok" : "err", instance);
            case (HandleType h, ResourceValue v):
                if (h.IsOwn && !v.Handle.IsOwned) return "a borrowed handle cannot be passed as own";
                if (!v.Handle.IsAlive) return "the handle was given up before";
                return instance is null || ReferenceEquals(v.Handle.Type, instance.Resources[h.Resource.Id.Slot]) ? null : $"mismatched resource types: the handle is of another `{v.Handle.Type}`, or of another instance's";
            case (StreamOrFutureType s, CopyValue v):
                return Subtyping.IsSame(s, v.Type) ? null : $"expected {s}, found {v.Type}";
            default:
                return $"expected {type}, found {Describe(value)}";
        }
    }

    private static string? Items(ValType element, IReadOnlyList<Value> items, ComponentInstance? instance)
    {
        for (int i = 0; i < items.Count; i++)
        {
            if (Check(element, items[i], instance) is { } error) return $"element {i}: {error}";
        }

        return null;
    }

    private static string? Payload(ValType? type, Value? value, string what, ComponentInstance? instance) => (type, value) switch
    {
        (null, null) => null,
        ({ } t, { } v) => Check(t, v, instance),
        (null, _) => $"{what} has no payload",
        _ => $"{what} needs a payload of type {type}",
    };

    private static string? Primitive(PrimitiveType type, Value value)
    {
        bool fits = (type.Kind, value) switch
        {
            (PrimitiveKind.Bool, BoolValue) => true,
            (PrimitiveKind.S8, SignedValue v) => v.Value is >= sbyte.MinValue and <= sbyte.MaxValue,
            (PrimitiveKind.S16, SignedValue v) => v.Value is >= short.MinValue and <= short.MaxValue,
            (PrimitiveKind.S32, SignedValue v) => v.Value is >= int.MinValue and <= int.MaxValue,
            (PrimitiveKind.S64, SignedValue) => true,
            (PrimitiveKind.U8, UnsignedValue v) => v.Value <= byte.MaxValue,
            (PrimitiveKind.U16, UnsignedValue v) => v.Value <= ushort.MaxValue,
            (PrimitiveKind.U32, UnsignedValue v) => v.Value <= uint.MaxValue,
            (PrimitiveKind.U64, UnsignedValue) => true,
            (PrimitiveKind.F32, Float32Value) => true,
            (PrimitiveKind.F64, Float64Value) => true,
            (PrimitiveKind.Char, CharValue) => true,
            (PrimitiveKind.String, StringValue) => true,
            _ => false,
        };
        return fits ? null : $"expected {type}, found {Describe(value)}";
    }

    private static string Describe(Value value) => value switch
    {
        SignedValue v => $"{v.Value}",
        UnsignedValue v => $"{v.Value}",
        _ => value.GetType().Name.Replace("Value", "").ToLowerInvariant(),
    };
}
