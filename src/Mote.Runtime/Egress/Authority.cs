// Where a request or a connection goes, as it is written: a name or an address, and a port.
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mote.Runtime.Egress;

/// <summary>A host and a port. Either <see cref="Name"/> or <see cref="Address"/> is there.</summary>
public sealed record Authority
{
    private const int LongestName = 253;
    private const int LongestLabel = 63;

    private Authority(string? name, IPAddress? address, int port)
    {
        Name = name;
        Address = address;
        Port = port;
    }

    /// <summary>The name: lowercase ASCII, without a dot at the end.</summary>
    public string? Name { get; }

    /// <summary>The address, where there is no name.</summary>
    public IPAddress? Address { get; }

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>The host as it stands in a URL.</summary>
    public string Host => Name ?? (Address!.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Address}]" : Address.ToString());

    /// <summary>Reads <c>host</c> or <c>host:port</c>; IPv6 addresses stand in brackets. User names, zones, and numbers that are no dotted address are refused.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, int defaultPort, [NotNullWhen(true)] out Authority? authority)
    {
        authority = null;
        if (!TrySplit(text, out ReadOnlySpan<char> host, out ReadOnlySpan<char> portText)) return false;
        int port = defaultPort;
        if (!portText.IsEmpty && (portText.Length > 5 || !int.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535)) return false;
        if (host is ['[', .. var inner, ']'])
        {
            if (!AddressRange.TryParseAddress(inner, out IPAddress? v6) || v6.AddressFamily != AddressFamily.InterNetworkV6) return false;
            authority = new Authority(null, v6, port);
        }
        else if (AddressRange.TryParseAddress(host, out IPAddress? v4))
        {
            authority = new Authority(null, v4, port);
        }
        else if (NormalizeName(host) is { } name)
        {
            authority = new Authority(name, null, port);
        }

        return authority is not null;
    }

    /// <summary>
    /// A host name in the form in which names are compared; null where it is none. What ends in a number (127.1,
    /// 2130706433, 0x7f000001) is none: the system's resolver would take it for an address.
    /// </summary>
    public static string? NormalizeName(ReadOnlySpan<char> text)
    {
        if (text is [.. var body, '.']) text = body;
        if (text.IsEmpty || text.Length > LongestName) return null;
        string name = text.ToString();
        if (!System.Text.Ascii.IsValid(name))
        {
            try
            {
                name = new IdnMapping().GetAscii(name);
            }
            catch (ArgumentException)
            {
                return null; // not a name in any script
            }

            if (name.Length > LongestName) return null;
        }

        name = name.ToLowerInvariant();
        ReadOnlySpan<char> last = default;
        foreach (Range part in name.AsSpan().Split('.'))
        {
            last = name.AsSpan(part);
            if (last.Length is 0 or > LongestLabel || last[0] == '-' || last[^1] == '-') return null;
            if (last.IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789-_") >= 0) return null;
        }

        return EndsInNumber(last) ? null : name;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Host}:{Port}";

    /// <summary>Host and port as text; the port is empty where there is none.</summary>
    internal static bool TrySplit(ReadOnlySpan<char> text, out ReadOnlySpan<char> host, out ReadOnlySpan<char> port)
    {
        int end = text is ['[', ..] ? text.IndexOf(']') + 1 : text.IndexOf(':') is var colon and >= 0 ? colon : text.Length;
        host = text[..end];
        port = default;
        if (host.IsEmpty) return false;
        if (end == text.Length) return true;
        port = text[(end + 1)..];
        return text[end] == ':' && !port.IsEmpty;
    }

    private static bool EndsInNumber(ReadOnlySpan<char> last) =>
        last.IndexOfAnyExceptInRange('0', '9') < 0 || (last.StartsWith("0x") && last[2..].IndexOfAnyExcept("0123456789abcdef") < 0);
}
