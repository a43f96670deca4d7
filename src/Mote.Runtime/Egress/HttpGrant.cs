// An entry of `http` in a manifest: where a component may send requests.
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Mote.Runtime.Egress;

/// <summary>Scheme, host and port that requests may go to.</summary>
public sealed record HttpGrant
{
    /// <summary>How one is written, for whoever got it wrong.</summary>
    public const string Form = "\"https://api.example.com\", \"http://*.plant.local:8080\", \"http://10.0.0.7:*\"";

    private HttpGrant(string scheme, HostPattern host, PortRange ports)
    {
        Scheme = scheme;
        Host = host;
        Ports = ports;
    }

    /// <summary>http or https.</summary>
    public string Scheme { get; }

    /// <summary>The host.</summary>
    public HostPattern Host { get; }

    /// <summary>The ports; the scheme's own where none is named.</summary>
    public PortRange Ports { get; }

    /// <summary>The port of a scheme.</summary>
    public static int DefaultPort(string scheme) => scheme == "https" ? 443 : 80;

    /// <summary>Reads one.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out HttpGrant? grant, [NotNullWhen(false)] out string? fault)
    {
        grant = null;
        if (!GrantText.TrySplit(text, ["http", "https"], Form, out string scheme, out HostPattern? host, out PortRange? ports, out fault)) return false;
        PortRange p = ports ?? new PortRange(DefaultPort(scheme), DefaultPort(scheme));
        if (GrantText.ConnectFault(text, host, p) is { } wrong)
        {
            fault = wrong;
            return false;
        }

        grant = new HttpGrant(scheme, host, p);
        return true;
    }

    /// <summary>May a request be made to this scheme and authority? Where the name leads is asked when connecting.</summary>
    public bool AllowsRequest(string scheme, Authority to) =>
        scheme == Scheme && Ports.Contains(to.Port) && (to.Name is not null ? Host.MatchesName(to.Name) : Host.AllowsAddress(null, to.Address!));

    /// <summary>May the request's connection be made to this address?</summary>
    public bool AllowsConnection(string scheme, Authority to, IPAddress address) => scheme == Scheme && Ports.Contains(to.Port) && Host.AllowsAddress(to.Name, address);

    /// <inheritdoc/>
    public override string ToString() => Ports == new PortRange(DefaultPort(Scheme), DefaultPort(Scheme)) ? $"{Scheme}://{Host}" : $"{Scheme}://{Host}:{Ports}";
}
