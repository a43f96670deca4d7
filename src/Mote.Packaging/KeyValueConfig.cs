// [keyvalue] of node.toml: where the key-value stores of components are.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>Where key-value stores are; in the data folder where there is no such table.</summary>
/// <param name="Url">nats: for NATS KV, over the connection of [nats]; or redis://[[user]:password@]host[:port][/database], rediss:// for TLS.</param>
public sealed record KeyValueConfig(Uri Url)
{
    /// <summary>How long a call to Redis may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    internal static KeyValueConfig Read(TomlTable table)
    {
        string text = table.Required("url", "\"redis://127.0.0.1:6379\", or \"nats:\"");
        KeyValueConfig config = text is "nats:" or "nats://" ? new KeyValueConfig(new Uri("nats:kv")) : Redis(table, text);
        table.RejectUnknown("[keyvalue]");
        return config;
    }

    private static KeyValueConfig Redis(TomlTable table, string text)
    {
        // The connection to NATS is that of [nats], so there is nothing behind its colon.
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("redis" or "rediss") || url.Host.Length == 0)
        {
            throw table.Values["url"].Error($"`url` is \"nats:\", or begins with redis:// or rediss://, found \"{text}\"");
        }

        if (url.AbsolutePath.Length > 1 && !(int.TryParse(url.AbsolutePath.AsSpan(1), out int database) && database is >= 0 and < 1_000_000))
        {
            throw table.Values["url"].Error($"`url`: behind the host stands the number of a database, such as {url.Scheme}://{url.Host}/0, found \"{url.AbsolutePath}\"");
        }

        return new KeyValueConfig(url) { Timeout = table.Time("timeout", max: TimeSpan.FromMinutes(5)) ?? TimeSpan.FromSeconds(5) };
    }
}
