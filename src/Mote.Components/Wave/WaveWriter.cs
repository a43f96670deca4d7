// Writes values as WAVE text.
using System.Globalization;
using System.Text;

namespace Mote.Components.Wave;

/// <summary>Writes values so that <see cref="WaveReader"/> reads the same ones.</summary>
public static class WaveWriter
{
    /// <summary>A value on one line.</summary>
    public static string Write(Value value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return text.ToString();
    }

    private static void Write(StringBuilder text, Value value)
    {
        switch (value)
        {
            case BoolValue v:
                text.Append(v.Value ? "true" : "false");
                break;
            case SignedValue v:
                text.Append(v.Value.ToString(CultureInfo.InvariantCulture));
                break;
            case UnsignedValue v:
                text.Append(v.Value.ToString(CultureInfo.InvariantCulture));
                break;
            case Float32Value v:
                text.Append(Float(v.Value, v.Value.ToString("R", CultureInfo.InvariantCulture)));
                break;
            case Float64Value v:
                text.Append(Float(v.Value, v.Value.ToString("R", CultureInfo.InvariantCulture)));
                break;
            case CharValue v:
                text.Append('\'');
                Escape(text, v.Value, '\'');
                text.Append('\'');
                break;
            case StringValue v:
                text.Append('"');
                foreach (Rune rune in v.Value.EnumerateRunes()) Escape(text, rune, '"');
                text.Append('"');
                break;
            case ListValue v:
                Sequence(text, '[', ']', v.Items, Write);
                break;
            case TupleValue v:
                Sequence(text, '(', ')', v.Items, Write);
                break;
            case MapValue v:
                Sequence(text, '[', ']', v.Entries, static (t, e) => Sequence(t, '(', ')', [e.Key, e.Value], Write));
                break;
            case FlagsValue v:
                Sequence(text, '{', '}', v.Names, static (t, n) => t.Append(Label(n)));
                break;
            case RecordValue v:
                Sequence(text, '{', '}', v.Fields, static (t, f) =>
                {
                    t.Append(Label(f.Key)).Append(": ");
                    Write(t, f.Value);
                });
                break;
            case VariantValue v:
                text.Append(Label(v.Case));
                Payload(text, v.Payload);
                break;
            case EnumValue v:
                text.Append(Label(v.Case));
                break;
            case OptionValue v:
                text.Append(v.Some is null ? "none" : "some");
                Payload(text, v.Some);
                break;
            case ResultValue v:
                text.Append(v.IsOk ? "ok" : "err");
                Payload(text, v.Payload);
                break;
            case ResourceValue:
                text.Append("<resource>"); // has no text: WAVE cannot carry handles
                break;
        }
    }

    private static void Payload(StringBuilder text, Value? value)
    {
        if (value is null) return;
        text.Append('(');
        Write(text, value);
        text.Append(')');
    }

    private static void Sequence<T>(StringBuilder text, char open, char close, IReadOnlyList<T> items, Action<StringBuilder, T> write)
    {
        text.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0) text.Append(", ");
            write(text, items[i]);
        }

        text.Append(close);
    }

    private static string Float(double value, string digits) =>
        double.IsNaN(value) ? "nan" : double.IsPositiveInfinity(value) ? "inf" : double.IsNegativeInfinity(value) ? "-inf" : digits.Replace("E+", "e").Replace('E', 'e');

    /// <summary>Names that are keywords are marked, so that they are read as names.</summary>
    private static string Label(string name) => name is "true" or "false" or "inf" or "nan" or "some" or "none" or "ok" or "err" ? "%" + name : name;

    private static void Escape(StringBuilder text, Rune rune, char quote)
    {
        switch (rune.Value)
        {
            case '\\':
                text.Append("\\\\");
                break;
            case '\n':
                text.Append("\\n");
                break;
            case '\r':
                text.Append("\\r");
                break;
            case '\t':
                text.Append("\\t");
                break;
            case var c when c == quote:
                text.Append('\\').Append(quote);
                break;
            // Control and format characters would not be seen, or would change how the line is shown.
            case var _ when Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned:
                text.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}");
                break;
            default:
                text.Append(rune.ToString());
                break;
        }
    }
}
