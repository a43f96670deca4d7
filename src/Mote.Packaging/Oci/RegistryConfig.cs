// [registries] of node.toml: what a registry of artifacts needs said about it; most need nothing.
using Mote.Packaging.Toml;

namespace Mote.Packaging.Oci;

/// <summary>How a registry is reached.</summary>
public sealed record RegistryConfig
{
    /// <summary>Whether it is spoken to without TLS; null where that is done on this machine only.</summary>
    public bool? PlainHttp { get; init; }

    /// <summary>Authorities that its certificate must be from, a PEM file; null for those of the system.</summary>
    public string? Ca { get; init; }

    /// <summary>Who the node is there; null for what Docker's configuration says, or nobody.</summary>
    public UpstreamLogin? Login { get; init; }

    internal static IReadOnlyDictionary<string, RegistryConfig> Read(TomlTable table, string folder)
    {
        var all = new Dictionary<string, RegistryConfig>();
        foreach (string host in table.Values.Keys.ToArray())
        {
            TomlTable of = table.Get(host) as TomlTable ?? throw table.Values[host].Error($"`{host}` is a table, such as \"{host}\" = {{ ca = \"ca.pem\" }}, found {table.Values[host].Kind}");
            if (OciReference.HostFault(host) is { } fault) throw of.Error(fault);
            var config = new RegistryConfig
            {
                PlainHttp = of.Boolean("plain-http"),
                Ca = of.String("ca") is { } ca ? of.ExistingFile("ca", folder, ca, ": name a PEM file, such as ca = \"ca.pem\"") : null,
                Login = UpstreamLogin.Read(of, folder, new Uri($"https://{host}/")),
            };
            of.RejectUnknown($"[registries] {host}");
            if (config is { PlainHttp: true, Ca: not null }) throw of.Values["ca"].Error("`ca` is for a registry with TLS: leave it or `plain-http` out");
            all[host] = config;
        }

        return all;
    }
}
