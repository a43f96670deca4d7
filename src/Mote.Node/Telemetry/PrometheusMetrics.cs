// What a node's meter measures, kept for whoever scrapes. OpenTelemetry's own Prometheus exporters are not stable
// releases; this is a listener and a page of text.
using System.Diagnostics.Metrics;

namespace Mote.Node.Telemetry;

/// <summary>Listens to a node's meter and to the runtime's, and writes them as Prometheus text. Bounded in every dimension.</summary>
internal sealed class PrometheusMetrics : IDisposable
{
    /// <summary>Most series of one metric; what comes after goes into one that says so (otel.metric.overflow).</summary>
    public const int MaxSeries = 2000;

    /// <summary>Of .NET itself: garbage collection, threads, processor time, memory of the process.</summary>
    private const string RuntimeMeter = "System.Runtime";

    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, PrometheusFamily> _families = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>Begins to listen.</summary>
    /// <param name="scope">Of the node's meter: other nodes in the process have their own.</param>
    public PrometheusMetrics(object scope)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope != scope && instrument.Meter.Name != RuntimeMeter) return;
            var family = new PrometheusFamily(instrument);
            lock (_lock)
            {
                if (!_families.TryAdd(family.Name, family)) return; // the first of a name
            }

            listener.EnableMeasurementEvents(instrument, family);
        };
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, family) => ((PrometheusFamily)family!).Measure(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, family) => ((PrometheusFamily)family!).Measure(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, family) => ((PrometheusFamily)family!).Measure(value, tags));
        _listener.Start();
    }

    /// <summary>Everything as it is now, in the text exposition format 0.0.4.</summary>
    public string Write()
    {
        lock (_lock)
        {
            foreach (PrometheusFamily family in _families.Values) family.BeginScrape();
        }

        // Outside the lock: an instrument's callback may make another instrument.
        _listener.RecordObservableInstruments();
        var text = new System.Text.StringBuilder(16 << 10);
        lock (_lock)
        {
            foreach (PrometheusFamily family in _families.Values) family.Write(text);
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();
}
