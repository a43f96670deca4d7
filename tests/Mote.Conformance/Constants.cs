// Component-level constants of scripts: (u32.const 1), (list.const …) and so on.
using System.Globalization;
using System.Text;
using Mote.Components;

namespace Mote.Conformance;

internal static class Constants
{
    public static Value Parse(SExpr e)
    {
        List<SExpr> items = e.Items ?? throw new FormatException($"line {e.Line}: a constant was expected, found {e}");
        string Word() => items[1].Atom ?? items[1].Text;
        switch (e.Head)
        {
            case "bool.const":
                return new BoolValue(Word() == "true");
            case "s8.const" or "s16.const" or "s32.const" or "s64.const":
                return new SignedValue(Signed(Word()));
            case "u8.const":
                return new UnsignedValue((byte)Unsigned(Word()));
            case "u16.const":
                return new UnsignedValue((ushort)Unsigned(Word()));
            case "u32.const":
                return new UnsignedValue((uint)Unsigned(Word()));
            case "u64.const":
                return new UnsignedValue(Unsigned(Word()));
            case "f32.const":
                return new Float32Value(F32(Word()));
            case "f64.const":
                return new Float64Value(F64(Word()));
            case "char.const":
                return new CharValue(Rune.GetRuneAt(items[1].Text, 0));
            case "str.const":
                return new StringValue(items[1].Text);
            case "list.const":
                return new ListValue([.. items.Skip(1).Select(Parse)]);
            case "tuple.const":
                return new TupleValue([.. items.Skip(1).Select(Parse)]);
            case "record.const":
                return new RecordValue([.. items.Skip(1).Select(f => new KeyValuePair<string, Value>(f.Items![1].Text, Field(f)))]);
            case "variant.const":
                return new VariantValue(items[1].Text, items.Count > 2 ? Parse(items[2]) : null);
            case "enum.const":
                return new EnumValue(items[1].Text);
            case "option.none":
                return new OptionValue(null);
            case "option.some":
                return new OptionValue(Parse(items[1]));
            case "result.ok":
                return new ResultValue(true, items.Count > 1 ? Parse(items[1]) : null);
            case "result.err":
                return new ResultValue(false, items.Count > 1 ? Parse(items[1]) : null);
            case "flags.const":
                return new FlagsValue([.. items.Skip(1).Select(i => i.Text)]);
            default:
                throw new FormatException($"line {e.Line}: unknown constant {e.Head}");
        }
    }

    /// <summary>The value of (field "name" CONST), where CONST stands without parentheses or with them.</summary>
    private static Value Field(SExpr field) => field.Items![2].Items is not null ? Parse(field.Items[2]) : Parse(field.Tail(2));

    /// <summary>Null where the value is the expected one.</summary>
    public static string? Mismatch(SExpr expected, Value actual)
    {
        if (expected.Head is "f32.const" or "f64.const" && expected.Items![1].Atom is { } word && word.Contains("nan", StringComparison.Ordinal))
        {
            bool nan = actual is Float32Value { Value: var f } ? float.IsNaN(f) : actual is Float64Value { Value: var d } && double.IsNaN(d);
            return nan ? null : $"expected {word}, got {actual}";
        }

        Value wanted = Parse(expected);
        return Same(wanted, actual) ? null : $"expected {wanted}, got {actual}";
    }

    private static bool Same(Value a, Value b) => (a, b) switch
    {
        (Float32Value x, Float32Value y) => BitConverter.SingleToInt32Bits(x.Value) == BitConverter.SingleToInt32Bits(y.Value),
        (Float64Value x, Float64Value y) => BitConverter.DoubleToInt64Bits(x.Value) == BitConverter.DoubleToInt64Bits(y.Value),
        _ => a.Equals(b),
    };

    private static ulong Unsigned(string text)
    {
        string t = text.Replace("_", "").TrimStart('+');
        if (t.StartsWith('-')) return unchecked((ulong)Signed(text));
        return t.StartsWith("0x", StringComparison.Ordinal) ? ulong.Parse(t[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture) : ulong.Parse(t, CultureInfo.InvariantCulture);
    }

    private static long Signed(string text)
    {
        string t = text.Replace("_", "").TrimStart('+');
        bool negative = t.StartsWith('-');
        ulong magnitude = Unsigned(negative ? t[1..] : t);
        return negative ? unchecked(-(long)magnitude) : (long)magnitude;
    }

    private static float F32(string text) => text.Contains("nan", StringComparison.Ordinal) ? float.NaN : text.Contains("0x", StringComparison.Ordinal) ? (float)HexFloat(text) : text switch
    {
        "inf" or "+inf" => float.PositiveInfinity,
        "-inf" => float.NegativeInfinity,
        _ => float.Parse(text.Replace("_", ""), CultureInfo.InvariantCulture),
    };

    private static double F64(string text) => text.Contains("nan", StringComparison.Ordinal) ? double.NaN : text.Contains("0x", StringComparison.Ordinal) ? HexFloat(text) : text switch
    {
        "inf" or "+inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ => double.Parse(text.Replace("_", ""), CultureInfo.InvariantCulture),
    };

    /// <summary>Hexadecimal floats that fit a double exactly, which those of scripts do.</summary>
    private static double HexFloat(string text)
    {
        string t = text.Replace("_", "").TrimStart('+');
        bool negative = t.StartsWith('-');
        t = t.TrimStart('-')[2..];
        int p = t.IndexOfAny(['p', 'P']);
        int exponent = p < 0 ? 0 : int.Parse(t[(p + 1)..], CultureInfo.InvariantCulture);
        string digits = p < 0 ? t : t[..p];
        int dot = digits.IndexOf('.');
        if (dot >= 0)
        {
            exponent -= 4 * (digits.Length - dot - 1);
            digits = digits.Remove(dot, 1);
        }

        double value = Math.ScaleB(ulong.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture), exponent);
        return negative ? -value : value;
    }
}
