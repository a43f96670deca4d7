// What leaves a component, decided in one place for wasi:http and wasi:sockets: by the manifest's grants, on the address
// that is connected to and not on the name that led there.
using System.Net;
using Mote.Runtime;
using Mote.Runtime.Egress;

namespace Mote.Capabilities.Wasi.Net;

/// <summary>The network grants of a component. Each refusal is noted with the line that would allow it.</summary>
public sealed class EgressPolicy(AppComponent component)
{
    private readonly Grants _grants = component.Grants;

    /// <summary>May a request be sent there? Nothing has been looked up yet; <see cref="AllowsHttpConnection"/> decides on what is found.</summary>
    public bool AllowsHttp(string scheme, Authority to)
    {
        foreach (HttpGrant grant in _grants.Http)
        {
            if (grant.AllowsRequest(scheme, to)) return true;
        }

        component.Denied($"a request to {Url(scheme, to.Host, to.Port)}", HttpLine(scheme, to.Host, to.Port));
        return false;
    }

    /// <summary>May a request's connection be made to this address, which is the authority's own or what its name resolved to?</summary>
    public bool AllowsHttpConnection(string scheme, Authority to, IPAddress address)
    {
        foreach (HttpGrant grant in _grants.Http)
        {
            if (grant.AllowsConnection(scheme, to, address)) return true;
        }

        component.Denied($"a connection for {Url(scheme, to.Host, to.Port)} to {address}, which is {AddressKinds.Of(address).Words()}", HttpLine(scheme, Show(address), to.Port));
        return false;
    }

    /// <summary>Is anything granted for this use of sockets?</summary>
    public bool UsesSockets(SocketUse connecting, SocketUse listening)
    {
        foreach (SocketGrant grant in _grants.Sockets)
        {
            if (grant.Use == connecting || grant.Use == listening) return true;
        }

        string scheme = SocketGrant.Scheme(connecting);
        component.Denied($"a {scheme.ToUpperInvariant()} socket", $"sockets = [\"{scheme}://HOST:PORT\"]");
        return false;
    }

    /// <summary>May a name be looked up?</summary>
    public bool AllowsLookup(string name)
    {
        foreach (SocketGrant grant in _grants.Sockets)
        {
            if (grant.AllowsName(name)) return true;
        }

        component.Denied($"the lookup of `{name}`", $"sockets = [\"tcp://{name}:PORT\"]");
        return false;
    }

    /// <summary>May a socket connect or send to this address, which the guest may have come by from <paramref name="resolved"/>?</summary>
    /// <param name="use">Tcp or Udp.</param>
    /// <param name="to">Where to.</param>
    /// <param name="resolved">What the guest's lookups found.</param>
    /// <param name="note">False for what somebody else sent, which is nobody's refusal.</param>
    public bool AllowsPeer(SocketUse use, IPEndPoint to, ResolvedNames resolved, bool note = true)
    {
        foreach (SocketGrant grant in _grants.Sockets)
        {
            if (grant.AllowsPeer(use, null, to)) return true;
        }

        foreach (string name in resolved.NamesOf(to.Address))
        {
            foreach (SocketGrant grant in _grants.Sockets)
            {
                if (grant.AllowsPeer(use, name, to)) return true;
            }
        }

        if (note) Denied(use, to);
        return false;
    }

    /// <summary>Is a socket bound there one that may receive from anybody?</summary>
    /// <param name="use">TcpListen or UdpListen.</param>
    /// <param name="at">Where.</param>
    /// <param name="note">False where no grant is no refusal yet.</param>
    public bool AllowsBinding(SocketUse use, IPEndPoint at, bool note = true)
    {
        foreach (SocketGrant grant in _grants.Sockets)
        {
            if (grant.AllowsBinding(use, at)) return true;
        }

        if (note) Denied(use, at);
        return false;
    }

    private void Denied(SocketUse use, IPEndPoint at)
    {
        string url = $"{SocketGrant.Scheme(use)}://{Show(at.Address)}:{at.Port}";
        AddressKind kind = AddressKinds.Of(at.Address);
        component.Denied($"{url}{(kind.IsSpecial() ? $" ({kind.Words()})" : "")}", $"sockets = [\"{url}\"]");
    }

    private static string Show(IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{AddressRange.Plain(address)}]" : address.ToString();

    private static string Url(string scheme, string host, int port) => port == HttpGrant.DefaultPort(scheme) ? $"{scheme}://{host}" : $"{scheme}://{host}:{port}";

    private static string HttpLine(string scheme, string host, int port) => $"http = [\"{Url(scheme, host, port)}\"]";
}
