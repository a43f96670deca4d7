// Values of any type: small ones, often at the edges.
using System.Text;
using Mote.Components;
using Mote.Components.Types;

namespace Mote.Fuzz.Generation;

internal sealed class RandomValues(Random random, Func<HandleType, Value?> handle)
{
    /// <summary>A type of which there is no value to be had: a resource that nobody gave us.</summary>
    public sealed class NoValueException : Exception;

    /// <summary>Values left to make: types may multiply.</summary>
    private int _left = 2000;

    public Value Next(ValType type)
    {
        _left--;
        switch (type)
        {
            case PrimitiveType p:
                return Primitive(p.Kind);
            case ListType { Length: { } n } l:
                return new ListValue(n <= 100_000 ? Items(l.Element, (int)n) : throw new NoValueException());
            case ListType l:
                return new ListValue(Items(l.Element, Count()));
            case MapType m:
                return new MapValue([.. Enumerable.Range(0, Count()).Select(_ => new KeyValuePair<Value, Value>(Next(m.Key), Next(m.Value)))]);
            case RecordType r:
                return new RecordValue([.. r.Fields.Select(f => new KeyValuePair<string, Value>(f.Name, Next(f.Type)))]);
            case TupleType t:
                return new TupleValue([.. t.Elements.Select(Next)]);
            case FlagsType f:
                return new FlagsValue([.. f.Names.Where(_ => random.Once(2))]);
            case EnumType e:
                return new EnumValue(e.Names[random.Next(e.Names.Count)]);
            case OptionType o:
                return new OptionValue(_left <= 0 || random.Once(3) ? null : Next(o.Element));
            case ResultType r:
                bool ok = random.Once(2);
                return new ResultValue(ok, (ok ? r.Ok : r.Error) is { } payload ? Next(payload) : null);
            case VariantType v:
                VariantCase c = v.Cases[random.Next(v.Cases.Count)];
                return new VariantValue(c.Name, c.Type is null ? null : Next(c.Type));
            case HandleType h:
                return handle(h) ?? throw new NoValueException();
            default:
                throw new NoValueException();
        }
    }

    private int Count() => _left <= 0 || random.Once(3) ? 0 : random.Once(10) ? random.Next(200) : random.Next(6);

    private Value[] Items(ValType element, int count) => [.. Enumerable.Range(0, count).Select(_ => Next(element))];

    private Value Primitive(PrimitiveKind kind) => kind switch
    {
        PrimitiveKind.Bool => new BoolValue(random.Once(2)),
        PrimitiveKind.S8 => new SignedValue((sbyte)Bits()),
        PrimitiveKind.S16 => new SignedValue((short)Bits()),
        PrimitiveKind.S32 => new SignedValue((int)Bits()),
        PrimitiveKind.S64 => new SignedValue((long)Bits()),
        PrimitiveKind.U8 => new UnsignedValue((byte)Bits()),
        PrimitiveKind.U16 => new UnsignedValue((ushort)Bits()),
        PrimitiveKind.U32 => new UnsignedValue((uint)Bits()),
        PrimitiveKind.U64 => new UnsignedValue(Bits()),
        PrimitiveKind.F32 => new Float32Value(random.Pick(0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, float.MaxValue, 1.5f, random.NextSingle())),
        PrimitiveKind.F64 => new Float64Value(random.Pick(0d, -0d, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, double.MaxValue, -2.25, random.NextDouble())),
        PrimitiveKind.Char => new CharValue(Char()),
        PrimitiveKind.String => new StringValue(string.Concat(Enumerable.Range(0, random.Once(4) ? 0 : random.Once(20) ? random.Next(3000) : random.Next(12)).Select(_ => Char().ToString()))),
        _ => throw new NoValueException(),
    };

    private ulong Bits() => random.Pick<ulong>(0UL, 1UL, ulong.MaxValue, 0x8000000000000000, 0x7fffffffffffffff, 0x80000000, 0x7fffffff, 0x8080808080808080, (ulong)random.NextInt64());

    private Rune Char() => new(random.Once(2) ? random.Next('a', 'z') : random.Pick<int>(0, '"', '\'', '\\', '\n', 0x7f, 0x80, 'ß', 0xff, 0x100, 0x7ff, 0x800, '€', 0xd7ff, 0xe000, 0xffff, 0x10000, 0x1f980, 0x10ffff));
}
