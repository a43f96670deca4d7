// Component-level values as a tree, for tools and tests. Bindings do not use it.
using Mote.Components.Async;
using Mote.Components.Types;

namespace Mote.Components;

/// <summary>A value of a component-level type.</summary>
public abstract record Value
{
    private protected Value()
    {
    }

    /// <summary>A list of items, for records, tuples and lists that are compared by content.</summary>
    private protected static bool SameItems(IReadOnlyList<Value> a, IReadOnlyList<Value> b) => a.Count == b.Count && a.SequenceEqual(b);

    private protected static int HashOf(IReadOnlyList<Value> items)
    {
        var hash = new HashCode();
        foreach (Value v in items) hash.Add(v);
        return hash.ToHashCode();
    }
}

/// <summary>bool.</summary>
public sealed record BoolValue(bool Value) : Value;

/// <summary>s8, s16, s32 or s64.</summary>
public sealed record SignedValue(long Value) : Value;

/// <summary>u8, u16, u32 or u64.</summary>
public sealed record UnsignedValue(ulong Value) : Value;

/// <summary>f32.</summary>
public sealed record Float32Value(float Value) : Value;

/// <summary>f64.</summary>
public sealed record Float64Value(double Value) : Value;

/// <summary>char.</summary>
public sealed record CharValue(System.Text.Rune Value) : Value;

/// <summary>string.</summary>
public sealed record StringValue(string Value) : Value;

/// <summary>list, of a variable or a fixed length.</summary>
public sealed record ListValue(IReadOnlyList<Value> Items) : Value
{
    /// <inheritdoc/>
    public bool Equals(ListValue? other) => other is not null && SameItems(Items, other.Items);

    /// <inheritdoc/>
    public override int GetHashCode() => HashOf(Items);
}

/// <summary>map: pairs in the order they came.</summary>
public sealed record MapValue(IReadOnlyList<KeyValuePair<Value, Value>> Entries) : Value
{
    /// <inheritdoc/>
    public bool Equals(MapValue? other) => other is not null && Entries.SequenceEqual(other.Entries);

    /// <inheritdoc/>
    public override int GetHashCode() => Entries.Count;
}

/// <summary>record: values of the fields in the order of the type.</summary>
public sealed record RecordValue(IReadOnlyList<KeyValuePair<string, Value>> Fields) : Value
{
    /// <inheritdoc/>
    public bool Equals(RecordValue? other) => other is not null && Fields.SequenceEqual(other.Fields);

    /// <inheritdoc/>
    public override int GetHashCode() => Fields.Count;
}

/// <summary>tuple.</summary>
public sealed record TupleValue(IReadOnlyList<Value> Items) : Value
{
    /// <inheritdoc/>
    public bool Equals(TupleValue? other) => other is not null && SameItems(Items, other.Items);

    /// <inheritdoc/>
    public override int GetHashCode() => HashOf(Items);
}

/// <summary>variant: a case and its payload, null for none.</summary>
public sealed record VariantValue(string Case, Value? Payload) : Value;

/// <summary>enum.</summary>
public sealed record EnumValue(string Case) : Value;

/// <summary>option: null for none.</summary>
public sealed record OptionValue(Value? Some) : Value;

/// <summary>result: which side, and its payload, null for none.</summary>
public sealed record ResultValue(bool IsOk, Value? Payload) : Value;

/// <summary>flags: the names that are set, in the order of the type.</summary>
public sealed record FlagsValue(IReadOnlyList<string> Names) : Value
{
    /// <inheritdoc/>
    public bool Equals(FlagsValue? other) => other is not null && Names.ToHashSet().SetEquals(other.Names);

    /// <inheritdoc/>
    public override int GetHashCode() => Names.Count;
}

/// <summary>The readable end of a stream or a future, in the host's hands: it can be passed on to a guest of the same instance.</summary>
public sealed record CopyValue : Value
{
    internal CopyValue(SharedCopy shared) => Shared = shared;

    internal SharedCopy Shared { get; }

    /// <summary>What it is.</summary>
    public StreamOrFutureType Type => Shared.Type;
}

/// <summary>A handle that the host holds.</summary>
public sealed record ResourceValue(ResourceHandle Handle) : Value;
