// Component-level value types with their canonical memory layout (CanonicalABI.md, "Alignment", "Element Size",
// "Flattening"). The layout is computed once, when a type is made.
using Mote.Wasmtime;

namespace Mote.Components.Types;

/// <summary>Primitive value types.</summary>
public enum PrimitiveKind : byte
{
    /// <summary>bool.</summary>
    Bool,

    /// <summary>s8.</summary>
    S8,

    /// <summary>u8.</summary>
    U8,

    /// <summary>s16.</summary>
    S16,

    /// <summary>u16.</summary>
    U16,

    /// <summary>s32.</summary>
    S32,

    /// <summary>u32.</summary>
    U32,

    /// <summary>s64.</summary>
    S64,

    /// <summary>u64.</summary>
    U64,

    /// <summary>f32.</summary>
    F32,

    /// <summary>f64.</summary>
    F64,

    /// <summary>char: a Unicode scalar value.</summary>
    Char,

    /// <summary>string.</summary>
    String,

    /// <summary>error-context.</summary>
    ErrorContext,
}

/// <summary>A value type.</summary>
public abstract class ValType : TypeDef
{
    /// <summary>Most core parameters before they go through memory.</summary>
    internal const int MaxFlatParameters = 16;

    /// <summary>Most core results before they go through memory.</summary>
    internal const int MaxFlatResults = 1;

    private ValKind[]? _flat;

    /// <summary>Bytes in a 32-bit linear memory.</summary>
    public uint Size { get; private protected init; }

    /// <summary>Alignment in a 32-bit linear memory: 1, 2, 4 or 8.</summary>
    public uint Alignment { get; private protected init; } = 1;

    /// <summary>Bytes by the 64-bit layout, which the size limit is defined by.</summary>
    internal long Size64 { get; private protected init; }

    internal int Alignment64 { get; private protected init; } = 1;

    /// <summary>Core values when passed flat; saturates just above what can ever be flat.</summary>
    internal int FlatCount { get; private protected init; }

    internal bool ContainsBorrow { get; private protected init; }

    /// <summary>Contains a handle of any kind, or an error-context: not plain data.</summary>
    internal bool ContainsHandle { get; private protected init; }

    /// <summary>Contains a stream or a future.</summary>
    internal bool ContainsAsync { get; private protected init; }

    /// <summary>Contains a string or a list of variable length: needs memory, and realloc where it is lowered.</summary>
    internal bool ContainsPointer { get; private protected init; }

    /// <summary>Every bit pattern of its bytes is a valid value and there is no padding: copied as bytes.</summary>
    internal bool IsPlain { get; private protected init; }

    /// <summary>The core types when passed flat. Only for types whose <see cref="FlatCount"/> is at most 16.</summary>
    internal ValKind[] Flat
    {
        get
        {
            if (_flat is { } known) return known;
            if (FlatCount > MaxFlatParameters) throw new InvalidOperationException("this type is never passed flat");
            var list = new List<ValKind>(FlatCount);
            Flatten(list);
            return _flat = [.. list];
        }
    }

    private protected abstract void Flatten(List<ValKind> into);

    internal void FlattenInto(List<ValKind> into) => into.AddRange(Flat);

    internal static uint AlignTo(uint offset, uint alignment) => (offset + alignment - 1) & ~(alignment - 1);

    internal static int SaturateFlat(long count) => (int)Math.Min(count, MaxFlatParameters + 1);

    /// <summary>Fields one after the other.</summary>
    private protected readonly ref struct Layout
    {
        public readonly uint Size, Alignment;
        public readonly long Size64;
        public readonly int Alignment64;
        public readonly long Bytes;

        public Layout(IEnumerable<ValType> fields)
        {
            long s = 0, s64 = 0;
            uint a = 1;
            int a64 = 1;
            foreach (ValType f in fields)
            {
                s = ((s + f.Alignment - 1) & -f.Alignment) + f.Size;
                s64 = ((s64 + f.Alignment64 - 1) & -f.Alignment64) + f.Size64;
                a = Math.Max(a, f.Alignment);
                a64 = Math.Max(a64, f.Alignment64);
                Bytes += f.Size;
            }

            Size = (uint)Math.Min((s + a - 1) & -a, uint.MaxValue);
            Size64 = (s64 + a64 - 1) & -a64;
            Alignment = a;
            Alignment64 = a64;
        }
    }
}

