// What a NATS object store keeps of an object, as its clients have agreed (ADR-20 of nats-architecture-and-design).
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Mote.Backends.Nats.Objects;

/// <summary>The record of an object, as JSON on the subject of its name.</summary>
internal sealed record ObjectRecord
{
    [JsonPropertyName("name")]
    public string Name { get; init; } = "";

    [JsonPropertyName("options")]
    public ObjectOptions? Options { get; init; }

    [JsonPropertyName("bucket")]
    public string Bucket { get; init; } = "";

    /// <summary>What its chunks are under.</summary>
    [JsonPropertyName("nuid")]
    public string Nuid { get; init; } = "";

    [JsonPropertyName("size")]
    public long Size { get; init; }

    /// <summary>Of no use: when the record was written is when the server says so.</summary>
    [JsonPropertyName("mtime")]
    public string Modified { get; init; } = "0001-01-01T00:00:00Z";

    [JsonPropertyName("chunks")]
    public long Chunks { get; init; }

    /// <summary>SHA-256= and the hash in base64url.</summary>
    [JsonPropertyName("digest")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Digest { get; init; }

    [JsonPropertyName("deleted")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsDeleted { get; init; }
}

/// <param name="MaxChunkSize">Most bytes of a chunk.</param>
/// <param name="Link">Where this is no object but another name of one; we follow none.</param>
internal sealed record ObjectOptions(
    [property: JsonPropertyName("max_chunk_size"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long MaxChunkSize,
    [property: JsonPropertyName("link"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] System.Text.Json.JsonElement? Link = null);

[JsonSerializable(typeof(ObjectRecord))]
internal sealed partial class ObjectJson : JsonSerializerContext;

/// <summary>Names as tokens of subjects.</summary>
internal static class ObjectNames
{
    /// <summary>Most bytes of a name, as of one on files.</summary>
    public const int MaxBytes = 4096;

    /// <summary>Longest token of a name: a subject must fit into a line of the protocol.</summary>
    private const int MaxToken = 1024;

    /// <summary>
    /// The name in base64url, as all clients write it. One that is too long for a subject, or empty, has a token that no
    /// name's base64 is: others list the object and cannot ask for it.
    /// </summary>
    /// <exception cref="Capabilities.Blobstore.BlobException">It is too long.</exception>
    public static string Token(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length > MaxBytes) throw new Capabilities.Blobstore.BlobException($"a name has at most {MaxBytes} bytes, this one has {bytes.Length}");
        string token = Padded(bytes);
        return token.Length == 0 ? "=_" : token.Length <= MaxToken ? token : $"=h{Convert.ToHexStringLower(SHA256.HashData(bytes))}";
    }

    public static string DigestOf(ReadOnlySpan<byte> hash) => $"SHA-256={Padded(hash)}";

    /// <summary>base64url with = at its end, which .NET's own leaves out.</summary>
    private static string Padded(ReadOnlySpan<byte> bytes)
    {
        string text = Base64Url.EncodeToString(bytes);
        return text.PadRight((text.Length + 3) / 4 * 4, '=');
    }
}
