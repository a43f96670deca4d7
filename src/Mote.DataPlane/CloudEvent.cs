// CloudEvents 1.0, in the binary content mode of the HTTP binding (cloudevents.io, HTTP protocol binding, section 3.1).
using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

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
    /// <summary>The trace that it belongs to, as W3C traceparent (CloudEvents' distributed tracing extension); null for none.</summary>
    public string? TraceParent { get; init; }

    /// <summary>W3C tracestate; null for none.</summary>
    public string? TraceState { get; init; }

    /// <summary>The type of events that components send.</summary>
    public const string MessageType = "dev.mote.message";

    /// <summary>The type of events that say what was dropped before it was sent.</summary>
    public const string GapType = "dev.mote.gap";

    /// <summary>Context attributes as HTTP headers.</summary>
    public IEnumerable<(string Name, string Value)> Headers()
    {
        yield return ("ce-specversion", "1.0");
        yield return ("ce-id", Encode(Id));
        yield return ("ce-source", Encode(Source));
        yield return ("ce-type", Encode(Type));
        yield return ("ce-time", Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        if (Subject is not null) yield return ("ce-subject", Encode(Subject));
        if (TraceParent is not null) yield return ("ce-traceparent", Encode(TraceParent));
        if (TraceParent is not null && TraceState is not null) yield return ("ce-tracestate", Encode(TraceState));
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
        return new CloudEvent(Decode(id), Decode(source), Decode(type), time, header("ce-subject") is { } s ? Decode(s) : null, contentType, body)
        {
            TraceParent = header("ce-traceparent") is { } parent ? Decode(parent) : null,
            TraceState = header("ce-tracestate") is { } state ? Decode(state) : null,
        };
    }

    /// <summary>The event in CloudEvents' JSON event format, as UTF-8 on one line. Data that says it is JSON, or is text, stays readable.</summary>
    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer)) WriteJson(json);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Events in CloudEvents' JSON batch format, as UTF-8 on one line.</summary>
    public static byte[] ToJsonBatch(IEnumerable<CloudEvent> events)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            foreach (CloudEvent e in events) e.WriteJson(json);
            json.WriteEndArray();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a JSON batch; null where it is none, or an event in it is not one.</summary>
    public static IReadOnlyList<CloudEvent>? FromJsonBatch(ReadOnlyMemory<byte> body)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind != JsonValueKind.Array) return null;
            var events = new List<CloudEvent>();
            foreach (JsonElement item in document.RootElement.EnumerateArray())
            {
                if (FromJson(item) is not { } e) return null;
                events.Add(e);
            }

            return events;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>What a gap event says: how much of which class is missing, from when to when (both as put in), and why.</summary>
    public static byte[] GapData(OutboxGap gap)
    {
        ArgumentNullException.ThrowIfNull(gap);
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("class", gap.Class);
            json.WriteNumber("messages", gap.Messages);
            json.WriteNumber("bytes", gap.Bytes);
            json.WriteString("from", gap.From.UtcDateTime);
            json.WriteString("to", gap.To.UtcDateTime);
            json.WriteString("reason", gap.Reason);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static CloudEvent? FromJson(JsonElement e)
    {
        if (e.ValueKind != JsonValueKind.Object || Text("specversion") != "1.0" || Text("id") is not { Length: > 0 } id || Text("source") is not { Length: > 0 } source || Text("type") is not { Length: > 0 } type) return null;
        DateTimeOffset time = DateTimeOffset.TryParse(Text("time"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset t) ? t : default;
        string? contentType = Text("datacontenttype");
        byte[] data = [];
        if (e.TryGetProperty("data_base64", out JsonElement bytes)) data = bytes.GetBytesFromBase64();
        else if (e.TryGetProperty("data", out JsonElement value)) data = Encoding.UTF8.GetBytes(value.ValueKind == JsonValueKind.String && contentType?.StartsWith("text/", StringComparison.Ordinal) == true ? value.GetString()! : value.GetRawText());
        return new CloudEvent(id, source, type, time, Text("subject"), contentType, data) { TraceParent = Text("traceparent"), TraceState = Text("tracestate") };

        string? Text(string name) => e.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    private void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("specversion", "1.0");
        json.WriteString("id", Id);
        json.WriteString("source", Source);
        json.WriteString("type", Type);
        json.WriteString("time", Time.UtcDateTime);
        if (Subject is not null) json.WriteString("subject", Subject);
        if (ContentType is not null) json.WriteString("datacontenttype", ContentType);
        if (TraceParent is not null) json.WriteString("traceparent", TraceParent);
        if (TraceState is not null) json.WriteString("tracestate", TraceState);
        WriteData(json);
        json.WriteEndObject();
    }

    private void WriteData(Utf8JsonWriter json)
    {
        string media = ContentType?.Split(';')[0].Trim() ?? "";
        if (media == "application/json" || media.EndsWith("+json", StringComparison.Ordinal))
        {
            try
            {
                using JsonDocument document = JsonDocument.Parse(Data);
                var value = new ArrayBufferWriter<byte>(Data.Length);
                using (var writer = new Utf8JsonWriter(value)) document.RootElement.WriteTo(writer);
                json.WritePropertyName("data");
                json.WriteRawValue(value.WrittenSpan, skipInputValidation: true);
                return;
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
            {
                // Says it is JSON and is not, or has half of a surrogate pair, which cannot be written: kept as the bytes that came.
            }
        }

        if (media.StartsWith("text/", StringComparison.Ordinal) && System.Text.Unicode.Utf8.IsValid(Data.Span)) json.WriteString("data", Encoding.UTF8.GetString(Data.Span));
        else json.WriteBase64String("data_base64", Data.Span);
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
