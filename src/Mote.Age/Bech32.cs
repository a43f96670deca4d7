// Keys as text: Bech32 (BIP 173), without its limit of 90 characters, as age has it.
namespace Mote.Age;

internal static class Bech32
{
    private const string Charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    private const int ChecksumLength = 6;

    /// <summary>`prefix`1`data and checksum`, in lower case.</summary>
    public static string Encode(string prefix, ReadOnlySpan<byte> data)
    {
        List<byte> values = Regroup(data, 8, 5, pad: true)!;
        uint check = Checksum(prefix, [.. values, .. new byte[ChecksumLength]]) ^ 1;
        for (int i = 0; i < ChecksumLength; i++) values.Add((byte)((check >> (5 * (ChecksumLength - 1 - i))) & 31));
        return $"{prefix}1{string.Concat(values.Select(v => Charset[v]))}";
    }

    /// <summary>The bytes behind a prefix; null where the text is not whole, or of another kind. Of one case, as the standard has it.</summary>
    public static byte[]? TryDecode(string prefix, string text)
    {
        string lower = text.ToLowerInvariant();
        if (text != lower && text != text.ToUpperInvariant()) return null;
        if (!lower.StartsWith(prefix + "1", StringComparison.Ordinal)) return null;
        byte[] values = new byte[lower.Length - prefix.Length - 1];
        if (values.Length < ChecksumLength) return null;
        for (int i = 0; i < values.Length; i++)
        {
            int value = Charset.IndexOf(lower[prefix.Length + 1 + i], StringComparison.Ordinal);
            if (value < 0) return null;
            values[i] = (byte)value;
        }

        return Checksum(prefix, values) == 1 ? Regroup(values.AsSpan(..^ChecksumLength), 5, 8, pad: false)?.ToArray() : null;
    }

    private static uint Checksum(string prefix, ReadOnlySpan<byte> values)
    {
        uint check = 1;
        foreach (char c in prefix) check = Step(check, c >> 5);
        check = Step(check, 0);
        foreach (char c in prefix) check = Step(check, c & 31);
        foreach (byte v in values) check = Step(check, v);
        return check;
    }

    private static uint Step(uint check, int value)
    {
        ReadOnlySpan<uint> generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
        uint top = check >> 25;
        check = ((check & 0x1ffffff) << 5) ^ (uint)value;
        for (int i = 0; i < generator.Length; i++)
        {
            if (((top >> i) & 1) != 0) check ^= generator[i];
        }

        return check;
    }

    /// <summary>The same bits in groups of another length; null where those left over are not zeros of padding.</summary>
    private static List<byte>? Regroup(ReadOnlySpan<byte> values, int from, int to, bool pad)
    {
        var regrouped = new List<byte>();
        uint bits = 0;
        int have = 0;
        foreach (byte value in values)
        {
            bits = (bits << from) | value;
            have += from;
            while (have >= to)
            {
                have -= to;
                regrouped.Add((byte)((bits >> have) & ((1u << to) - 1)));
            }
        }

        uint left = bits & ((1u << have) - 1);
        if (pad && have > 0) regrouped.Add((byte)(left << (to - have)));
        else if (!pad && (have >= from || left != 0)) return null;
        return regrouped;
    }
}
