// [keyvalue] of node.toml: where the key-value stores of components are.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>Where key-value stores are; in the data folder where there is no such table.</summary>
/// <param name="Url">nats: for NATS KV, over the connection of [nats]; or redis://[[user]:password@]host[:port][/database], rediss:// for TLS.</param>
public sealed record KeyValueConfig(Uri Url)
{
    /// <summary>How long a call to Redis may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Authorities that the certificate of a rediss:// server must be from, a PEM file; null for those of the system.</summary>
    public string? Ca { get; init; }

    internal static KeyValueConfig Read(TomlTable table, string folder)
    {
        string text = table.Required("url", "\"redis://127.0.0.1:6379\", or \"nats:\"");
        KeyValueConfig config = text is "nats:" or "nats://" ? new KeyValueConfig(new Uri("nats:kv")) : Redis(table, text, folder);
        table.RejectUnknown("[keyvalue]");
        return config;
    }

    private static KeyValueConfig Redis(TomlTable table, string text, string folder)
    {
        // The connection to NATS is that of [nats], so there is nothing behind its colon.
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("redis" or "rediss") || url.Host.Length == 0)
        {
            throw table.Values["url"].Error($"`url` is \"nats:\", or begins with redis:// or rediss://, found \"{UrlUserInfo.MaskAddress(text)}\"");
        }

        if (url.AbsolutePath.Length > 1 && !(int.TryParse(url.AbsolutePath.AsSpan(1), out int database) && database is >= 0 and < 1_000_000))
        {
            throw table.Values["url"].Error($"`url`: behind the host stands the number of a database, such as {url.Scheme}://{url.Host}/0, found \"{UrlUserInfo.MaskAddress(url.AbsolutePath)}\"");
        }

        string? ca = null;
        if (table.String("ca") is { } named)
        {
            if (url.Scheme != "rediss") throw table.Values["ca"].Error($"`ca` is for a `url` that begins with rediss://, found \"{url.Scheme}://\"");
            ca = table.ExistingFile("ca", folder, named, ": name a PEM file, such as ca = \"ca.pem\"");
        }

        return new KeyValueConfig(url) { Timeout = table.Time("timeout", max: TimeSpan.FromMinutes(5)) ?? TimeSpan.FromSeconds(5), Ca = ca };
    }
}
