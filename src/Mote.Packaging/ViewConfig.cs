// [view] of node.toml: a page on which people see what the cameras of this device see, and what the apps say about it.
using System.Net;
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>The device's own view. There is none unless it is said.</summary>
/// <param name="Address">Where it listens; port 0 lets the system choose.</param>
public sealed record ViewConfig(IPEndPoint Address)
{
    /// <summary>True where other machines may reach it: pictures leave the device then, by TLS.</summary>
    public bool Remote { get; init; }

    /// <summary>The name by which other machines know the device; null where the address says it.</summary>
    public string? Host { get; init; }

    /// <summary>How long somebody who was let in may look without asking anew.</summary>
    public TimeSpan Session { get; init; } = TimeSpan.FromHours(12);

    /// <param name="table">[view].</param>
    /// <param name="hasCertificate">Whether there is a certificate, that of [http.tls].</param>
    internal static ViewConfig Read(TomlTable table, bool hasCertificate)
    {
        string text = table.Required("address", "\"127.0.0.1:8088\"");
        if (!ListenAddress.TryParse(text, out IPEndPoint? address)) throw table.Values["address"].Error($"`address` must be an address and a port like \"127.0.0.1:8088\", found \"{text}\"");
        bool remote = table.Boolean("remote") ?? false;
        if (!remote && !IPAddress.IsLoopback(address.Address)) throw table.Values["address"].Error($"`address` is this device's own, 127.0.0.1 or [::1], found \"{text}\": at another one pictures would leave the device; where that is wanted, add remote = true under [view], and a certificate under [http.tls]");
        if (remote && !hasCertificate) throw table.Values["remote"].Error("`remote` lets pictures leave the device, and that only by TLS: add certificate = \"cert.pem\" and key = \"key.pem\" under [http.tls]");
        string? host = table.String("host");
        if (host is not null && !remote) throw table.Values["host"].Error("`host` is the name by which other machines know this one, and the view is for none of them: add remote = true, or take `host` away");
        if (host is not null && (host.Length > 253 || Uri.CheckHostName(host) != UriHostNameType.Dns)) throw table.Values["host"].Error($"`host` is a name such as \"gateway-7.plant.local\", without a port, found \"{host}\"");
        if (host is null && address.Address is { } any && (any.Equals(IPAddress.Any) || any.Equals(IPAddress.IPv6Any))) throw table.Values["address"].Error($"at {any} the view is reached by any of the device's addresses: add host = \"gateway-7.plant.local\", the name that its certificate has");
        var config = new ViewConfig(address) { Remote = remote, Host = host?.ToLowerInvariant() };
        config = config with { Session = table.Time("session", max: TimeSpan.FromDays(366)) ?? config.Session };
        table.RejectUnknown("[view]");
        return config;
    }
}
