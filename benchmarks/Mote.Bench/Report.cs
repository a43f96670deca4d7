// The table for people, and with --json one object for programs as the last line.
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mote.Bench;

/// <summary>Results of one benchmark.</summary>
internal sealed class Report(string name, int rounds)
{
    private readonly List<(string Key, Samples Samples, string Unit)> _metrics = [];
    private readonly List<(string Key, double Value, double? Target, bool AtLeast)> _keys = [];
    private readonly List<string> _notes = [];

    /// <summary>A measured value: median, least and greatest of its rounds.</summary>
    public void Metric(string key, IEnumerable<double> values, string unit = "ns") => _metrics.Add((key, new Samples(key, values), unit));

    /// <summary>A key of BENCHMARKS.md, with its target where it has one.</summary>
    public void Key(string key, double value, double? target = null, bool atLeast = false) => _keys.Add((key, value, target, atLeast));

    /// <summary>A line for people.</summary>
    public void Note(string line) => _notes.Add(line);

    public void Print(TextWriter to)
    {
        to.WriteLine($"{name}: {rounds} rounds");
        foreach ((string key, Samples s, string unit) in _metrics) to.WriteLine($"  {key,-42} {Show(s.Median, unit),12}   ({Show(s.Min, unit)} to {Show(s.Max, unit)})");
        foreach ((string key, double value, double? target, bool atLeast) in _keys)
        {
            string verdict = target is not { } t ? "" : $"   target {(atLeast ? ">=" : "<=")} {t.ToString("0.####", CultureInfo.InvariantCulture)}: {((atLeast ? value >= t : value <= t) ? "met" : "MISSED")}";
            to.WriteLine($"  {key,-42} {value.ToString("0.###", CultureInfo.InvariantCulture),12}{verdict}");
        }

        foreach (string line in _notes) to.WriteLine($"  {line}");
    }

    public string Json()
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteNumber("rounds", rounds);
            foreach ((string key, Samples s, string unit) in _metrics)
            {
                json.WriteStartObject($"{key}_{unit}");
                json.WriteNumber("median", Math.Round(s.Median, 3));
                json.WriteNumber("min", Math.Round(s.Min, 3));
                json.WriteNumber("max", Math.Round(s.Max, 3));
                json.WriteEndObject();
            }

            foreach ((string key, double value, _, _) in _keys) json.WriteNumber(key, Math.Round(value, 4));
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static string Show(double value, string unit)
    {
        if (unit != "ns") return $"{value.ToString("0.##", CultureInfo.InvariantCulture)} {unit}";
        return value >= 1e6 ? $"{(value / 1e6).ToString("0.00", CultureInfo.InvariantCulture)} ms"
            : value >= 1e3 ? $"{(value / 1e3).ToString("0.00", CultureInfo.InvariantCulture)} µs"
            : $"{value.ToString("0.0", CultureInfo.InvariantCulture)} ns";
    }
}
