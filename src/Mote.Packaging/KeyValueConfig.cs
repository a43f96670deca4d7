// [keyvalue] of node.toml: where the key-value stores of components are.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>Where key-value stores are; in the data folder where there is no such table.</summary>
/// <param name="Url">nats: for NATS KV, over the connection of [nats].</param>
public sealed record KeyValueConfig(Uri Url)
{
    internal static KeyValueConfig Read(TomlTable table)
    {
        string text = table.Required("url", "\"nats:\"");
        // The connection is that of [nats], so there is nothing behind the colon.
        if (text is not ("nats:" or "nats://")) throw table.Values["url"].Error($"`url` is \"nats:\", found \"{text}\"");
        table.RejectUnknown("[keyvalue]");
        return new KeyValueConfig(new Uri("nats:kv"));
    }
}
