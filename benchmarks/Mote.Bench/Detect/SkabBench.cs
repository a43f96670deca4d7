// The Skoltech Anomaly Benchmark: a pump's sensors with a fault in each file. The first 400 rows of a file are for
// learning; counts of the other rows are pooled over all files.
using System.Globalization;
using Mote.Cli.Scoring;
using Mote.Packaging;

namespace Mote.Bench.Detect;

internal static class SkabBench
{
    private const int Learn = 400;

    public static void Run(Report report, string folder)
    {
        string[] files = [.. new[] { "valve1", "valve2", "other" }.SelectMany(d => Directory.GetFiles(Datasets.Need(Path.Combine(folder, d)), "*.csv").Select(f => $"{d}/{Path.GetFileName(f)}").Order(StringComparer.Ordinal))];
        AppManifest app = DetectBench.Sample("05-water-pump", ("learn", Learn.ToString(CultureInfo.InvariantCulture)));
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        Confusion chosen = default, held = default;
        for (int i = 0; i < files.Length; i++)
        {
            Confusion c = Score(session, Path.Combine(folder, files[i]), $"pump/{files[i]}");
            if (i % 2 == 0) chosen += c;
            else held += c;
        }

        // The best of the published methods on the same files.
        (string Name, double F1) best = Published(Datasets.Need(Path.Combine(folder, "published_outlier_per_file.csv")), [.. files.Where((_, i) => i % 2 == 1)]);
        (string Name, double F1) bestOfAll = Published(Path.Combine(folder, "published_outlier_per_file.csv"), files);
        report.Note($"skab: best published on the same files: {best.Name}; on all files: {bestOfAll.Name}");
        report.Key("skab_f1", held.F1, best.F1, atLeast: true);
        report.Key("skab_f1_best_published", best.F1);
        report.Key("skab_false_alarm_rate", held.FalseAlarmRate);
        report.Key("skab_missed_alarm_rate", held.MissedAlarmRate);
        report.Key("skab_f1_where_chosen", chosen.F1);
        report.Key("skab_f1_all_files", (chosen + held).F1, bestOfAll.F1, atLeast: true);
        report.Key("skab_f1_all_files_best_published", bestOfAll.F1);
    }

    private static Confusion Score(DetectorRun.Session session, string path, string topic)
    {
        var alarm = new AlarmState();
        Confusion counts = default;
        int row = 0;
        foreach (LabelledRow r in LabelledTable.Read(path, "anomaly", ["changepoint"]))
        {
            bool now = alarm.After(session.Give(topic, r.Message, "application/json"));
            if (row++ >= Learn) counts = counts.Add(r.Anomaly, now);
        }

        return counts;
    }

    private static (string Name, double F1) Published(string path, string[] files)
    {
        return File.ReadLines(path).Skip(1).Select(l => l.Split(',')).Where(f => files.Contains(f[1]))
            .GroupBy(f => f[0], f => new Confusion(Number(f[2]), Number(f[3]), Number(f[4]), Number(f[5])))
            .Select(g => (g.Key, g.Aggregate((a, b) => a + b).F1)).MaxBy(g => g.F1);

        static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
    }
}
