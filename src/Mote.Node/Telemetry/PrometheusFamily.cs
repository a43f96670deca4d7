// One metric: its series by their labels.
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Mote.Node.Telemetry;

internal sealed class PrometheusFamily
{
    /// <summary>OpenTelemetry's default, for a histogram that gives no advice.</summary>
    private static readonly double[] s_bounds = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];

    private readonly string _type;
    private readonly string? _help;
    private readonly bool _isObservable, _isGauge;
    private readonly double[]? _bounds;
    private readonly List<Series> _series = [];
    private readonly Dictionary<int, int> _firstOfHash = [];
    private readonly Lock _lock = new();
    private int _scrape;

    public PrometheusFamily(Instrument instrument)
    {
        string kind = instrument.GetType().Name;
        _isObservable = instrument.IsObservable;
        _isGauge = kind.Contains("Gauge", StringComparison.Ordinal);
        bool isCounter = !_isGauge && !kind.Contains("UpDown", StringComparison.Ordinal) && !kind.Contains("Histogram", StringComparison.Ordinal);
        if (kind.Contains("Histogram", StringComparison.Ordinal)) _bounds = [.. (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries ?? s_bounds];
        _type = _bounds is not null ? "histogram" : isCounter ? "counter" : "gauge";
        _help = instrument.Description;
        Name = NameOf(instrument.Name, instrument.Unit, isCounter);
    }

    /// <summary>As Prometheus has it: letters, digits and underscores, the unit and the kind at the end.</summary>
    public string Name { get; }

    /// <summary>What an instrument that is asked does not say again is gone.</summary>
    public void BeginScrape()
    {
        lock (_lock) _scrape++;
    }

    public void Measure(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_lock)
        {
            Series series = Find(tags);
            series.Scrape = _scrape;
            if (_bounds is not null) series.Record(value, _bounds);
            else if (_isObservable || _isGauge) series.Value = value;
            else series.Value += value;
        }
    }

    public void Write(StringBuilder text)
    {
        lock (_lock)
        {
            if (!_series.Exists(IsThere)) return;
            if (!string.IsNullOrEmpty(_help)) text.Append("# HELP ").Append(Name).Append(' ').Append(_help.Replace("\\", "\\\\").Replace("\n", "\\n")).Append('\n');
            text.Append("# TYPE ").Append(Name).Append(' ').Append(_type).Append('\n');
            foreach (Series series in _series.Where(IsThere))
            {
                if (_bounds is null) Line(text, "", series.Labels, null, series.Value);
                else WriteHistogram(text, series, _bounds);
            }
        }
    }

    private bool IsThere(Series s) => !_isObservable || s.Scrape == _scrape;

    private void WriteHistogram(StringBuilder text, Series series, double[] bounds)
    {
        long sum = 0;
        for (int i = 0; i <= bounds.Length; i++)
        {
            sum += series.Buckets![i];
            Line(text, "_bucket", series.Labels, i < bounds.Length ? bounds[i].ToString("R", CultureInfo.InvariantCulture) : "+Inf", sum);
        }

        Line(text, "_sum", series.Labels, null, series.Value);
        Line(text, "_count", series.Labels, null, sum);
    }

    private void Line(StringBuilder text, string suffix, string labels, string? bound, double value)
    {
        text.Append(Name).Append(suffix);
        if (labels.Length > 0 || bound is not null)
        {
            text.Append('{').Append(labels);
            if (bound is not null) text.Append(labels.Length > 0 ? "," : "").Append("le=\"").Append(bound).Append('"');
            text.Append('}');
        }

        text.Append(' ').Append(double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
    }

    /// <summary>By a hash of the labels; those that share a hash are in a chain. Nothing is allocated for a series that is known.</summary>
    private Series Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = new HashCode();
        foreach ((string key, object? value) in tags)
        {
            hash.Add(key);
            hash.Add(value);
        }

        int code = hash.ToHashCode(), first = _firstOfHash.GetValueOrDefault(code, -1);
        for (int i = first; i >= 0; i = _series[i].NextOfHash)
        {
            if (_series[i].Has(tags)) return _series[i];
        }

        if (_series.Count >= PrometheusMetrics.MaxSeries)
        {
            Series last = _series[^1];
            if (last.IsOverflow) return last;
            _series.Add(new Series([], "otel_metric_overflow=\"true\"", _bounds, -1) { IsOverflow = true });
            return _series[^1];
        }

        _series.Add(new Series(tags.ToArray(), LabelsOf(tags), _bounds, first));
        _firstOfHash[code] = _series.Count - 1;
        return _series[^1];
    }

    private static string NameOf(string name, string? unit, bool isCounter)
    {
        var text = new StringBuilder(Word(name));
        string? suffix = unit switch
        {
            "s" => "seconds",
            "ms" => "milliseconds",
            "By" => "bytes",
            _ => null, // what is counted, {in braces}, is no unit
        };
        if (suffix is not null && !name.EndsWith(suffix, StringComparison.Ordinal)) text.Append('_').Append(suffix);
        if (isCounter && !name.EndsWith("total", StringComparison.Ordinal)) text.Append("_total");
        return text.ToString();
    }

    private static string Word(string name) => string.Concat(name.Select((c, i) => char.IsAsciiLetter(c) || c == '_' || (i > 0 && char.IsAsciiDigit(c)) ? c : '_'));

    private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var text = new StringBuilder();
        foreach ((string key, object? value) in tags)
        {
            string written = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            text.Append(text.Length > 0 ? "," : "").Append(Word(key)).Append("=\"").Append(written.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")).Append('"');
        }

        return text.ToString();
    }

    private sealed class Series(KeyValuePair<string, object?>[] tags, string labels, double[]? bounds, int nextOfHash)
    {
        public string Labels { get; } = labels;

        public int NextOfHash { get; } = nextOfHash;

        public bool IsOverflow { get; init; }

        public int Scrape { get; set; }

        /// <summary>The value; a histogram's sum.</summary>
        public double Value { get; set; }

        public long[]? Buckets { get; } = bounds is null ? null : new long[bounds.Length + 1];

        public void Record(double value, double[] bounds)
        {
            int at = 0;
            while (at < bounds.Length && value > bounds[at]) at++;
            Buckets![at]++;
            Value += value;
        }

        public bool Has(ReadOnlySpan<KeyValuePair<string, object?>> others)
        {
            if (IsOverflow || others.Length != tags.Length) return false;
            for (int i = 0; i < tags.Length; i++)
            {
                if (tags[i].Key != others[i].Key || !Equals(tags[i].Value, others[i].Value)) return false;
            }

            return true;
        }
    }
}
