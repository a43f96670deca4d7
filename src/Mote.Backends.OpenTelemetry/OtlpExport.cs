// Spans, metrics and logs over OTLP/HTTP, in batches, from bounded queues. It exists only on a node that was told where to
// send them: its threads, buffers and connections cost memory that an idle node does not have.
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Mote.Runtime;
using Mote.Runtime.Telemetry;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Mote.Backends.OpenTelemetry;

/// <summary>Where to send what, and as whom.</summary>
/// <param name="Endpoint">The collector, without the path of a signal: http://127.0.0.1:4318.</param>
/// <param name="Node">The node's name: service.instance.id.</param>
/// <param name="Version">The program's version: service.version.</param>
/// <param name="Sample">Which share of events without a trace of their own is traced, 0 to 1.</param>
/// <param name="MetricsInterval">How often metrics are sent.</param>
/// <param name="Mask">Takes secrets out of text.</param>
public sealed record OtlpOptions(Uri Endpoint, string Node, string Version, double Sample, TimeSpan MetricsInterval, Func<string, string> Mask);

/// <summary>A line of the node or of a guest.</summary>
/// <param name="Level">How much it matters.</param>
/// <param name="Message">The line.</param>
/// <param name="App">Whose: null for the node's own.</param>
/// <param name="Component">Whose: null for the node's own.</param>
/// <param name="Context">What it is about, in the guest's words; null for none.</param>
public readonly record struct LogLine(GuestLogLevel Level, string Message, string? App = null, string? Component = null, string? Context = null);

/// <summary>Sends until it is disposed; disposing sends what is left, for a few seconds at most.</summary>
public sealed class OtlpExport : IDisposable
{
    private const int LongestFlushMilliseconds = 3000;
    private readonly TracerProvider _traces;
    private readonly MeterProvider _metrics;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _node, _guest;
    private readonly Func<string, string> _mask;

    private OtlpExport(TracerProvider traces, MeterProvider metrics, ILoggerFactory logs, Func<string, string> mask)
    {
        _mask = mask;
        _traces = traces;
        _metrics = metrics;
        _logs = logs;
        _node = logs.CreateLogger("mote.node");
        _guest = logs.CreateLogger("mote.guest");
    }

    /// <summary>Begins to send. A collector that is not there is no error: what cannot be sent is dropped.</summary>
    public static OtlpExport Start(OtlpOptions options)
    {
        ResourceBuilder resource = ResourceBuilder.CreateEmpty().AddService("mote", serviceVersion: options.Version, autoGenerateServiceInstanceId: false, serviceInstanceId: options.Node).AddEnvironmentVariableDetector();
        TracerProvider traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(Tracing.SourceName)
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(options.Sample)))
            .AddProcessor(new Masking(options.Mask)) // before what sends
            .AddOtlpExporter(o => To(o, "v1/traces"))
            .Build();
        MeterProvider metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(Tracing.SourceName, "System.Runtime")
            .AddOtlpExporter((o, reader) =>
            {
                To(o, "v1/metrics");
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = (int)options.MetricsInterval.TotalMilliseconds;
            })
            .Build();
        ILoggerFactory logs = LoggerFactory.Create(b =>
        {
            b.SetMinimumLevel(LogLevel.Trace);
            b.AddOpenTelemetry(o =>
            {
                o.SetResourceBuilder(resource);
                o.IncludeFormattedMessage = true;
                o.AddOtlpExporter(e => To(e, "v1/logs"));
            });
        });
        return new OtlpExport(traces, metrics, logs, options.Mask);

        void To(OtlpExporterOptions o, string path)
        {
            o.Protocol = OtlpExportProtocol.HttpProtobuf;
            // With a path of one's own the collector's path stays in front: http://host/otel.
            o.Endpoint = new Uri($"{options.Endpoint.AbsoluteUri.TrimEnd('/')}/{path}");
        }
    }

    /// <summary>Sends a line, as part of the span that this thread is in.</summary>
    public void Log(LogLine line) => (line.Component is null ? _node : _guest).Log(Level(line.Level), default, Attributes(line), null, static (record, _) => record.Body);

    /// <inheritdoc/>
    public void Dispose()
    {
        _traces.ForceFlush(LongestFlushMilliseconds);
        _traces.Dispose();
        _metrics.ForceFlush(LongestFlushMilliseconds);
        _metrics.Dispose();
        _logs.Dispose();
    }

    private static LogLevel Level(GuestLogLevel level) => level switch
    {
        GuestLogLevel.Trace => LogLevel.Trace,
        GuestLogLevel.Debug => LogLevel.Debug,
        GuestLogLevel.Info => LogLevel.Information,
        GuestLogLevel.Warn => LogLevel.Warning,
        GuestLogLevel.Error => LogLevel.Error,
        _ => LogLevel.Critical,
    };

    private Record Attributes(LogLine line)
    {
        var record = new Record(_mask(line.Message));
        if (line.App is not null) record.Add(new("mote.app", line.App));
        if (line.Component is not null) record.Add(new("mote.component", line.Component));
        if (!string.IsNullOrEmpty(line.Context)) record.Add(new("mote.log.context", _mask(line.Context)));
        return record;
    }

    /// <summary>A record's attributes, and its body beside them.</summary>
    private sealed class Record(string body) : List<KeyValuePair<string, object?>>(3)
    {
        public string Body => body;
    }

    /// <summary>Why a span failed may be in a guest's words, and a guest knows its secrets.</summary>
    private sealed class Masking(Func<string, string> mask) : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data)
        {
            if (data.StatusDescription is { } reason) data.SetStatus(data.Status, mask(reason));
        }
    }
}
