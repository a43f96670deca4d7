// Values of any type, from a seeded generator: small ones, often at the edges.
using System.Text;
using Mote.Components;
using Mote.Components.Types;

namespace Mote.Bindings.C.Tests;

internal sealed class RandomValues(int seed)
{
    private readonly Random _random = new(seed);

    public Value Next(ValType type, int depth = 0)
    {
        switch (type)
        {
            case PrimitiveType p:
                return Primitive(p.Kind);
            case ListType { Length: { } n } l:
                return new ListValue(Items(l.Element, (int)n, depth));
            case ListType l:
                return new ListValue(Items(l.Element, Count(depth), depth));
            case MapType m:
                return new MapValue([.. Enumerable.Range(0, Count(depth)).Select(_ => new KeyValuePair<Value, Value>(Next(m.Key, depth + 1), Next(m.Value, depth + 1)))]);
            case RecordType r:
                return new RecordValue([.. r.Fields.Select(f => new KeyValuePair<string, Value>(f.Name, Next(f.Type, depth)))]);
            case TupleType t:
                return new TupleValue([.. t.Elements.Select(e => Next(e, depth))]);
            case FlagsType f:
                return new FlagsValue([.. f.Names.Where(_ => _random.Next(2) == 0)]);
            case EnumType e:
                return new EnumValue(e.Names[_random.Next(e.Names.Count)]);
            case OptionType o:
                return new OptionValue(_random.Next(3) == 0 ? null : Next(o.Element, depth));
            case ResultType r:
                bool ok = _random.Next(2) == 0;
                return new ResultValue(ok, (ok ? r.Ok : r.Error) is { } payload ? Next(payload, depth) : null);
            case VariantType v:
                VariantCase c = v.Cases[_random.Next(v.Cases.Count)];
                return new VariantValue(c.Name, c.Type is null ? null : Next(c.Type, depth));
            default:
                throw new InvalidOperationException(type.ToString());
        }
    }

    /// <summary>Fewer the deeper, and often none.</summary>
    private int Count(int depth) => _random.Next(3) == 0 ? 0 : _random.Next(depth == 0 ? 40 : 6 / (depth + 1) + 1);

    private Value[] Items(ValType element, int count, int depth) => [.. Enumerable.Range(0, count).Select(_ => Next(element, depth + 1))];

    private Value Primitive(PrimitiveKind kind) => kind switch
    {
        PrimitiveKind.Bool => new BoolValue(_random.Next(2) == 0),
        PrimitiveKind.S8 => new SignedValue((sbyte)Bits()),
        PrimitiveKind.S16 => new SignedValue((short)Bits()),
        PrimitiveKind.S32 => new SignedValue((int)Bits()),
        PrimitiveKind.S64 => new SignedValue((long)Bits()),
        PrimitiveKind.U8 => new UnsignedValue((byte)Bits()),
        PrimitiveKind.U16 => new UnsignedValue((ushort)Bits()),
        PrimitiveKind.U32 => new UnsignedValue((uint)Bits()),
        PrimitiveKind.U64 => new UnsignedValue(Bits()),
        PrimitiveKind.F32 => new Float32Value(Pick(0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, float.MaxValue, 1.5f, _random.NextSingle())),
        PrimitiveKind.F64 => new Float64Value(Pick(0d, -0d, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, double.MaxValue, -2.25, _random.NextDouble())),
        PrimitiveKind.Char => new CharValue(Char()),
        PrimitiveKind.String => new StringValue(string.Concat(Enumerable.Range(0, _random.Next(4) == 0 ? 0 : _random.Next(12)).Select(_ => Char().ToString()))),
        _ => throw new InvalidOperationException(kind.ToString()),
    };

    private ulong Bits() => Pick<ulong>(0UL, 1UL, ulong.MaxValue, 0x8000000000000000, 0x7fffffffffffffff, 0x80000000, 0x7fffffff, 0x8080808080808080, (ulong)_random.NextInt64());

    private Rune Char() => new(Pick<int>(0, 'a', 0x7f, 0x80, 'ß', 0x7ff, 0x800, '€', 0xd7ff, 0xe000, 0xffff, 0x10000, 0x1f980, 0x10ffff));

    private T Pick<T>(params ReadOnlySpan<T> from) => from[_random.Next(from.Length)];
}
