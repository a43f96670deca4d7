// Measures several things in turn, round after round: what disturbs the machine disturbs all of them.
using System.Diagnostics;

namespace Mote.Bench;

/// <summary>One thing to measure.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Run">Does it so many times.</param>
internal sealed record Subject(string Name, Action<long> Run);

/// <summary>Nanoseconds an operation, one value a round.</summary>
internal sealed class Samples(string name, IEnumerable<double> values)
{
    private readonly double[] _sorted = [.. values.Order()];

    public string Name => name;

    public double Median => _sorted.Length % 2 == 1 ? _sorted[_sorted.Length / 2] : (_sorted[(_sorted.Length / 2) - 1] + _sorted[_sorted.Length / 2]) / 2;

    public double Min => _sorted[0];

    public double Max => _sorted[^1];
}

internal static class Rounds
{
    /// <summary>Measures all subjects in each round; a subject's part of a round takes about this long.</summary>
    public static Dictionary<string, double[]> Measure(int rounds, TimeSpan slice, params Subject[] subjects)
    {
        var counts = new long[subjects.Length];
        for (int i = 0; i < subjects.Length; i++) counts[i] = Calibrate(subjects[i], slice);
        var results = subjects.ToDictionary(s => s.Name, _ => new double[rounds]);
        for (int r = 0; r < rounds; r++)
        {
            for (int i = 0; i < subjects.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                subjects[i].Run(counts[i]);
                results[subjects[i].Name][r] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / counts[i];
            }
        }

        return results;
    }

    /// <summary>Ratios of two subjects, round by round.</summary>
    public static Samples Ratio(string name, double[] a, double[] b) => new(name, a.Zip(b, (x, y) => x / y));

    private static long Calibrate(Subject subject, TimeSpan slice)
    {
        for (long n = 1; ; n *= 2)
        {
            long start = Stopwatch.GetTimestamp();
            subject.Run(n);
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            if (took >= slice / 4) return Math.Max(1, (long)(n * (slice / took)));
        }
    }
}
