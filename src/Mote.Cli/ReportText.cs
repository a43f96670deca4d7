// A node's numbers for people and for programs.
using System.Globalization;
using System.Text.Json;
using Mote.Node;
using Mote.Packaging;

namespace Mote.Cli;

internal static class ReportText
{
    /// <summary>A table of two columns: requests where an app has a route, messages where one takes them or has neither.</summary>
    public static IEnumerable<(string Name, string Value)> Rows(NodeReport r)
    {
        if (r.Requests is { } q)
        {
            yield return ("requests", Count(q.Received));
            yield return ("answered", Count(q.Answered));
            yield return ("failed", Count(q.Failed));
            if (q.Cancelled > 0) yield return ("left by their clients", Count(q.Cancelled));
            yield return ("refused", Count(q.Refused));
            if (q.NotFound > 0) yield return ("without a route", Count(q.NotFound));
            yield return ("microVMs for them", Count(q.MicroVmsStarted));
            yield return ("request latency", Show(q.Took));
        }

        if (r.TakesMessages || r.Requests is null) yield return ("readings in", Count(r.MessagesIn));
        if (r.TakesMessages || r.Requests is null || r.EventsOut + r.EventsWaiting + r.EventsLost > 0)
        {
            yield return ("alerts out", Count(r.EventsOut) + (r.EventsWaiting > 0 ? $" ({Count(r.EventsWaiting)} wait for upstream)" : "") + (r.EventsLost > 0 ? $" ({Count(r.EventsLost)} lost)" : ""));
        }

        if (!r.TakesMessages && r.Requests is not null) yield break;
        yield return ("bytes in", Bytes(r.BytesIn));
        yield return ("bytes out", Bytes(r.BytesOut));
        yield return ("traffic saved", r.SavedPercent is { } p ? string.Create(CultureInfo.InvariantCulture, $"{p:0.00} %") : "-");
        yield return ("microVMs started", $"{Count(r.MicroVmsStarted)} ({Count(r.MicroVmsReused)} readings found a warm one{(r.MicroVmsTrapped > 0 ? $", {Count(r.MicroVmsTrapped)} trapped" : "")})");
        yield return ("cold latency", Show(r.Cold));
        yield return ("warm latency", Show(r.Warm));
        if (r.Failed > 0) yield return ("not handled", Count(r.Failed));
        if (r.MessagesDropped > 0) yield return ("dropped by the broker", Count(r.MessagesDropped));
    }

    public static void Print(TextWriter to, IEnumerable<(string Name, string Value)> rows)
    {
        (string Name, string Value)[] all = [.. rows];
        int width = all.Max(r => r.Name.Length);
        foreach ((string name, string value) in all) to.WriteLine($"  {name.PadRight(width)}  {value}");
    }

    public static void WriteJson(Utf8JsonWriter json, NodeReport r)
    {
        json.WriteNumber("readings_in", r.MessagesIn);
        json.WriteNumber("bytes_in", r.BytesIn);
        json.WriteNumber("handled", r.Handled);
        json.WriteNumber("not_handled", r.Failed);
        json.WriteNumber("messages_published", r.Published);
        json.WriteNumber("alerts_out", r.EventsOut);
        json.WriteNumber("bytes_out", r.BytesOut);
        json.WriteNumber("alerts_waiting", r.EventsWaiting);
        json.WriteNumber("alerts_lost", r.EventsLost);
        json.WriteNumber("messages_dropped", r.MessagesDropped);
        if (r.SavedPercent is { } saved) json.WriteNumber("saved_percent", Math.Round(saved, 4));
        json.WriteNumber("microvms_started", r.MicroVmsStarted);
        json.WriteNumber("microvms_reused", r.MicroVmsReused);
        json.WriteNumber("microvms_trapped", r.MicroVmsTrapped);
        WriteJson(json, "cold", r.Cold);
        WriteJson(json, "warm", r.Warm);
        if (r.Requests is not { } q) return;
        json.WriteStartObject("requests");
        json.WriteNumber("received", q.Received);
        json.WriteNumber("answered", q.Answered);
        json.WriteNumber("failed", q.Failed);
        json.WriteNumber("cancelled", q.Cancelled);
        json.WriteNumber("refused", q.Refused);
        json.WriteNumber("not_found", q.NotFound);
        json.WriteNumber("microvms_started", q.MicroVmsStarted);
        WriteJson(json, "latency", q.Took);
        json.WriteEndObject();
    }

    /// <summary>One JSON object on a line of its own.</summary>
    public static void PrintJson(TextWriter to, Action<Utf8JsonWriter> write)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        to.WriteLine(System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    public static string Count(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

    private static string Bytes(long n) => n < 1024 ? $"{n} B" : $"{Units.ShowBytes(n)} ({Count(n)} bytes)";

    private static string Show(Latency l) => l.Count == 0 ? "-" : $"median {Time(l.Median)}, 99 % within {Time(l.P99)}, of {Count(l.Count)}";

    public static string Time(TimeSpan t) => t.TotalMilliseconds >= 100
        ? string.Create(CultureInfo.InvariantCulture, $"{t.TotalMilliseconds:0} ms")
        : t.TotalMilliseconds >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{t.TotalMilliseconds:0.0} ms") : string.Create(CultureInfo.InvariantCulture, $"{t.TotalMicroseconds:0.#} µs");

    private static void WriteJson(Utf8JsonWriter json, string name, Latency l)
    {
        json.WriteStartObject(name);
        json.WriteNumber("count", l.Count);
        json.WriteNumber("median_us", l.Median.TotalMicroseconds);
        json.WriteNumber("p99_us", l.P99.TotalMicroseconds);
        json.WriteEndObject();
    }
}
