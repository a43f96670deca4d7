// Which text an MQTT packet may have in it.
using System.Globalization;
using System.Text;

namespace Mote.Triggers.Mqtt;

/// <summary>Texts of topics, content types and user properties (MQTT 5, section 1.5.4).</summary>
internal static class MqttText
{
    /// <summary>The longest, in bytes of UTF-8.</summary>
    public const int MaxBytes = 65_535;

    /// <summary>What <see cref="Fits"/> asks for, for messages.</summary>
    public const string Rule = "at most 65535 bytes and no control characters";

    /// <summary>
    /// Short enough, and without NUL and what the specification says should not be there: control characters and code
    /// points that are no characters. Mosquitto ends the connection of whoever sends those, and a message that is then
    /// sent again on each new connection would block all others.
    /// </summary>
    public static bool Fits(string text)
    {
        foreach (Rune r in text.EnumerateRunes())
        {
            if (IsBad(r)) return false;
        }

        return Encoding.UTF8.GetByteCount(text) <= MaxBytes;
    }

    /// <summary>A text for people as one that fits: lines become one, and what is too long is cut.</summary>
    public static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        int bytes = 0;
        foreach (Rune r in text.EnumerateRunes())
        {
            Rune shown = IsBad(r) ? (Rune)' ' : r;
            if ((bytes += shown.Utf8SequenceLength) > MaxBytes) break;
            line.Append(shown);
        }

        return line.ToString();
    }

    private static bool IsBad(Rune r) => Rune.GetUnicodeCategory(r) == UnicodeCategory.Control || (r.Value & 0xfffe) == 0xfffe || r.Value is >= 0xfdd0 and <= 0xfdef;
}
