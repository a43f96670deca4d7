// A meter's measurements as Prometheus text: names, escapes, histograms, series that go, and a bound on their number.
using System.Diagnostics.Metrics;
using Mote.Node.Telemetry;

namespace Mote.Node.Tests;

public sealed class PrometheusMetricsTests : IDisposable
{
    private readonly object _scope = new();
    private readonly Meter _meter;
    private readonly PrometheusMetrics _metrics;

    public PrometheusMetricsTests()
    {
        _meter = new Meter(new MeterOptions("Mote") { Scope = _scope });
        _metrics = new PrometheusMetrics(_scope);
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _meter.Dispose();
    }

    private Dictionary<string, double> Read() => TelemetryTests.Parse(_metrics.Write());

    [Fact]
    public void Names_HaveUnitAndKind()
    {
        _meter.CreateCounter<long>("a.b-c", "By", "one\nline").Add(3);
        _meter.CreateUpDownCounter<long>("up.down", "{thing}").Add(-2);
        _meter.CreateGauge<double>("1st.gauge", "s").Record(0.5);
        Dictionary<string, double> samples = Read();
        Assert.Equal((3, -2, 0.5), (samples["a_b_c_bytes_total"], samples["up_down"], samples["_st_gauge_seconds"]));
        Assert.Contains("# HELP a_b_c_bytes_total one\\nline\n# TYPE a_b_c_bytes_total counter\n", _metrics.Write());
    }

    [Fact]
    public void Labels_AreEscapedAndToldApart()
    {
        Counter<long> counter = _meter.CreateCounter<long>("n");
        counter.Add(1, new KeyValuePair<string, object?>("a.b", "x\"\\\ny"));
        counter.Add(2, new KeyValuePair<string, object?>("a.b", "other"));
        counter.Add(4, new KeyValuePair<string, object?>("a.b", "other"));
        counter.Add(8);
        Dictionary<string, double> samples = Read();
        Assert.Equal((1, 6, 8), (samples["n_total{a_b=\"x\\\"\\\\\\ny\"}"], samples["n_total{a_b=\"other\"}"], samples["n_total"]));
    }

    [Fact]
    public void Histogram_CountsUpToEachBound()
    {
        Histogram<double> histogram = _meter.CreateHistogram("h", "s", null, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.1, 1] });
        foreach (double v in (double[])[0.1, 0.05, 0.5, 1, 7]) histogram.Record(v);
        Dictionary<string, double> samples = Read();
        Assert.Equal((2, 4, 5), (samples["h_seconds_bucket{le=\"0.1\"}"], samples["h_seconds_bucket{le=\"1\"}"], samples["h_seconds_bucket{le=\"+Inf\"}"]));
        Assert.Equal((8.65, 5), (Math.Round(samples["h_seconds_sum"], 6), samples["h_seconds_count"]));
    }

    [Fact]
    public void Observed_WhatIsNotSaidAgain_Goes()
    {
        List<Measurement<long>> now = [new(1, new KeyValuePair<string, object?>("k", "a")), new(2, new KeyValuePair<string, object?>("k", "b"))];
        _meter.CreateObservableCounter("seen", () => now);
        Assert.Equal(["seen_total{k=\"a\"}", "seen_total{k=\"b\"}"], Read().Keys.Where(k => k.StartsWith("seen", StringComparison.Ordinal)));
        now = [new(5, new KeyValuePair<string, object?>("k", "b"))];
        Dictionary<string, double> samples = Read();
        Assert.Equal(["seen_total{k=\"b\"}"], samples.Keys.Where(k => k.StartsWith("seen", StringComparison.Ordinal)));
        Assert.Equal(5, samples["seen_total{k=\"b\"}"]);
        now = [];
        Assert.DoesNotContain("seen", _metrics.Write());
    }

    [Fact]
    public void Series_TooMany_AreOneThatSaysSo()
    {
        Counter<long> counter = _meter.CreateCounter<long>("many");
        for (int i = 0; i < PrometheusMetrics.MaxSeries + 500; i++) counter.Add(1, new KeyValuePair<string, object?>("k", i));
        KeyValuePair<string, double>[] samples = [.. Read().Where(s => s.Key.StartsWith("many", StringComparison.Ordinal))];
        Assert.Equal(PrometheusMetrics.MaxSeries + 1, samples.Length);
        Assert.Equal(500, samples.Single(s => s.Key == "many_total{otel_metric_overflow=\"true\"}").Value);
    }

    [Fact]
    public void Measurements_FromManyThreads_AddUp()
    {
        Counter<long> counter = _meter.CreateCounter<long>("sum");
        Parallel.For(0, 8, t =>
        {
            for (int i = 0; i < 5000; i++)
            {
                counter.Add(1, new KeyValuePair<string, object?>("k", i % 3));
                if (i % 1000 == 0) _metrics.Write();
            }
        });
        Assert.Equal(40_000, Read().Where(s => s.Key.StartsWith("sum_total", StringComparison.Ordinal)).Sum(s => s.Value));
    }

    [Fact]
    public void Meter_OfAnotherNode_IsNotSeen()
    {
        using var other = new Meter(new MeterOptions("Mote") { Scope = new object() });
        other.CreateCounter<long>("elsewhere").Add(1);
        Assert.DoesNotContain("elsewhere", _metrics.Write());
    }
}
