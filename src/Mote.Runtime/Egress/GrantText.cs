// The common form of network grants, scheme://host:port, and what is wrong with one that is not.
using System.Diagnostics.CodeAnalysis;

namespace Mote.Runtime.Egress;

internal static class GrantText
{
    private const int MaxLength = 300;

    public static bool TrySplit(
        string text, string[] schemes, string form, out string scheme, [NotNullWhen(true)] out HostPattern? host, out PortRange? ports, [NotNullWhen(false)] out string? fault)
    {
        host = null;
        ports = null;
        scheme = "";
        int colon = text.IndexOf("://", StringComparison.Ordinal);
        if (text.Length > MaxLength) fault = $"a network grant has at most {MaxLength} characters";
        else if (colon < 0 || !schemes.Contains(scheme = text[..colon])) fault = $"`{text}` begins with none of {string.Join(", ", schemes.Select(s => $"{s}://"))}: write it as in {form}";
        else fault = Rest(text, text.AsSpan(colon + 3), form, out host, out ports);
        return fault is null;
    }

    /// <summary>What cannot be meant by a grant to connect.</summary>
    public static string? ConnectFault(string text, HostPattern host, PortRange ports) =>
        ports.Last == 0 ? $"`{text}`: nothing listens on port 0"
        : host.Range is { IsSingle: true } r && AddressKinds.Of(r.First) is AddressKind.Unspecified or AddressKind.Broadcast ? $"`{text}`: {r} is no address to connect to: for this machine write 127.0.0.1 or [::1]" : null;

    private static string? Rest(string text, ReadOnlySpan<char> rest, string form, out HostPattern? host, out PortRange? ports)
    {
        host = null;
        ports = null;
        if (rest.Contains('@')) return $"`{text}` has a user name, which no grant has";
        if (rest.Contains('%')) return $"`{text}` has a % in it: a grant has neither zones nor escapes";
        if (rest.Count(':') > 1 && !rest.Contains('[')) return $"`{text}`: an IPv6 address stands in brackets, as in [fd00::1] or [fd00::/8]";
        if (!Authority.TrySplit(rest, out ReadOnlySpan<char> hostText, out ReadOnlySpan<char> portText)) return $"`{text}` is not scheme://host:port: write it as in {form}";
        if (!portText.IsEmpty)
        {
            if (!PortRange.TryParse(portText, out PortRange p)) return $"`{text}`: `{portText}` is no port: write a number up to 65535, a range like 8000-8080, or * (a grant has no path)";
            ports = p;
        }

        if (HostPattern.TryParse(hostText, out host)) return null;
        return hostText.Contains('/') ? $"`{text}`: `{hostText}` is no block of addresses, which is written 10.0.0.0/8 with zeros after the leading bits (and a grant has no path)"
            : hostText.Contains('*') ? $"`{text}`: * stands alone or as the first label, as in *.example.com"
            : $"`{text}`: `{hostText}` is neither a host name nor an address of four decimal numbers";
    }
}
