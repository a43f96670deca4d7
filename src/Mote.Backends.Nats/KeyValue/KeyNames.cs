// Keys of any text as keys of NATS KV, which have letters, digits and a few signs: other clients of a bucket see plain keys
// as they are. Everything else is written as = and two hexadecimal digits for each byte of UTF-8.
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Mote.Backends.Nats.KeyValue;

internal static class KeyNames
{
    /// <summary>The header that has the key itself where its name is only its hash.</summary>
    public const string Header = "Mote-Key";

    /// <summary>The name of the key that has no characters. No escape has this in it, nor what follows.</summary>
    private const string Empty = "=_";

    private const string Hash = "=h";

    /// <summary>Longest name: a subject must fit into a line of the protocol.</summary>
    private const int MaxName = 512;

    private const string Hex = "0123456789ABCDEF";

    /// <summary>The name of a key; whether it is its hash, so that the key must be beside its value.</summary>
    public static (string Name, bool IsHash) Of(string key)
    {
        if (key.Length == 0) return (Empty, false);
        byte[] bytes = Encoding.UTF8.GetBytes(key);
        var name = new StringBuilder(bytes.Length);
        for (int i = 0; i < bytes.Length && name.Length <= MaxName; i++)
        {
            byte b = bytes[i];
            // A dot stands between tokens: not at an end, and not beside another.
            bool isPlain = b is (>= (byte)'a' and <= (byte)'z') or (>= (byte)'A' and <= (byte)'Z') or (>= (byte)'0' and <= (byte)'9') or (byte)'-' or (byte)'_' or (byte)'/'
                || (b == (byte)'.' && i > 0 && i < bytes.Length - 1 && bytes[i - 1] != (byte)'.');
            if (isPlain) name.Append((char)b);
            else name.Append('=').Append(Hex[b >> 4]).Append(Hex[b & 15]);
        }

        return name.Length <= MaxName ? (name.ToString(), false) : (Hash + Convert.ToHexStringLower(SHA256.HashData(bytes)), true);
    }

    /// <summary>The key of a name; false where the name is none that <see cref="Of"/> gives.</summary>
    /// <param name="name">The name.</param>
    /// <param name="header">What is in <see cref="Header"/>.</param>
    /// <param name="key">The key.</param>
    public static bool TryRead(string name, string? header, [NotNullWhen(true)] out string? key)
    {
        key = null;
        try
        {
            key = name == Empty ? "" : name.StartsWith(Hash, StringComparison.Ordinal) ? header is null ? null : FromHeader(header) : Unescape(name);
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            // Somebody else's.
        }

        return key is not null && Of(key).Name == name;
    }

    /// <summary>The key as a header can have it.</summary>
    public static string ToHeader(string key) => Convert.ToBase64String(Encoding.UTF8.GetBytes(key));

    private static string FromHeader(string header) => Encoding.UTF8.GetString(Convert.FromBase64String(header));

    private static string? Unescape(string name)
    {
        var bytes = new List<byte>(name.Length);
        for (int i = 0; i < name.Length; i++)
        {
            if (name[i] > '\u007f') return null;
            if (name[i] != '=')
            {
                bytes.Add((byte)name[i]);
                continue;
            }

            if (i + 2 >= name.Length) return null;
            bytes.Add(Convert.ToByte(name.Substring(i + 1, 2), 16));
            i += 2;
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
