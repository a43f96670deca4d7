// A key as text: its prefix, its 32 bytes and a CRC-16 of both, in base 32 without padding.
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace NATS.NKeys;

internal static class KeyText
{
    public const int KeyBytes = 32;

    /// <summary>The first five bits of a seed: S.</summary>
    private const byte Seed = 18 << 3;

    private const int CheckBytes = 2;

    /// <summary>56 letters.</summary>
    public static string OfPublicKey(PrefixByte prefix, ReadOnlySpan<byte> key)
    {
        Span<byte> raw = stackalloc byte[1 + KeyBytes + CheckBytes];
        raw[0] = (byte)prefix;
        key.CopyTo(raw[1..]);
        return Encode(raw);
    }

    /// <summary>58 letters: S and the letter of the kind, then the seed.</summary>
    public static string OfSeed(PrefixByte prefix, ReadOnlySpan<byte> seed)
    {
        Span<byte> raw = stackalloc byte[2 + KeyBytes + CheckBytes];
        raw[0] = (byte)(Seed | ((byte)prefix >> 5));
        raw[1] = (byte)((byte)prefix << 3);
        seed.CopyTo(raw[2..]);
        string text = Encode(raw);
        CryptographicOperations.ZeroMemory(raw);
        return text;
    }

    /// <summary>What a public key's text says; false where it is none.</summary>
    public static bool TryReadPublicKey(ReadOnlySpan<char> text, out PrefixByte prefix, Span<byte> key, [NotNullWhen(false)] out string? fault)
    {
        Span<byte> raw = stackalloc byte[1 + KeyBytes + CheckBytes];
        prefix = 0;
        if (!TryDecode(text, raw, out fault)) return false;
        if (!IsKind(raw[0]))
        {
            fault = "its first letter is not one of A, C, N, O, U, X";
            return false;
        }

        prefix = (PrefixByte)raw[0];
        raw.Slice(1, KeyBytes).CopyTo(key);
        return true;
    }

    /// <summary>What a seed's text says; false where it is none.</summary>
    public static bool TryReadSeed(ReadOnlySpan<char> text, out PrefixByte prefix, Span<byte> seed, [NotNullWhen(false)] out string? fault)
    {
        Span<byte> raw = stackalloc byte[2 + KeyBytes + CheckBytes];
        prefix = 0;
        try
        {
            if (!TryDecode(text, raw, out fault)) return false;
            byte kind = (byte)((raw[0] << 5) | (raw[1] >> 3));
            if ((raw[0] & 0xf8) != Seed) fault = "it does not begin with S";
            else if (!IsKind(kind) || (raw[1] & 7) != 0) fault = "its second letter is not one of A, C, N, O, U, X";
            if (fault is not null) return false;
            prefix = (PrefixByte)kind;
            raw.Slice(2, KeyBytes).CopyTo(seed);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(raw);
        }
    }

    private static bool IsKind(byte b) => (PrefixByte)b is PrefixByte.Account or PrefixByte.Cluster or PrefixByte.Server or PrefixByte.Operator or PrefixByte.User or PrefixByte.Curve;

    /// <summary>Fills in the check value, the last two bytes, and gives the text.</summary>
    private static string Encode(Span<byte> raw)
    {
        ushort check = Check(raw[..^CheckBytes]);
        raw[^2] = (byte)check;
        raw[^1] = (byte)(check >> 8);
        Span<char> text = stackalloc char[((raw.Length * 8) + 4) / 5];
        int bits = 0, have = 0, at = 0;
        foreach (byte b in raw)
        {
            bits = ((bits << 8) | b) & 0xfff;
            have += 8;
            for (; have >= 5; have -= 5) text[at++] = Letter((bits >> (have - 5)) & 31);
        }

        if (have > 0) text[at++] = Letter((bits << (5 - have)) & 31);
        string encoded = new(text[..at]);
        text.Clear();
        return encoded;

        static char Letter(int value) => (char)(value < 26 ? 'A' + value : '2' + value - 26);
    }

    private static bool TryDecode(ReadOnlySpan<char> text, Span<byte> raw, [NotNullWhen(false)] out string? fault)
    {
        int length = ((raw.Length * 8) + 4) / 5;
        if (text.Length != length)
        {
            fault = $"it has {text.Length} characters in place of {length}";
            return false;
        }

        int bits = 0, have = 0, at = 0;
        foreach (char c in text)
        {
            int value = c is >= 'A' and <= 'Z' ? c - 'A' : c is >= '2' and <= '7' ? c - '2' + 26 : -1;
            if (value < 0)
            {
                fault = "it has a character that is not one of A to Z and 2 to 7";
                return false;
            }

            bits = ((bits << 5) | value) & 0xfff;
            have += 5;
            if (have < 8) continue;
            raw[at++] = (byte)(bits >> (have - 8));
            have -= 8;
        }

        // Bits that are left over are zeros: otherwise two texts would be one key.
        bool isExact = (bits & ((1 << have) - 1)) == 0;
        fault = isExact && Check(raw[..^CheckBytes]) == (raw[^2] | (raw[^1] << 8)) ? null : "its check value is not that of its bytes: a character was changed or left out";
        return fault is null;
    }

    /// <summary>CRC-16 with the polynomial 0x1021, from 0 (XMODEM).</summary>
    private static ushort Check(ReadOnlySpan<byte> bytes)
    {
        int crc = 0;
        foreach (byte b in bytes)
        {
            crc ^= b << 8;
            for (int i = 0; i < 8; i++) crc = (crc & 0x8000) != 0 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
        }

        return (ushort)crc;
    }
}
