// An IP address or a block of them, and the one way in which addresses are read from text.
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mote.Runtime.Egress;

/// <summary>Addresses with the same first bits.</summary>
public sealed record AddressRange
{
    private readonly byte[] _first;

    private AddressRange(IPAddress first, int prefix)
    {
        First = first;
        Prefix = prefix;
        _first = first.GetAddressBytes();
    }

    /// <summary>The first address.</summary>
    public IPAddress First { get; }

    /// <summary>How many bits are the same.</summary>
    public int Prefix { get; }

    /// <summary>True for one address.</summary>
    public bool IsSingle => Prefix == _first.Length * 8;

    /// <summary>An address as it goes onto the wire: IPv4 where it is IPv4 in IPv6's clothes (::ffff:1.2.3.4), and without a zone.</summary>
    public static IPAddress Plain(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address;
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        return address.ScopeId == 0 ? address : new IPAddress(address.GetAddressBytes());
    }

    /// <summary>
    /// Reads an address: four decimal numbers with dots, or IPv6. What the system's resolver takes besides (one number,
    /// octal, hexadecimal, fewer parts, zones) is no address here.
    /// </summary>
    public static bool TryParseAddress(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        if (!text.Contains(':')) return TryParseV4(text, out address);
        if (text.Length > 45 || text.IndexOfAnyExcept("0123456789abcdefABCDEF:.") >= 0) return false;
        if (text.Contains('.') && !TryParseV4(text[(text.LastIndexOf(':') + 1)..], out _)) return false;
        return IPAddress.TryParse(text, out address) && address.AddressFamily == AddressFamily.InterNetworkV6;
    }

    /// <summary>Reads an address, or one with the number of its leading bits: 10.0.0.0/8.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out AddressRange? range)
    {
        range = null;
        int slash = text.IndexOf('/');
        if (!TryParseAddress(slash < 0 ? text : text[..slash], out IPAddress? address)) return false;
        int bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        int prefix = bits;
        if (slash >= 0 && (text.Length - slash is < 2 or > 4 || !int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out prefix) || prefix > bits)) return false;
        if (address.IsIPv4MappedToIPv6)
        {
            if (prefix < 96) return false; // neither of the one family nor of the other
            prefix -= 96;
        }

        range = new AddressRange(Plain(address), prefix);
        for (int i = prefix; i < range._first.Length * 8; i++)
        {
            if ((range._first[i / 8] & (0x80 >> (i % 8))) != 0) return false; // 10.1.2.3/8: a slip, and nobody knows of which part
        }

        return true;
    }

    /// <summary>As <see cref="TryParse"/>, for text of our own.</summary>
    public static AddressRange Parse(string text) => TryParse(text, out AddressRange? range) ? range : throw new FormatException($"`{text}` is neither an address nor a range");

    /// <summary>Is it in the range?</summary>
    public bool Contains(IPAddress address)
    {
        address = Plain(address);
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out int length) && length == _first.Length && SameBits(bytes, Prefix);
    }

    /// <summary>Is all of it in the range?</summary>
    public bool Contains(AddressRange other) => other._first.Length == _first.Length && other.Prefix >= Prefix && SameBits(other._first, Prefix);

    /// <inheritdoc/>
    public bool Equals(AddressRange? other) => other is not null && other.Prefix == Prefix && other._first.AsSpan().SequenceEqual(_first);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(First, Prefix);

    /// <inheritdoc/>
    public override string ToString() => IsSingle ? First.ToString() : $"{First}/{Prefix}";

    private bool SameBits(ReadOnlySpan<byte> bytes, int count)
    {
        int whole = count / 8;
        if (!bytes[..whole].SequenceEqual(_first.AsSpan(0, whole))) return false;
        int rest = count % 8;
        return rest == 0 || ((bytes[whole] ^ _first[whole]) >> (8 - rest)) == 0;
    }

    private static bool TryParseV4(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        Span<byte> bytes = stackalloc byte[4];
        int at = 0;
        foreach (Range part in text.Split('.'))
        {
            ReadOnlySpan<char> number = text[part];
            if (at == 4 || number.Length is 0 or > 3 || (number.Length > 1 && number[0] == '0')) return false;
            if (!byte.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out bytes[at++])) return false;
        }

        if (at != 4) return false;
        address = new IPAddress(bytes);
        return true;
    }
}
