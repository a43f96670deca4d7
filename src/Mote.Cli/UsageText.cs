// What components used, for people and for programs.
using System.Globalization;
using System.Text.Json;
using Mote.Runtime;
using Mote.Triggers.Http;

namespace Mote.Cli;

internal static class UsageText
{
    public static void Print(TextWriter to, IReadOnlyList<HttpHandler> handlers)
    {
        foreach (HttpHandler h in handlers)
        {
            HttpCounts c = h.Counts;
            UsageCounts u = h.Component.Usage.Counts;
            to.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{h.Component.Name}: {c.Received:n0} requests, {c.Answered:n0} answered, {c.Failed:n0} failed, {c.Cancelled:n0} cancelled, {c.Refused:n0} refused; {u.Started:n0} microVMs, {u.Cpu.TotalSeconds:0.00} s of processor time, {u.PeakMemory / 1048576.0:0.0} MiB at most in one, {u.BytesIn:n0} bytes in, {u.BytesOut:n0} out"));
        }
    }

    public static void WriteJson(Utf8JsonWriter j, IReadOnlyList<HttpHandler> handlers)
    {
        j.WriteStartArray("components");
        foreach (HttpHandler h in handlers)
        {
            HttpCounts c = h.Counts;
            UsageCounts u = h.Component.Usage.Counts;
            j.WriteStartObject();
            j.WriteString("app", h.Component.App);
            j.WriteString("component", h.Component.Name);
            j.WriteNumber("requests", c.Received);
            j.WriteNumber("answered", c.Answered);
            j.WriteNumber("failed", c.Failed);
            j.WriteNumber("cancelled", c.Cancelled);
            j.WriteNumber("refused", c.Refused);
            j.WriteNumber("microvms_started", u.Started);
            j.WriteNumber("cpu_seconds", u.Cpu.TotalSeconds);
            j.WriteNumber("peak_memory_bytes", u.PeakMemory);
            j.WriteNumber("bytes_in", u.BytesIn);
            j.WriteNumber("bytes_out", u.BytesOut);
            j.WriteEndObject();
        }

        j.WriteEndArray();
    }
}
