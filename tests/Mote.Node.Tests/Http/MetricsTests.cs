// What a node tells a Prometheus server about its HTTP side, and what `mote apps` asks for.
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Mote.Packaging;

namespace Mote.Node.Tests.Http;

public sealed class MetricsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Requests_Queue_AndMappings_AreMeasured()
    {
        string manifest = HttpSite.App.Replace("name = \"web\"", "name = \"measured\"", StringComparison.Ordinal).Replace("route = \"/...\"", "route = \"/sleep/...\"", StringComparison.Ordinal) + "\nconcurrency = 2\nqueue = 7\n";
        await using HttpSite site = await HttpSite.Start(manifest, c => c with { Telemetry = new TelemetryConfig { Metrics = new IPEndPoint(IPAddress.Loopback, 0) } });
        Assert.Equal(HttpStatusCode.OK, (await site.Get("/sleep/?30")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await site.Get("/none")).Status);
        Task<(HttpStatusCode, string)>[] waiting = [.. Enumerable.Range(0, 5).Select(_ => site.Get("/sleep/?1500"))];
        await Wait.Until(() => site.Handler().Counts is { Running: 2, Waiting: 3 }, () => $"{site.Handler().Counts}");

        string text = await Scrape(site);
        const string App = "{mote_app=\"measured\",mote_component=\"web\",faas_trigger=\"http\"}";
        Assert.Equal((5, 9), (Value(text, $"mote_queue_length{App}"), Value(text, $"mote_queue_limit{App}")));
        Assert.Equal((9, site.Node.Mappings.Limit, 0), (Value(text, "mote_mappings_used"), Value(text, "mote_mappings_limit"), Value(text, "mote_mappings_refused_total"))); // code, and two microVMs
        const string Answered = "http_request_method=\"GET\",http_response_status_code=\"200\",url_scheme=\"http\",network_protocol_version=\"1.1\",http_route=\"/sleep/...\"";
        Assert.Equal((0, 1), (Value(text, $"http_server_request_duration_seconds_bucket{{{Answered},le=\"0.025\"}}"), Value(text, $"http_server_request_duration_seconds_bucket{{{Answered},le=\"10\"}}")));
        Assert.InRange(Value(text, $"http_server_request_duration_seconds_sum{{{Answered}}}"), 0.03, 10);
        Assert.Equal(1, Value(text, "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"404\",url_scheme=\"http\",network_protocol_version=\"1.1\"}"));
        Assert.Equal((9, site.Node.Mappings.Limit, 0), (site.Node.Status().Mappings.Used, site.Node.Status().Mappings.Limit, site.Node.Status().Mappings.Refused));
        await Task.WhenAll(waiting);
        // A request is over when its answer has gone out, which its client may see before.
        long start = Stopwatch.GetTimestamp();
        while (Value(await Scrape(site), $"http_server_request_duration_seconds_count{{{Answered}}}") != 6) Assert.True(Stopwatch.GetElapsedTime(start) < Client.Patience, "not all are counted");
    }

    private static async Task<string> Scrape(HttpSite site)
    {
        using var client = new HttpClient();
        return await client.GetStringAsync(site.Node.MetricsUrl, Token);
    }

    private static double Value(string text, string series) =>
        text.Split('\n').FirstOrDefault(l => l.StartsWith(series + " ", StringComparison.Ordinal)) is { } line
            ? double.Parse(line[(series.Length + 1)..], CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"no {series} in\n{text}");
}
