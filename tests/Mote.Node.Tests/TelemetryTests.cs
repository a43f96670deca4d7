// What a node tells a collector and a Prometheus server: the trace of a message from its sender through the microVM to the
// next receiver, logs within it, metrics.
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Mote.Packaging;
using MQTTnet;
using MQTTnet.Packets;

namespace Mote.Node.Tests;

public sealed class TelemetryTests : IDisposable
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c", Sender = "b7ad6b7169203331";

    private readonly TestSite _site = new();

    public void Dispose() => _site.Dispose();

    /// <summary>Other nodes run in this process at the same time: an app of a test's own name tells them apart.</summary>
    private static string App(string name) => TestSite.AppOnce.Replace("name = \"test\"", $"name = \"{name}\"", StringComparison.Ordinal);

    private void Telemetry(Uri? otlp = null, bool metrics = false, double sample = 1) =>
        _site.Config = _site.Config with { Telemetry = new TelemetryConfig { Otlp = otlp, Metrics = metrics ? new IPEndPoint(IPAddress.Loopback, 0) : null, Sample = sample } };

    private static Task Publish(Client client, string topic, string text, string? parent = null) => client.Mqtt.PublishAsync(new MqttApplicationMessage
    {
        Topic = topic,
        Payload = new(System.Text.Encoding.UTF8.GetBytes(text)),
        QualityOfServiceLevel = MQTTnet.Protocol.MqttQualityOfServiceLevel.AtLeastOnce,
        UserProperties = parent is null ? null : [new MqttUserProperty("traceparent", System.Text.Encoding.UTF8.GetBytes(parent)), new MqttUserProperty("tracestate", "vendor=1"u8.ToArray())],
    });

    [Fact]
    public async Task Batch_IsASpanOfItsOwn_WithLinksToTheMessagesThatHaveATrace()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        Telemetry(receiver.Url, metrics: true);
        File.WriteAllBytes(Path.Combine(_site.Folder, "handler.wasm"), Batches.BatchHandlerGuest.Wasm);
        await using (EdgeNode node = await _site.Start(App("batched").Replace("retries = 0", "batch = 3\nbatch-wait = \"30s\"", StringComparison.Ordinal)))
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            await client.Subscribe("out");
            await Task.WhenAll(Publish(client, "in/a", "a", $"00-{Trace}-{Sender}-01"), Publish(client, "in/b", "b"), Publish(client, "in/c", "e", $"00-{Trace}-{Sender[..^1]}a-01"));
            await client.Until(2);
            using var http = new HttpClient();
            Assert.Matches(@"mote_component_batches_total\{[^}]*mote_app=""batched""[^}]*\} [1-9]", await http.GetStringAsync(node.MetricsUrl, TestContext.Current.CancellationToken));
        }

        ReceivedSpan process = receiver.Spans.Single(s => s.Name == "process in/#" && s.Attributes.ContainsKey("messaging.batch.message_count"));
        Assert.Equal(("3", "", 5, 2), (process.Attributes["messaging.batch.message_count"], process.Parent, process.Kind, process.Status));
        Assert.Equal("1 of 3 messages failed", process.Reason);
        Assert.Equal([(Trace, Sender), (Trace, Sender[..^1] + "a")], process.Links);
        ReceivedSpan run = receiver.Spans.First(s => s.Name == "run handler" && s.Parent == process.Id);
        Assert.Equal(["send out", "send out"], receiver.Spans.Where(s => s.Parent == run.Id && s.Kind == 4).Select(s => s.Name));
    }

    [Fact]
    public async Task Trace_GoesFromTheSenderThroughTheMicroVmToTheReceiver()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        Telemetry(receiver.Url);
        string? passedOn = null, state = null;
        await using (EdgeNode node = await _site.Start(App("traced")))
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            client.Mqtt.ApplicationMessageReceivedAsync += e =>
            {
                passedOn = e.ApplicationMessage.UserProperties?.Find(p => p.Name == "traceparent")?.ReadValueAsString();
                state = e.ApplicationMessage.UserProperties?.Find(p => p.Name == "tracestate")?.ReadValueAsString();
                return Task.CompletedTask;
            };
            await client.Subscribe("counts");
            await Publish(client, "in/press/7", "c", $"00-{Trace}-{Sender}-01");
            await client.Until(1);
        } // sends what is left

        ReceivedSpan[] spans = [.. receiver.Spans.Where(s => s.Trace == Trace)];
        Assert.Equal(["increment default", "process in/#", "run handler", "send counts", "start handler"], spans.Select(s => s.Name).Order());
        ReceivedSpan Named(string name) => spans.Single(s => s.Name == name);
        ReceivedSpan process = Named("process in/#"), run = Named("run handler"), send = Named("send counts");
        Assert.Equal((Sender, 5, 0), (process.Parent, process.Kind, process.Status)); // consumer
        Assert.Equal((process.Id, process.Id), (run.Parent, Named("start handler").Parent));
        Assert.Equal((run.Id, 3), (Named("increment default").Parent, Named("increment default").Kind)); // client
        Assert.Equal((run.Id, 4), (send.Parent, send.Kind)); // producer
        foreach ((string key, string value) in (ReadOnlySpan<(string, string)>)[
            ("faas.trigger", "pubsub"), ("mote.app", "traced"), ("mote.component", "handler"), ("messaging.system", "mqtt"), ("messaging.operation.type", "process"),
            ("messaging.destination.name", "in/press/7"), ("messaging.destination.template", "in/#"), ("messaging.message.body.size", "1")])
        {
            Assert.Equal(value, process.Attributes[key]);
        }

        Assert.Equal(("default", "increment"), (Named("increment default").Attributes["db.namespace"], Named("increment default").Attributes["db.operation.name"]));
        Assert.Equal(("mote", "test-node"), (process.Resource["service.name"], process.Resource["service.instance.id"]));
        Assert.Equal(($"00-{Trace}-{send.Id}-01", "vendor=1"), (passedOn, state));
        Assert.Equal(("s", 9), receiver.Metrics["faas.invoke_duration"]);
        Assert.Equal(("{invocation}", 7), receiver.Metrics["faas.invocations"]);
    }

    [Fact]
    public async Task Trap_IsAnErrorInTheTraceAndItsLog()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        Telemetry(receiver.Url, metrics: true);
        await using (EdgeNode node = await _site.Start(App("failing")))
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            await Publish(client, "in/a", "!");
            await Wait.Until(() => node.Report().Failed == 1, () => "no failure is counted");
        }

        ReceivedSpan process = receiver.Spans.Single(s => s.Kind == 5 && s.Attributes["mote.app"] == "failing");
        ReceivedSpan run = receiver.Spans.Single(s => s.Trace == process.Trace && s.Name == "run handler");
        Assert.Equal((2, "trap"), (run.Status, run.Attributes["error.type"]));
        Assert.Contains("unreachable", run.Reason);
        Assert.Equal(2, process.Status);
        ReceivedLog log = receiver.Logs.Single(l => l.Trace == process.Trace);
        Assert.Contains("trapped", log.Body);
        Assert.Equal((13, process.Id, "failing", "handler"), (log.Severity, log.Span, log.Attributes["mote.app"], log.Attributes["mote.component"])); // 13 is WARN
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", 0)] // its sender did not sample it
    [InlineData("not a traceparent", 0)] // so it is a new one, of which none are taken
    [InlineData("00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-01", 1)]
    public async Task Sample_NoneOfItsOwn_FollowsTheSenders(string parent, int expected)
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        Telemetry(receiver.Url, sample: 0);
        await using (EdgeNode node = await _site.Start(App("sampled")))
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            await Publish(client, "in/a", "x", parent);
            await Wait.Until(() => node.Report().Handled == 1, () => "it is not handled");
        }

        Assert.Equal(expected, receiver.Spans.Count(s => s.Kind == 5 && s.Attributes["mote.app"] == "sampled"));
    }

    [Fact]
    public async Task Collector_Away_HoldsNothingUp()
    {
        Telemetry(new Uri("http://127.0.0.1:1")); // nothing listens there
        await using EdgeNode node = await _site.Start(App("alone"));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        for (int i = 0; i < 50; i++) await Publish(client, "in/a", $"{i}");
        await client.Until(50);
    }

    [Fact]
    public async Task Metrics_AreServedAsText()
    {
        Telemetry(metrics: true);
        await using EdgeNode node = await _site.Start(App("metered"));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        for (int i = 0; i < 5; i++) await Publish(client, "in/a", $"{i}");
        await client.Until(5);
        await Publish(client, "in/a", "!");
        await Wait.Until(() => node.Report().Failed == 1, () => "no failure is counted");

        using var http = new HttpClient();
        using HttpResponseMessage response = await http.GetAsync(node.MetricsUrl, TestContext.Current.CancellationToken);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Dictionary<string, double> samples = Parse(text);
        const string Of = "{mote_app=\"metered\",mote_component=\"handler\",faas_trigger=\"pubsub\"}", Queue = "{mote_app=\"metered\",mote_component=\"handler\",faas_trigger=\"pubsub\",messaging_system=\"mqtt\"}";
        Assert.Equal(6, samples[$"faas_invocations_total{Of}"]);
        Assert.Equal(1, samples[$"faas_errors_total{Of}"]);
        Assert.Equal(6, samples[$"messaging_client_consumed_messages_total{Queue}"]);
        Assert.Equal(5, samples[$"messaging_client_sent_messages_total{Queue}"]);
        Assert.Equal(1, samples[$"mote_component_failed_total{Queue}"]);
        Assert.Equal(1024, samples[$"mote_queue_limit{Queue}"]);
        Assert.Equal(6, samples[$"faas_invoke_duration_seconds_count{Of}"]);
        Assert.Equal(6, samples["faas_invoke_duration_seconds_bucket{mote_app=\"metered\",mote_component=\"handler\",faas_trigger=\"pubsub\",le=\"+Inf\"}"]);
        Assert.InRange(samples[$"faas_invoke_duration_seconds_sum{Of}"], double.Epsilon, 60);
        Assert.True(samples[$"faas_coldstarts_total{Of}"] >= 1);
        Assert.Contains("# TYPE faas_invoke_duration_seconds histogram\n", text);
        Assert.Contains(samples.Keys, k => k.StartsWith("dotnet_process_memory_working_set_bytes", StringComparison.Ordinal));
        Assert.DoesNotContain("mote_app=\"traced\"", text); // another node's

        using HttpResponseMessage other = await http.GetAsync(new Uri(node.MetricsUrl!, "/"), TestContext.Current.CancellationToken);
        using HttpResponseMessage post = await http.PostAsync(node.MetricsUrl, null, TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed), (other.StatusCode, post.StatusCode));
    }

    [Fact]
    public async Task Request_IsAServersSpanWithItsRoute()
    {
        await using OtlpReceiver receiver = await OtlpReceiver.StartAsync();
        Telemetry(receiver.Url);
        _site.Config = _site.Config with { HttpListen = "127.0.0.1:0" };
        // It gives no answer, which is its failure and the host's 500.
        File.WriteAllBytes(Path.Combine(_site.Folder, "silent.wasm"), Mote.Wasmtime.Wat.ToWasm("""
            (component
              (import "wasi:http/types@0.2.0" (instance $types
                (export "incoming-request" (type $request (sub resource)))
                (export "response-outparam" (type $out (sub resource)))))
              (alias export $types "incoming-request" (type $request))
              (alias export $types "response-outparam" (type $out))
              (core module $m (func (export "handle") (param i32 i32)))
              (core instance $i (instantiate $m))
              (func $handle (param "request" (own $request)) (param "response-out" (own $out)) (canon lift (core func $i "handle")))
              (instance $handler (export "handle" (func $handle)))
              (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
            """));
        await using (EdgeNode node = await _site.Start("""
            mote = 1
            [app]
            name = "web"
            [[trigger.http]]
            route = "/things/:id"
            component = "silent"
            [component.silent]
            source = "silent.wasm"
            """))
        {
            using var http = new HttpClient();
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(node.Http!.Address, "/things/42?x=1"));
            request.Headers.Add("traceparent", $"00-{Trace}-{Sender}-01");
            using HttpResponseMessage answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        }

        ReceivedSpan server = receiver.Spans.Single(s => s.Name == "GET /things/:id");
        Assert.Equal((Trace, Sender, 2, 2), (server.Trace, server.Parent, server.Kind, server.Status)); // server; error
        Assert.Equal(("GET", "/things/:id", "/things/42", "500", "500"), (server.Attributes["http.request.method"], server.Attributes["http.route"], server.Attributes["url.path"], server.Attributes["http.response.status_code"], server.Attributes["error.type"]));
        Assert.Equal(("http", "web", "silent"), (server.Attributes["faas.trigger"], server.Attributes["mote.app"], server.Attributes["mote.component"]));
        Assert.Equal([server.Id, server.Id], receiver.Spans.Where(s => s.Name is "start silent" or "run silent").Select(s => s.Parent));
    }

    /// <summary>Every line is one that the format has.</summary>
    internal static Dictionary<string, double> Parse(string text)
    {
        var samples = new Dictionary<string, double>();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (Regex.IsMatch(line, @"^# (HELP|TYPE) [a-zA-Z_][a-zA-Z0-9_]* .+$")) continue;
            Match m = Regex.Match(line, """^([a-zA-Z_][a-zA-Z0-9_]*(?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)+\})?) ([-+]?[0-9.eE+-]+|[+-]Inf|NaN)$""");
            Assert.True(m.Success, line);
            samples.Add(m.Groups[1].Value, m.Groups[2].Value is "+Inf" ? double.PositiveInfinity : double.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture));
        }

        return samples;
    }
}
