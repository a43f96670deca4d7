// The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015, and the corpus' own sweeper): early detections in a
// labelled window count most, each detection outside costs, the more the further it is from a window that has ended.
namespace Mote.Cli.Scoring;

/// <summary>What a hit, a miss and a false alarm are worth.</summary>
/// <param name="TruePositive">Of a detection at a window's first row.</param>
/// <param name="FalseNegative">Of a window without one, taken away.</param>
/// <param name="FalsePositive">Of a detection far from any window, taken away.</param>
internal readonly record struct NabProfile(double TruePositive, double FalseNegative, double FalsePositive)
{
    /// <summary>The standard profile.</summary>
    public static NabProfile Standard { get; } = new(1, 1, 0.11);
}

/// <summary>A stream's score and how many detections were outside.</summary>
internal readonly record struct NabResult(double Raw, int Windows, int Missed, int FalsePositives);

internal static class NabScore
{
    /// <summary>Rows at a stream's beginning that are not scored: 15 %, at most those of 5,000 rows.</summary>
    public static int Probation(int rows) => Math.Min((int)Math.Floor(0.15 * rows), 750);

    /// <summary>Between 1 (long before) and -1 (long after), 0 at a window's end.</summary>
    private static double Sigmoid(double position) => position > 3 ? -1 : (2 / (1 + Math.Exp(5 * position))) - 1;

    /// <summary>Scores the detections of one stream.</summary>
    /// <param name="detected">For each row, whether the detector said so.</param>
    /// <param name="windows">First and last row of each labelled window, in order, not overlapping.</param>
    /// <param name="profile">What counts how much.</param>
    public static NabResult Of(ReadOnlySpan<bool> detected, IReadOnlyList<(int First, int Last)> windows, NabProfile profile)
    {
        int probation = Probation(detected.Length), next = 0, outside = 0;
        double sum = 0;
        var best = new double[windows.Count];
        Array.Fill(best, -profile.FalseNegative);
        for (int i = 0; i < detected.Length; i++)
        {
            while (next < windows.Count && i > windows[next].Last) next++;
            if (!detected[i] || i < probation) continue;
            if (next < windows.Count && i >= windows[next].First)
            {
                // Only a window's best detection counts, which is its first.
                (int first, int last) = windows[next];
                double position = -(double)(last - i + 1) / (last - first + 1);
                best[next] = Math.Max(best[next], Sigmoid(position) / Sigmoid(-1) * profile.TruePositive);
                continue;
            }

            outside++;
            double distance = double.PositiveInfinity;
            // In multiples of the window before; where there is none, it counts in full.
            if (next > 0) distance = (double)(i - windows[next - 1].Last) / (windows[next - 1].Last - windows[next - 1].First);
            sum += Sigmoid(distance) * profile.FalsePositive;
        }

        return new NabResult(sum + best.Sum(), windows.Count, best.Count(b => b == -profile.FalseNegative), outside);
    }

    /// <summary>0 for a detector that finds nothing and says nothing, 100 for one that finds each window at its first row.</summary>
    public static double Normalize(double raw, int windows, NabProfile profile)
    {
        double none = -profile.FalseNegative * windows, all = profile.TruePositive * windows;
        return 100 * (raw - none) / (all - none);
    }
}