/// <summary>bool, a number, char, string or error-context.</summary>
public sealed class PrimitiveType : ValType
{
    private static readonly PrimitiveType[] s_all = [.. Enum.GetValues<PrimitiveKind>().Select(k => new PrimitiveType(k))];

    private PrimitiveType(PrimitiveKind kind)
    {
        Kind = kind;
        Size = kind switch
        {
            PrimitiveKind.Bool or PrimitiveKind.S8 or PrimitiveKind.U8 => 1,
            PrimitiveKind.S16 or PrimitiveKind.U16 => 2,
            PrimitiveKind.S64 or PrimitiveKind.U64 or PrimitiveKind.F64 or PrimitiveKind.String => 8,
            _ => 4,
        };
        Alignment = kind == PrimitiveKind.String ? 4 : Size;
        Size64 = kind == PrimitiveKind.String ? 16 : Size;
        Alignment64 = kind == PrimitiveKind.String ? 8 : (int)Size;
        FlatCount = kind == PrimitiveKind.String ? 2 : 1;
        ContainsPointer = kind == PrimitiveKind.String;
        ContainsHandle = kind == PrimitiveKind.ErrorContext;
        IsPlain = kind is >= PrimitiveKind.S8 and <= PrimitiveKind.F64;
    }

    /// <summary>Which primitive.</summary>
    public PrimitiveKind Kind { get; }

    internal override string Word => Kind switch
    {
        PrimitiveKind.ErrorContext => "error-context",
        _ => Kind.ToString().ToLowerInvariant(),
    };

    /// <summary>The type of a kind: always the same object.</summary>
    public static PrimitiveType Of(PrimitiveKind kind) => s_all[(int)kind];

