// Metrics of components. Most are read from their accounts when somebody asks; only durations are recorded as they
// happen, and only while somebody listens. Labels are names from manifests.
using System.Diagnostics.Metrics;

namespace Mote.Runtime.Telemetry;

/// <summary>How long things took, of one component.</summary>
public sealed class ComponentDurations
{
    private readonly Histogram<double> _invoke, _init;
    private readonly KeyValuePair<string, object?>[] _labels;

    internal ComponentDurations(Histogram<double> invoke, Histogram<double> init, AppComponent component, string trigger)
    {
        _invoke = invoke;
        _init = init;
        _labels = RuntimeMetrics.Labels(component, trigger);
    }

    /// <summary>A call of the guest ended.</summary>
    public void Invoked(TimeSpan time)
    {
        if (_invoke.Enabled) _invoke.Record(time.TotalSeconds, _labels);
    }

    /// <summary>A microVM was made.</summary>
    public void Started(TimeSpan time)
    {
        if (_init.Enabled) _init.Record(time.TotalSeconds, _labels);
    }
}

/// <summary>The metrics of a node's components.</summary>
public sealed class RuntimeMetrics : IDisposable
{
    /// <summary>Upper bounds of buckets, in seconds: from a warm microVM's call to a slow one's deadline.</summary>
    private static readonly InstrumentAdvice<double> s_seconds = new() { HistogramBucketBoundaries = [0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10] };

    private readonly Lock _lock = new();
    private readonly Histogram<double> _invoke, _init;
    private volatile Measured[] _components = [];

    /// <summary>A meter of its own: what another node in this process measures is not in it.</summary>
    public RuntimeMetrics()
    {
        Meter = new Meter(new MeterOptions(Tracing.SourceName) { Scope = this });
        _invoke = Meter.CreateHistogram("faas.invoke_duration", "s", "Time of a call of a component, the host's waits included.", null, s_seconds);
        _init = Meter.CreateHistogram("faas.init_duration", "s", "Time to make a microVM, its start function included.", null, s_seconds);
        Count("faas.invocations", "{invocation}", "Calls of components that ended.", static u => u.Calls);
        Count("faas.errors", "{error}", "Calls and starts that trapped.", static u => u.Traps);
        Count("faas.coldstarts", "{coldstart}", "MicroVMs made.", static u => u.Started);
        Count("mote.component.refused", "{event}", "Events refused because too many were there.", static u => u.Refused);
        Meter.CreateObservableCounter("faas.cpu_usage", () => All(static u => u.Cpu.TotalSeconds), "s", "Processor time of components.");
        Meter.CreateObservableUpDownCounter("mote.microvm.live", () => All(static u => (long)u.Live), "{microvm}", "MicroVMs now, those in use and warm ones.");
        Meter.CreateObservableGauge("mote.microvm.memory.peak", () => All(static u => u.PeakMemory), "By", "Most linear memory that one microVM has had.");
        Meter.CreateObservableCounter("mote.component.io", IoOf, "By", "Bytes of bodies and messages that components took and gave.");
    }

    /// <summary>For metrics of other things of the same node.</summary>
    public Meter Meter { get; }

    /// <summary>The labels of a component with a trigger.</summary>
    public static KeyValuePair<string, object?>[] Labels(AppComponent component, string trigger) => component.Camera is { } camera
        ? [new("mote.app", component.App), new("mote.component", component.Name), new("faas.trigger", trigger), new("mote.camera", camera)]
        : [new("mote.app", component.App), new("mote.component", component.Name), new("faas.trigger", trigger)];

    /// <summary>From now on this component is measured. It takes the place of one of the same app, name, trigger and camera, and counts on from there.</summary>
    /// <param name="component">The component.</param>
    /// <param name="trigger">What starts it: http, pubsub, timer, datasource or other (faas.trigger).</param>
    public void Add(AppComponent component, string trigger)
    {
        component.Durations = new ComponentDurations(_invoke, _init, component, trigger);
        lock (_lock)
        {
            Measured? old = Array.Find(_components, m => m.Component.App == component.App && m.Component.Name == component.Name && m.Trigger == trigger && m.Component.Camera == component.Camera);
            UsageCounts before = old is null ? default : old.Component.Usage == component.Usage ? old.Before : old.Counts;
            _components = [.. _components.Where(m => m != old), new Measured(component, trigger, before)];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Meter.Dispose();

    private void Count(string name, string unit, string description, Func<UsageCounts, long> value) => Meter.CreateObservableCounter(name, () => All(value), unit, description);

    private IEnumerable<Measurement<T>> All<T>(Func<UsageCounts, T> value)
        where T : struct
    {
        foreach (Measured m in _components) yield return new Measurement<T>(value(m.Counts), Labels(m.Component, m.Trigger));
    }

    private IEnumerable<Measurement<long>> IoOf()
    {
        foreach (Measured m in _components)
        {
            UsageCounts counts = m.Counts;
            yield return new Measurement<long>(counts.BytesIn, [.. Labels(m.Component, m.Trigger), new("network.io.direction", "receive")]);
            yield return new Measurement<long>(counts.BytesOut, [.. Labels(m.Component, m.Trigger), new("network.io.direction", "transmit")]);
        }
    }

    /// <summary>A component, and what those that it replaced had counted: a counter does not fall when somebody saves a file.</summary>
    private sealed record Measured(AppComponent Component, string Trigger, UsageCounts Before)
    {
        public UsageCounts Counts
        {
            get
            {
                UsageCounts now = Component.Usage.Counts;
                return now with
                {
                    Calls = Before.Calls + now.Calls,
                    Traps = Before.Traps + now.Traps,
                    Cpu = Before.Cpu + now.Cpu,
                    Wall = Before.Wall + now.Wall,
                    PeakMemory = Math.Max(Before.PeakMemory, now.PeakMemory),
                    BytesIn = Before.BytesIn + now.BytesIn,
                    BytesOut = Before.BytesOut + now.BytesOut,
                    Refused = Before.Refused + now.Refused,
                    Started = Before.Started + now.Started,
                };
            }
        }
    }
}
