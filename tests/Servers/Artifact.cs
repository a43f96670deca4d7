// An OCI artifact as tools make it: blobs, and a manifest that names them.
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Mote.Tests.Servers;

/// <summary>A layer.</summary>
internal sealed record ArtifactLayer(byte[] Bytes, string MediaType = "application/octet-stream", string? Title = "model.onnx", string TitleKey = "org.opencontainers.image.title");

internal sealed class Artifact
{
    public const string ManifestType = "application/vnd.oci.image.manifest.v1+json";

    private static readonly byte[] s_config = "{}"u8.ToArray();

    public Artifact(params ArtifactLayer[] layers)
    {
        Layers = layers;
        Manifest = Encoding.UTF8.GetBytes(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = ManifestType,
            ["artifactType"] = "application/vnd.example.model",
            ["config"] = Descriptor(s_config, "application/vnd.oci.empty.v1+json", null, ""),
            ["layers"] = new JsonArray([.. layers.Select(l => Descriptor(l.Bytes, l.MediaType, l.Title, l.TitleKey))]),
        }.ToJsonString());
    }

    public IReadOnlyList<ArtifactLayer> Layers { get; }

    public byte[] Manifest { get; }

    /// <summary>The digest by which it is pinned, with `sha256:`.</summary>
    public string Digest => DigestOf(Manifest);

    public static string DigestOf(byte[] bytes) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(bytes))}";

    /// <summary>Pushes it as the distribution specification says, in one request for each blob.</summary>
    /// <param name="http">Who is let in there.</param>
    /// <param name="registry">Where.</param>
    /// <param name="repository">What it is called there.</param>
    /// <param name="tag">The tag that it has.</param>
    public async Task Push(HttpClient http, Uri registry, string repository, string tag)
    {
        foreach (byte[] blob in Layers.Select(l => l.Bytes).Append(s_config))
        {
            using HttpResponseMessage begun = await http.PostAsync(new Uri(registry, $"/v2/{repository}/blobs/uploads/"), null);
            Assert.True(begun.IsSuccessStatusCode, $"{begun.StatusCode}");
            var to = new UriBuilder(new Uri(registry, begun.Headers.Location!.OriginalString));
            to.Query += $"&digest={Uri.EscapeDataString(DigestOf(blob))}";
            using var content = new ByteArrayContent(blob);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            using HttpResponseMessage put = await http.PutAsync(to.Uri, content);
            Assert.True(put.IsSuccessStatusCode, $"{put.StatusCode} {await put.Content.ReadAsStringAsync()}");
        }

        using var manifest = new ByteArrayContent(Manifest);
        manifest.Headers.ContentType = new MediaTypeHeaderValue(ManifestType);
        using HttpResponseMessage named = await http.PutAsync(new Uri(registry, $"/v2/{repository}/manifests/{tag}"), manifest);
        Assert.True(named.IsSuccessStatusCode, $"{named.StatusCode} {await named.Content.ReadAsStringAsync()}");
    }

    private static JsonObject Descriptor(byte[] bytes, string mediaType, string? title, string titleKey)
    {
        var descriptor = new JsonObject { ["mediaType"] = mediaType, ["digest"] = DigestOf(bytes), ["size"] = bytes.Length };
        if (title is not null) descriptor["annotations"] = new JsonObject { [titleKey] = title };
        return descriptor;
    }
}
