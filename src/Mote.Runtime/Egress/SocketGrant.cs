// An entry of `sockets` in a manifest: where a component may connect, and where it may listen.
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Mote.Runtime.Egress;

/// <summary>What a socket is used for.</summary>
public enum SocketUse
{
    /// <summary>Connecting: <c>tcp://</c>.</summary>
    Tcp,

    /// <summary>Sending datagrams, and receiving those of the same peers: <c>udp://</c>.</summary>
    Udp,

    /// <summary>Accepting connections: <c>tcp-listen://</c>.</summary>
    TcpListen,

    /// <summary>Receiving datagrams of anybody: <c>udp-listen://</c>.</summary>
    UdpListen,
}

/// <summary>A use, a host and ports.</summary>
public sealed record SocketGrant
{
    /// <summary>How one is written, for whoever got it wrong.</summary>
    public const string Form = "\"tcp://db.local:5432\", \"udp://10.0.0.0/8:514\", \"tcp-listen://127.0.0.1:8080\"";

    private static readonly string[] s_schemes = ["tcp", "udp", "tcp-listen", "udp-listen"];

    private SocketGrant(SocketUse use, HostPattern host, PortRange ports)
    {
        Use = use;
        Host = host;
        Ports = ports;
    }

    /// <summary>What for.</summary>
    public SocketUse Use { get; }

    /// <summary>Where to; for listening, on which addresses of the machine.</summary>
    public HostPattern Host { get; }

    /// <summary>The ports. For listening, 0 is one that the system chooses.</summary>
    public PortRange Ports { get; }

    /// <summary>True for those that accept.</summary>
    public bool IsListening => Use is SocketUse.TcpListen or SocketUse.UdpListen;

    /// <summary>How a use is written.</summary>
    public static string Scheme(SocketUse use) => s_schemes[(int)use];

    /// <summary>Reads one.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out SocketGrant? grant, [NotNullWhen(false)] out string? fault)
    {
        grant = null;
        if (!GrantText.TrySplit(text, s_schemes, Form, out string scheme, out HostPattern? host, out PortRange? ports, out fault)) return false;
        var use = (SocketUse)Array.IndexOf(s_schemes, scheme);
        bool listens = use is SocketUse.TcpListen or SocketUse.UdpListen;
        if (ports is not { } p) fault = $"`{text}` names no port: add it, as in {text}:{(listens ? "0 (the system chooses)" : "5432")}, or :* for all";
        else if (!listens) fault = GrantText.ConnectFault(text, host, p);
        else if (host is { Name: not null } and not { Name: "localhost", Below: false }) fault = $"`{text}`: a component listens on addresses of this machine, and `{host}` is a name: write 127.0.0.1, 0.0.0.0 for all, or localhost";
        if (fault is not null) return false;
        grant = new SocketGrant(use, host, ports!.Value);
        return true;
    }

    /// <summary>May a name be looked up?</summary>
    public bool AllowsName(string name) => !IsListening && Host.MatchesName(name);

    /// <summary>May this be connected or sent to, having come from this name or from none?</summary>
    public bool AllowsPeer(SocketUse use, string? name, IPEndPoint to) => use == Use && Ports.Contains(to.Port) && Host.AllowsAddress(name, to.Address);

    /// <summary>May a socket be bound here to listen?</summary>
    public bool AllowsBinding(SocketUse use, IPEndPoint at) => use == Use && Ports.Contains(at.Port) && Host.AllowsBinding(at.Address);

    /// <inheritdoc/>
    public override string ToString() => $"{Scheme(Use)}://{Host}:{Ports}";
}