    private protected override void Flatten(List<ValKind> into)
    {
        switch (Kind)
        {
            case PrimitiveKind.S64 or PrimitiveKind.U64:
                into.Add(ValKind.I64);
                break;
            case PrimitiveKind.F32:
                into.Add(ValKind.F32);
                break;
            case PrimitiveKind.F64:
                into.Add(ValKind.F64);
                break;
            case PrimitiveKind.String:
                into.Add(ValKind.I32);
                into.Add(ValKind.I32);
                break;
            default:
                into.Add(ValKind.I32);
                break;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Word;
}

/// <summary>A field of a record.</summary>
public readonly record struct RecordField(string Name, ValType Type);

/// <summary>record.</summary>
public sealed class RecordType : ValType
{
    private readonly RecordField[] _fields;

    internal RecordType(RecordField[] fields)
    {
        _fields = fields;
        Types = Array.ConvertAll(fields, f => f.Type);
        var layout = new Layout(Types);
        Size = layout.Size;
        Alignment = layout.Alignment;
        Size64 = layout.Size64;
        Alignment64 = layout.Alignment64;
        FlatCount = SaturateFlat(Types.Sum(t => (long)t.FlatCount));
        ContainsBorrow = Types.Any(t => t.ContainsBorrow);
        ContainsHandle = Types.Any(t => t.ContainsHandle);
        ContainsAsync = Types.Any(t => t.ContainsAsync);
        ContainsPointer = Types.Any(t => t.ContainsPointer);
        IsPlain = Types.All(t => t.IsPlain) && layout.Bytes == Size;
        foreach (ValType t in Types) Refers(t);
        Offsets = FieldOffsets(Types);
    }

    /// <summary>Fields in order.</summary>
    public IReadOnlyList<RecordField> Fields => _fields;

    internal ValType[] Types { get; }

    /// <summary>Byte offset of each field.</summary>
    internal uint[] Offsets { get; }

    internal override string Word => "record";

    internal static uint[] FieldOffsets(ValType[] types)
    {
        var offsets = new uint[types.Length];
        ulong at = 0;
        for (int i = 0; i < types.Length; i++)
        {
            ValType t = types[i];
            at = (at + t.Alignment - 1) & ~((ulong)t.Alignment - 1);
            offsets[i] = (uint)Math.Min(at, uint.MaxValue);
            at += t.Size;
        }

        return offsets;
    }

    private protected override void Flatten(List<ValKind> into)
    {
        foreach (ValType t in Types) t.FlattenInto(into);
    }

    /// <inheritdoc/>
    public override string ToString() => $"record {{{string.Join(", ", _fields.Select(f => $"{f.Name}: {f.Type}"))}}}";
}

/// <summary>tuple.</summary>
public sealed class TupleType : ValType
{
    internal TupleType(ValType[] types)
    {
        Types = types;
        var layout = new Layout(types);
        Size = layout.Size;
        Alignment = layout.Alignment;
        Size64 = layout.Size64;
        Alignment64 = layout.Alignment64;
        FlatCount = SaturateFlat(types.Sum(t => (long)t.FlatCount));
        ContainsBorrow = types.Any(t => t.ContainsBorrow);
        ContainsHandle = types.Any(t => t.ContainsHandle);
        ContainsAsync = types.Any(t => t.ContainsAsync);
        ContainsPointer = types.Any(t => t.ContainsPointer);
        IsPlain = types.All(t => t.IsPlain) && layout.Bytes == Size;
        foreach (ValType t in types) Refers(t);
        Offsets = RecordType.FieldOffsets(types);
    }

    /// <summary>Element types in order.</summary>
    public IReadOnlyList<ValType> Elements => Types;

    internal ValType[] Types { get; }

    internal uint[] Offsets { get; }

    internal override string Word => "tuple";

    private protected override void Flatten(List<ValKind> into)
    {
        foreach (ValType t in Types) t.FlattenInto(into);
    }

    /// <inheritdoc/>
    public override string ToString() => $"tuple<{string.Join(", ", Types.AsEnumerable())}>";
}

/// <summary>list, of a variable or a fixed length.</summary>
public sealed class ListType : ValType
{
    internal ListType(ValType element, uint? length = null)
    {
        Element = element;
        Length = length;
        ContainsBorrow = element.ContainsBorrow;
        ContainsHandle = element.ContainsHandle;
        ContainsAsync = element.ContainsAsync;
        Refers(element);
        if (length is { } n)
        {
            Size = (uint)Math.Min((ulong)element.Size * n, uint.MaxValue);
            Size64 = Saturating(element.Size64, n);
            Alignment = element.Alignment;
            Alignment64 = element.Alignment64;
            FlatCount = SaturateFlat((long)element.FlatCount * Math.Min(n, 1000));
            ContainsPointer = element.ContainsPointer;
            IsPlain = element.IsPlain;
        }
        else
        {
            Size = 8;
            Size64 = 16;
            Alignment = 4;
            Alignment64 = 8;
            FlatCount = 2;
            ContainsPointer = true;
        }
    }

    /// <summary>Type of each element.</summary>
    public ValType Element { get; }

    /// <summary>The fixed length, or null.</summary>
    public uint? Length { get; }

    internal override string Word => "list";

    private protected override void Flatten(List<ValKind> into)
    {
        if (Length is { } n)
        {
            for (uint i = 0; i < n; i++) Element.FlattenInto(into);
        }
        else
        {
            into.Add(ValKind.I32);
            into.Add(ValKind.I32);
        }
    }

    internal static long Saturating(long size, long count) => size > 0 && count > long.MaxValue / 4 / size ? long.MaxValue / 4 : size * count;

    /// <inheritdoc/>
    public override string ToString() => Length is { } n ? $"list<{Element}, {n}>" : $"list<{Element}>";
}

/// <summary>map: a list of key and value pairs.</summary>
public sealed class MapType : ValType
{
    internal MapType(ValType key, ValType value)
    {
        Key = key;
        Value = value;
        AsList = new ListType(new TupleType([key, value]));
        Size = AsList.Size;
        Size64 = AsList.Size64;
        Alignment = AsList.Alignment;
        Alignment64 = AsList.Alignment64;
        FlatCount = 2;
        ContainsPointer = true;
        ContainsBorrow = value.ContainsBorrow;
        ContainsHandle = value.ContainsHandle;
        ContainsAsync = value.ContainsAsync;
        Refers(key);
        Refers(value);
    }

    /// <summary>Key type: bool, an integer, char or string.</summary>
    public ValType Key { get; }

    /// <summary>Value type.</summary>
    public ValType Value { get; }

    /// <summary>What a map is in the canonical ABI.</summary>
    internal ListType AsList { get; }

    internal override string Word => "map";

    private protected override void Flatten(List<ValKind> into) => AsList.FlattenInto(into);

    /// <inheritdoc/>
    public override string ToString() => $"map<{Key}, {Value}>";
}

/// <summary>flags: at most 32 named bits.</summary>
public sealed class FlagsType : ValType
{
    private readonly string[] _names;

    internal FlagsType(string[] names)
    {
        _names = names;
        Size = Alignment = names.Length <= 8 ? 1u : names.Length <= 16 ? 2u : 4u;
        Size64 = Size;
        Alignment64 = (int)Size;
        FlatCount = 1;
        IsPlain = names.Length is 8 or 16 or 32;
        AddSize(names.Length);
    }

    /// <summary>Names, bit 0 first.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>The bits that have a name.</summary>
    internal uint Mask => _names.Length == 32 ? uint.MaxValue : (1u << _names.Length) - 1;

    internal override string Word => "flags";

    private protected override void Flatten(List<ValKind> into) => into.Add(ValKind.I32);

    /// <inheritdoc/>
    public override string ToString() => $"flags {{{string.Join(", ", _names)}}}";
}

/// <summary>A case of a variant.</summary>
public readonly record struct VariantCase(string Name, ValType? Type);

/// <summary>What variant, enum, option and result are to the canonical ABI: a discriminant and a payload.</summary>
public abstract class VariantLikeType : ValType
{
    private protected VariantLikeType(ValType?[] payloads)
    {
        Payloads = payloads;
        DiscriminantSize = payloads.Length <= 1 << 8 ? 1u : payloads.Length <= 1 << 16 ? 2u : 4u;
        uint payloadSize = 0, payloadAlign = 1;
        long payloadSize64 = 0, flat = 0;
        int payloadAlign64 = 1;
        foreach (ValType? p in payloads)
        {
            AddSize(1);
            if (p is null) continue;
            Refers(p);
            payloadSize = Math.Max(payloadSize, p.Size);
            payloadAlign = Math.Max(payloadAlign, p.Alignment);
            payloadSize64 = Math.Max(payloadSize64, p.Size64);
            payloadAlign64 = Math.Max(payloadAlign64, p.Alignment64);
            flat = Math.Max(flat, p.FlatCount);
            ContainsBorrow |= p.ContainsBorrow;
            ContainsHandle |= p.ContainsHandle;
            ContainsAsync |= p.ContainsAsync;
            ContainsPointer |= p.ContainsPointer;
        }

        PayloadOffset = AlignTo(DiscriminantSize, payloadAlign);
        Alignment = Math.Max(DiscriminantSize, payloadAlign);
        Alignment64 = Math.Max((int)DiscriminantSize, payloadAlign64);
        ulong end = (ulong)PayloadOffset + payloadSize;
        Size = (uint)Math.Min((end + Alignment - 1) & ~((ulong)Alignment - 1), uint.MaxValue);
        long end64 = ((DiscriminantSize + payloadAlign64 - 1) & -payloadAlign64) + payloadSize64;
        Size64 = (end64 + Alignment64 - 1) & -Alignment64;
        FlatCount = SaturateFlat(1 + flat);
    }

    /// <summary>The payload of each case, null for none.</summary>
    internal ValType?[] Payloads { get; }

    /// <summary>1, 2 or 4 bytes.</summary>
    internal uint DiscriminantSize { get; }

    /// <summary>Byte offset of every payload.</summary>
    internal uint PayloadOffset { get; }

    /// <summary>Joins the flat types of all payloads position by position.</summary>
    private protected override void Flatten(List<ValKind> into)
    {
        into.Add(ValKind.I32);
        int start = into.Count;
        foreach (ValType? p in Payloads)
        {
            if (p is null) continue;
            ValKind[] flat = p.Flat;
            for (int i = 0; i < flat.Length; i++)
            {
                if (start + i < into.Count) into[start + i] = Join(into[start + i], flat[i]);
                else into.Add(flat[i]);
            }
        }
    }

    private static ValKind Join(ValKind a, ValKind b) =>
        a == b ? a : a is ValKind.I32 or ValKind.F32 && b is ValKind.I32 or ValKind.F32 ? ValKind.I32 : ValKind.I64;
}

/// <summary>variant.</summary>
public sealed class VariantType : VariantLikeType
{
    private readonly VariantCase[] _cases;

    internal VariantType(VariantCase[] cases)
        : base(Array.ConvertAll(cases, c => c.Type)) => _cases = cases;

    /// <summary>Cases in order.</summary>
    public IReadOnlyList<VariantCase> Cases => _cases;

    internal override string Word => "variant";

    /// <inheritdoc/>
    public override string ToString() => $"variant {{{string.Join(", ", _cases.Select(c => c.Type is null ? c.Name : $"{c.Name}({c.Type})"))}}}";
}

/// <summary>enum.</summary>
public sealed class EnumType : VariantLikeType
{
    private readonly string[] _names;

    internal EnumType(string[] names)
        : base(new ValType?[names.Length]) => _names = names;

    /// <summary>Names, value 0 first.</summary>
    public IReadOnlyList<string> Names => _names;

    internal override string Word => "enum";

    /// <inheritdoc/>
    public override string ToString() => $"enum {{{string.Join(", ", _names)}}}";
}

/// <summary>option.</summary>
public sealed class OptionType : VariantLikeType
{
    internal OptionType(ValType element)
        : base([null, element]) => Element = element;

    /// <summary>Type of the value where there is one.</summary>
    public ValType Element { get; }

    internal override string Word => "option";

    /// <inheritdoc/>
    public override string ToString() => $"option<{Element}>";
}

/// <summary>result.</summary>
public sealed class ResultType : VariantLikeType
{
    internal ResultType(ValType? ok, ValType? error)
        : base([ok, error])
    {
        Ok = ok;
        Error = error;
    }

    /// <summary>Type of a success, null for none.</summary>
    public ValType? Ok { get; }

    /// <summary>Type of an error, null for none.</summary>
    public ValType? Error { get; }

    internal override string Word => "result";

    /// <inheritdoc/>
    public override string ToString() => (Ok, Error) switch
    {
        (null, null) => "result",
        (null, { } e) => $"result<_, {e}>",
        ({ } o, null) => $"result<{o}>",
        ({ } o, { } e) => $"result<{o}, {e}>",
    };
}

/// <summary>own or borrow.</summary>
public sealed class HandleType : ValType
{
    internal HandleType(ResourceType resource, bool own)
    {
        Resource = resource;
        IsOwn = own;
        Size = Alignment = 4;
        Size64 = Alignment64 = 4;
        FlatCount = 1;
        ContainsHandle = true;
        ContainsBorrow = !own;
    }

    /// <summary>Which resource type.</summary>
    public ResourceType Resource { get; }

    /// <summary>True for own, false for borrow.</summary>
    public bool IsOwn { get; }

    internal override string Word => IsOwn ? "own" : "borrow";

    private protected override void Flatten(List<ValKind> into) => into.Add(ValKind.I32);

    /// <inheritdoc/>
    public override string ToString() => $"{Word}<{Resource}>";
}

/// <summary>stream or future.</summary>
public sealed class StreamOrFutureType : ValType
{
    internal StreamOrFutureType(ValType? element, bool stream)
    {
        Element = element;
        IsStream = stream;
        Size = Alignment = 4;
        Size64 = Alignment64 = 4;
        FlatCount = 1;
        ContainsHandle = true;
        ContainsAsync = true;
        ContainsBorrow = element?.ContainsBorrow ?? false;
        Refers(element);
    }

    /// <summary>Type of each element, null for none.</summary>
    public ValType? Element { get; }

    /// <summary>True for stream, false for future.</summary>
    public bool IsStream { get; }

    internal override string Word => IsStream ? "stream" : "future";

    private protected override void Flatten(List<ValKind> into) => into.Add(ValKind.I32);

    /// <inheritdoc/>
    public override string ToString() => Element is null ? Word : $"{Word}<{Element}>";
}
