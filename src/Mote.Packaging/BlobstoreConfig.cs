// [blobstore] of node.toml: where the blob containers of components are.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>Where blob containers are; in the data folder where there is no such table.</summary>
/// <param name="Url">nats: for NATS object stores, over the connection of [nats].</param>
public sealed record BlobstoreConfig(Uri Url)
{
    internal static BlobstoreConfig Read(TomlTable table)
    {
        string text = table.Required("url", "\"nats:\"");
        // The connection to NATS is that of [nats], so there is nothing behind its colon.
        if (text is not ("nats:" or "nats://")) throw table.Values["url"].Error($"`url` is \"nats:\", for object stores on the server of [nats]; without [blobstore] containers are in the data folder; found \"{UrlUserInfo.MaskAddress(text)}\"");
        table.RejectUnknown("[blobstore]");
        return new BlobstoreConfig(new Uri("nats:objects"));
    }
}
