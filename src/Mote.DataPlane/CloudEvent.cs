// CloudEvents 1.0, in the binary content mode of the HTTP binding (cloudevents.io, HTTP protocol binding, section 3.1).
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Mote.DataPlane;

/// <summary>An event.</summary>
/// <param name="Id">Unique for its source: a receiver may drop one it has seen.</param>
/// <param name="Source">Who sent it: a URI reference.</param>
/// <param name="Type">What happened.</param>
/// <param name="Time">When.</param>
/// <param name="Subject">About what; null for none.</param>
/// <param name="ContentType">What the data is; null for plain bytes.</param>
/// <param name="Data">The data.</param>
public sealed record CloudEvent(string Id, string Source, string Type, DateTimeOffset Time, string? Subject, string? ContentType, ReadOnlyMemory<byte> Data)
{
    /// <summary>The type of events that components send.</summary>
    public const string MessageType = "dev.mote.message";

    /// <summary>Context attributes as HTTP headers.</summary>
    public IEnumerable<(string Name, string Value)> Headers()
    {
        yield return ("ce-specversion", "1.0");
        yield return ("ce-id", Encode(Id));
        yield return ("ce-source", Encode(Source));
        yield return ("ce-type", Encode(Type));
        yield return ("ce-time", Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        if (Subject is not null) yield return ("ce-subject", Encode(Subject));
    }

    /// <summary>The request that carries it.</summary>
    public HttpRequestMessage ToRequest(Uri url)
    {
        var content = new ReadOnlyMemoryContent(Data);
        content.Headers.ContentType = MediaTypeHeaderValue.TryParse(ContentType, out MediaTypeHeaderValue? type) ? type : new MediaTypeHeaderValue("application/octet-stream");
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        foreach ((string name, string value) in Headers()) request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }

    /// <summary>Reads one from a request; null where a required attribute is missing.</summary>
    public static CloudEvent? FromHeaders(Func<string, string?> header, string? contentType, ReadOnlyMemory<byte> body)
    {
        if (header("ce-specversion") != "1.0" || header("ce-id") is not { Length: > 0 } id || header("ce-source") is not { Length: > 0 } source || header("ce-type") is not { Length: > 0 } type) return null;
        DateTimeOffset time = DateTimeOffset.TryParse(header("ce-time"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset t) ? t : default;
        return new CloudEvent(Decode(id), Decode(source), Decode(type), time, header("ce-subject") is { } s ? Decode(s) : null, contentType, body);
    }

    /// <summary>Characters beyond printable ASCII, and space, quote and percent, are percent-encoded as UTF-8.</summary>
    private static string Encode(string value)
    {
        if (value.All(c => c is > ' ' and < '\u007f' and not ('"' or '%'))) return value;
        var text = new StringBuilder();
        foreach (byte b in Encoding.UTF8.GetBytes(value))
        {
            if (b is > 0x20 and < 0x7f and not ((byte)'"' or (byte)'%')) text.Append((char)b);
            else text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    private static string Decode(string value) => value.Contains('%') ? Uri.UnescapeDataString(value) : value;
}
