// An artifact's manifest (OCI image-spec 1.1), read as what a stranger wrote: nothing in it is believed beyond its form.
using System.Security.Cryptography;
using System.Text.Json;

namespace Mote.Packaging.Oci;

/// <summary>Something that an artifact is made of.</summary>
/// <param name="MediaType">What kind of content it is, in lower case and without parameters.</param>
/// <param name="Digest">The SHA-256 of its bytes, 64 digits in lower case.</param>
/// <param name="Size">How many bytes it has.</param>
/// <param name="Title">The file that it was made from, by the annotations that say so; null where none does.</param>
public sealed record OciDescriptor(string MediaType, string Digest, long Size, string? Title)
{
    /// <summary>For an error: which one it is.</summary>
    public override string ToString() => $"{(Title is null ? "" : $"`{Cut(Title)}` ")}({Cut(MediaType)}, {Size} bytes, {OciReference.DigestPrefix}{Digest[..12]}…)";

    private static string Cut(string text) => text.Length > 100 ? $"{text[..99]}…" : text;
}

/// <summary>A manifest.</summary>
/// <param name="ArtifactType">What it says that it is: its artifactType, or else the type of its config.</param>
/// <param name="Layers">What it is made of.</param>
public sealed record OciManifest(string ArtifactType, IReadOnlyList<OciDescriptor> Layers)
{
    /// <summary>Most bytes of a manifest, as the distribution specification has it.</summary>
    public const int MaxBytes = 4 << 20;

    /// <summary>Most layers.</summary>
    public const int MaxLayers = 1000;

    /// <summary>The media types that a registry is asked for: an index as well, so that the error can say what is in it.</summary>
    internal static readonly string[] Accepted =
    [
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ];

    private const int MaxListed = 10;

    /// <summary>Where the name of a layer's file may stand: ORAS and KitOps, ModelPack, and ModelPack before it had its name.</summary>
    private static readonly string[] s_titles = ["org.opencontainers.image.title", "org.cncf.model.filepath", "org.cnai.model.filepath"];

    /// <summary>The SHA-256 of a manifest's bytes, 64 digits in lower case.</summary>
    public static string DigestOf(ReadOnlySpan<byte> manifest) => Convert.ToHexStringLower(SHA256.HashData(manifest));

    /// <summary>Reads a manifest.</summary>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="of">What artifact it is of, for errors.</param>
    /// <exception cref="OciException">It is none, or one of another kind.</exception>
    public static OciManifest Read(ReadOnlyMemory<byte> bytes, OciReference of)
    {
        ArgumentNullException.ThrowIfNull(of);
        if (bytes.Length > MaxBytes) throw Bad(of, $"its manifest has {bytes.Length} bytes, and may have {MaxBytes}");
        try
        {
            // A key that is there twice means one thing to one reader and another to the next.
            using var json = JsonDocument.Parse(bytes, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 32 });
            return Read(json.RootElement, of);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string that is no text.
            throw Bad(of, $"its manifest is not what a manifest should be: {e.Message}");
        }
    }

    private static OciManifest Read(JsonElement root, OciReference of)
    {
        if (root.ValueKind != JsonValueKind.Object) throw Bad(of, "its manifest is no object of JSON");
        bool hasLayers = root.TryGetProperty("layers", out JsonElement layers), hasManifests = root.TryGetProperty("manifests", out JsonElement manifests);
        // One that is both was made to be read as different things (CVE-2021-41190).
        if (hasLayers && hasManifests) throw Bad(of, "its manifest has both `layers` and `manifests`, and so is neither a manifest nor an index");
        if (hasManifests) throw Index(manifests, of);
        if (!root.TryGetProperty("schemaVersion", out JsonElement version) || version.ValueKind != JsonValueKind.Number || !version.TryGetInt32(out int v) || v != 2) throw Bad(of, "its manifest has another `schemaVersion` than 2");
        if (Text(root, "mediaType") is { Length: > 0 } type && !Accepted.AsSpan(0, 2).Contains(type)) throw Bad(of, $"its manifest is of another kind: {type}");
        if (!hasLayers || layers.ValueKind != JsonValueKind.Array) throw Bad(of, "its manifest has no `layers`");
        if (layers.GetArrayLength() > MaxLayers) throw Bad(of, $"it has {layers.GetArrayLength()} layers, and may have {MaxLayers}");
        string config = root.TryGetProperty("config", out JsonElement c) && c.ValueKind == JsonValueKind.Object ? Text(c, "mediaType") ?? "" : "";
        return new OciManifest(Text(root, "artifactType") is { Length: > 0 } artifact ? artifact : config, [.. layers.EnumerateArray().Select((l, i) => Descriptor(l, i, of))]);
    }

    private static OciDescriptor Descriptor(JsonElement layer, int number, OciReference of)
    {
        if (layer.ValueKind != JsonValueKind.Object) throw Bad(of, $"layer {number} of its manifest is no object");
        string type = Text(layer, "mediaType") ?? throw Bad(of, $"layer {number} of its manifest has no `mediaType`");
        string digest = Text(layer, "digest") ?? throw Bad(of, $"layer {number} of its manifest has no `digest`");
        if (OciReference.DigestFault(digest) is { } fault) throw Bad(of, $"layer {number} of its manifest: {fault}");
        if (!layer.TryGetProperty("size", out JsonElement s) || s.ValueKind != JsonValueKind.Number || !s.TryGetInt64(out long size) || size < 0) throw Bad(of, $"layer {number} of its manifest has no `size`");
        string? title = null;
        if (layer.TryGetProperty("annotations", out JsonElement annotations) && annotations.ValueKind == JsonValueKind.Object)
        {
            title = s_titles.Select(t => Text(annotations, t)).FirstOrDefault(t => t is { Length: > 0 });
        }

        return new OciDescriptor(type.Split(';')[0].Trim().ToLowerInvariant(), digest[OciReference.DigestPrefix.Length..], size, title);
    }

    /// <summary>An index names several artifacts: which of them it is to be is for a person to say.</summary>
    private static OciException Index(JsonElement manifests, OciReference of)
    {
        var found = new List<string>();
        int count = 0;
        if (manifests.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement m in manifests.EnumerateArray())
            {
                if (m.ValueKind != JsonValueKind.Object || Text(m, "digest") is not { } digest || OciReference.DigestFault(digest) is not null) continue;
                if (++count > MaxListed) continue;
                string platform = m.TryGetProperty("platform", out JsonElement p) && p.ValueKind == JsonValueKind.Object ? $" for {Text(p, "os")}/{Text(p, "architecture")}" : "";
                found.Add($"{of.Host}/{of.Repository}@{digest}{platform}");
            }
        }

        return Bad(of, $"it is an index of {count} artifacts, and a model is one of them: name {(found.Count == 0 ? "that one" : string.Join(", or ", found))}");
    }

    private static string? Text(JsonElement of, string key) => of.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static OciException Bad(OciReference of, string what) => new(OciFault.Invalid, $"{of}: {what}");
}
