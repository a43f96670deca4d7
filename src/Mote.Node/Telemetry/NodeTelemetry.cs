// What a node tells about itself: nothing unless node.toml says to whom. Metrics for a Prometheus server, and spans,
// metrics and logs over OTLP; either, both or neither.
using System.Diagnostics.Metrics;
using System.Reflection;
using Mote.Backends.OpenTelemetry;
using Mote.DataPlane;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Runtime.Telemetry;
using Mote.Triggers;
using Mote.Triggers.Http;
using Mote.Triggers.Timer;

namespace Mote.Node.Telemetry;

/// <summary>The telemetry of one node.</summary>
internal sealed class NodeTelemetry : IAsyncDisposable
{
    private static readonly TimeSpan s_metricsInterval = TimeSpan.FromSeconds(10);

    private readonly RuntimeMetrics? _metrics;
    private MetricsServer? _server;
    private OtlpExport? _export;

    private NodeTelemetry(RuntimeMetrics? metrics) => _metrics = metrics;

    /// <summary>Where metrics are served; null for nowhere.</summary>
    public Uri? MetricsUrl => _server is null ? null : new Uri(_server.Url, "metrics");

    /// <summary>Starts what the configuration asks for.</summary>
    /// <param name="config">The node's.</param>
    /// <param name="mask">Takes secrets out of text that leaves the node.</param>
    /// <exception cref="IOException">The address for metrics is in use.</exception>
    public static async Task<NodeTelemetry> StartAsync(NodeConfig config, Func<string, string> mask)
    {
        TelemetryConfig wanted = config.Telemetry;
        if (wanted.Otlp is null && wanted.Metrics is null) return new NodeTelemetry(null);
        var telemetry = new NodeTelemetry(new RuntimeMetrics());
        telemetry.Http = new HttpMetrics(telemetry._metrics!.Meter);
        try
        {
            if (wanted.Metrics is { } listen) telemetry._server = await MetricsServer.StartAsync(listen, telemetry._metrics!).ConfigureAwait(false);
            if (wanted.Otlp is { } endpoint) telemetry._export = OtlpExport.Start(new OtlpOptions(endpoint, config.Name, Version, wanted.Sample, s_metricsInterval, mask));
            return telemetry;
        }
        catch
        {
            await telemetry.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>From now on this component is measured, as one with this trigger (faas.trigger).</summary>
    public void Add(AppComponent component, string trigger) => _metrics?.Add(component, trigger);

    /// <summary>For the HTTP server; null where nobody asks.</summary>
    public HttpMetrics? Http { get; private set; }

    /// <summary>Sends a line that is written to the node's log, too.</summary>
    public void Log(LogLine line) => _export?.Log(line);

    /// <summary>Measures what the node passes on.</summary>
    /// <param name="queues">The components' queues.</param>
    /// <param name="upstream">Counts of the upstream; null where there is none.</param>
    /// <param name="dropped">Messages that the broker had to drop.</param>
    /// <param name="handlers">Who answers HTTP.</param>
    /// <param name="mappings">The room for guests in the process's memory mappings.</param>
    public void Observe(IReadOnlyList<MessageQueue> queues, Func<UpstreamCounts?> upstream, Func<long> dropped, Func<IReadOnlyList<HttpHandler>> handlers, MappingBudget mappings)
    {
        if (_metrics?.Meter is not { } meter) return;
        meter.CreateObservableUpDownCounter("mote.mappings.used", () => mappings.Taken, "{mapping}", "Memory mappings that guests take: 3 for each loaded component, 3 for each microVM.");
        meter.CreateObservableUpDownCounter("mote.mappings.limit", () => mappings.Limit, "{mapping}", "Most memory mappings for guests; beyond them guests are refused.");
        meter.CreateObservableCounter("mote.mappings.refused", () => mappings.Refused, "{refusal}", "Guests that found no room in the process's memory mappings.");
        meter.CreateObservableCounter("messaging.client.consumed.messages", () => Of(static q => q.Counts.Received), "{message}", "Messages that went into components' queues.");
        meter.CreateObservableCounter("messaging.client.sent.messages", () => Of(static q => q.Counts.Published), "{message}", "Messages that components sent.");
        meter.CreateObservableUpDownCounter("mote.queue.length", () => Of(static q => q.Counts.Waiting).Concat(Handlers(static h => h.Counts.Waiting + h.Counts.Running)), "{event}", "Events that wait for a component or are in work.");
        meter.CreateObservableUpDownCounter("mote.queue.limit", () => Of(static q => q.Capacity).Concat(Handlers(static h => h.Capacity)), "{event}", "Most events that may wait for a component.");
        meter.CreateObservableCounter("mote.component.failed", () => Of(static q => q.Counts.Failed), "{event}", "Events that a component could not handle: it trapped, or answered with an error.");
        meter.CreateObservableCounter("mote.component.not_delivered", () => Of(static q => q.Counts.NotDelivered), "{event}", "Events whose results could not be passed on; they come again.");
        meter.CreateObservableCounter("mote.component.batches", () => Batched(static q => q.Counts.Batches), "{call}", "Calls with a batch of messages, of components that take several at once.");
        meter.CreateObservableCounter("mote.broker.dropped", dropped, "{message}", "Messages that the broker had to drop.");
        meter.CreateObservableCounter("mote.upstream.events", () => Upstream(static u => [(u.Sent, "sent"), (u.Refused, "refused"), (u.Dropped, "dropped")]), "{event}", "CloudEvents by what became of them.");
        meter.CreateObservableUpDownCounter("mote.upstream.waiting", () => Upstream(static u => [(u.Waiting, null)]), "{event}", "CloudEvents that wait for the upstream.");
        meter.CreateObservableCounter("mote.upstream.io", () => Upstream(static u => [(u.BytesSent, null)]), "By", "Bytes of CloudEvents that the upstream has taken.");

        IEnumerable<Measurement<long>> Of(Func<MessageQueue, long> value) => Each(queues, value);

        IEnumerable<Measurement<long>> Batched(Func<MessageQueue, long> value) => Each(queues.Where(q => q.Batches is not null), value);

        IEnumerable<Measurement<long>> Each(IEnumerable<MessageQueue> some, Func<MessageQueue, long> value) =>
            [.. some.Select(q => new Measurement<long>(value(q), [.. RuntimeMetrics.Labels(q.Component, q.FaasTrigger), new("messaging.system", q.MessagingSystem)]))];

        IEnumerable<Measurement<long>> Handlers(Func<HttpHandler, long> value) => [.. handlers().Select(h => new Measurement<long>(value(h), RuntimeMetrics.Labels(h.Component, "http")))];

        IEnumerable<Measurement<long>> Upstream(Func<UpstreamCounts, (long Value, string? Outcome)[]> values) => upstream() is not { } counts ? []
            : [.. values(counts).Select(v => v.Outcome is null ? new Measurement<long>(v.Value) : new Measurement<long>(v.Value, new KeyValuePair<string, object?>("mote.outcome", v.Outcome)))];
    }

    /// <summary>Measures whether broker, upstream and disk are well, and what waits on disk.</summary>
    internal void Observe(Func<DataPlaneStatus> state)
    {
        if (_metrics?.Meter is not { } meter) return;
        meter.CreateObservableGauge("mote.broker.up", () => Of(static s => s.Broker is { } b ? b.Fault is null ? 1 : 0 : null), description: "1 while the MQTT broker can be used, else 0.");
        meter.CreateObservableUpDownCounter("mote.broker.retained", () => Of(static s => s.Broker?.Retained), "{message}", "Messages that the embedded broker retains.");
        meter.CreateObservableUpDownCounter("mote.broker.retained.size", () => Of(static s => s.Broker?.RetainedBytes), "By", "Their bytes.");
        meter.CreateObservableCounter("mote.broker.retained.refused", () => Of(static s => s.Broker?.RetainedRefused), "{message}", "Messages that the embedded broker did not retain because as many were as may be.");
        meter.CreateObservableGauge("mote.upstream.up", () => Of(static s => s.Upstream is { } u ? u.Fault is null ? 1 : 0 : null), description: "1 while the upstream takes events or was not tried, else 0.");
        meter.CreateObservableGauge("mote.nats.up", () => Of(static s => s.Nats is { } n ? n.Fault is null ? 1 : 0 : null), description: "1 while there is a connection to NATS and every trigger on it receives, else 0.");
        meter.CreateObservableGauge("mote.disk.up", () => Of(static s => s.Disk is { } d ? d.Fault is null ? 1 : 0 : null), description: "1 while inbox and outbox can be written, else 0.");
        meter.CreateObservableUpDownCounter("mote.outbox.size", () => Of(static s => s.Disk?.OutboxBytes), "By", "Bytes of events that wait on disk for the upstream.");
        meter.CreateObservableUpDownCounter("mote.inbox.waiting", () => Of(static s => s.Disk?.InboxMessages), "{message}", "Messages that wait on disk for components.");
        meter.CreateObservableUpDownCounter("mote.inbox.size", () => Of(static s => s.Disk?.InboxBytes), "By", "Bytes of messages that wait on disk for components.");
        meter.CreateObservableCounter("mote.disk.damaged", () => Of(static s => s.Disk?.Damaged), "{record}", "Records of inbox and outbox that were found damaged; they are kept apart.");
        meter.CreateObservableCounter("mote.disk.io", () => Of(static s => s.Disk?.BytesWritten), "By", "Bytes of records written to inbox and outbox.");

        IEnumerable<Measurement<long>> Of(Func<DataPlaneStatus, long?> value) => value(state()) is { } v ? [new Measurement<long>(v)] : [];
    }

    /// <summary>Measures what came for apps, what left, and what was written to the disk.</summary>
    internal void Observe(IReadOnlyList<AppLedger> ledgers, DiskWear wear)
    {
        if (_metrics?.Meter is not { } meter) return;
        meter.CreateObservableCounter("mote.ledger.messages", () => Of(static r => r.MessagesIn, static r => r.MessagesOut), "{message}", "Messages that came for an app, and that left the node, by topic.");
        meter.CreateObservableCounter("mote.ledger.io", () => Of(static r => r.BytesIn, static r => r.BytesOut), "By", "Their bytes.");
        meter.CreateObservableUpDownCounter("mote.ledger.saved", () => ledgers.SelectMany(l => l.Rows.Where(r => r.BytesIn > 0).Select(r => new Measurement<long>(r.BytesSaved, [.. Labels(l, r)]))), "By", "Bytes that came on a topic and did not have to leave.");
        meter.CreateObservableCounter("mote.disk.written", () => Enum.GetValues<WearSource>().Select(s => new Measurement<long>(wear.Of(s), new KeyValuePair<string, object?>("mote.disk.purpose", WearBook.NameOf(s)))), "By", "Bytes given to the disk, by what for.");
        meter.CreateObservableCounter("mote.process.disk.written", () => DiskWear.Process() is { } all ? [new Measurement<long>(all)] : (IEnumerable<Measurement<long>>)[], "By", "Bytes that the process made the kernel write to storage, by the kernel's own count.");

        IEnumerable<Measurement<long>> Of(Func<LedgerRow, long> incoming, Func<LedgerRow, long> outgoing) => ledgers.SelectMany(l => l.Rows.SelectMany(r => (Measurement<long>[])
        [
            new(incoming(r), [.. Labels(l, r), new("network.io.direction", "receive")]),
            new(outgoing(r), [.. Labels(l, r), new("network.io.direction", "transmit")]),
        ]));

        static KeyValuePair<string, object?>[] Labels(AppLedger l, LedgerRow r) => [new("mote.app", l.App), new("mote.topic", r.Topic ?? "(other)")];
    }

    /// <summary>Measures cameras.</summary>
    internal void Observe(Func<IReadOnlyList<CameraStatus>> cameras)
    {
        if (_metrics?.Meter is not { } meter) return;
        meter.CreateObservableGauge("mote.camera.up", () => Of(static c => c.State == "streaming" ? 1 : 0), description: "1 while pictures come from the camera, else 0.");
        meter.CreateObservableCounter("mote.camera.frames", () => Of(static c => c.Frames), "{frame}", "Pictures that came from the camera.");
        meter.CreateObservableCounter("mote.camera.dropped", () => Of(static c => c.Dropped), "{frame}", "Pictures that a component was too slow for.");
        meter.CreateObservableCounter("mote.camera.clips", () => Of(static c => c.Clips ?? 0), "{clip}", "Clips of the camera that an event kept on this node.");
        meter.CreateObservableCounter("mote.camera.opened", () => Of(static c => c.Opened), "{opening}", "How often the camera was opened.");

        IEnumerable<Measurement<long>> Of(Func<CameraStatus, long> value) => [.. cameras().Select(c => new Measurement<long>(value(c), new("mote.camera", c.Name), new("mote.camera.pictures", c.Pictures)))];
    }

    /// <summary>Measures timers.</summary>
    public void Observe(TimerService timers)
    {
        if (_metrics?.Meter is not { } meter) return;
        meter.CreateObservableCounter("mote.timer.fired", () => Of<long>(static t => t.Fired), "{firing}", "Firings that the component was called for.");
        meter.CreateObservableCounter("mote.timer.missed", () => Of<long>(static t => t.Missed), "{firing}", "Times that came and went without a firing of their own.");
        meter.CreateObservableGauge("mote.timer.next", () => Of<double>(static t => t.Next?.ToUnixTimeMilliseconds() / 1000.0), "s", "When the timer fires next, in seconds since 1970; none where it never does.");

        IEnumerable<Measurement<T>> Of<T>(Func<TimerStatus, T?> value)
            where T : struct =>
            [.. from t in timers.Status let v = value(t) where v is not null select new Measurement<T>(v.Value, new("mote.app", t.Options.App), new("mote.component", t.Options.Component), new("faas.trigger", "timer"), new("mote.timer", t.Options.Name))];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // What is left is sent while the instruments are still there to be asked.
        if (_export is not null) await Task.Run(_export.Dispose).ConfigureAwait(false);
        if (_server is not null) await _server.DisposeAsync().ConfigureAwait(false);
        _metrics?.Dispose();
    }

    private static string Version => typeof(NodeTelemetry).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";
}
