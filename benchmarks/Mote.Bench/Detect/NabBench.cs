// The Numenta Anomaly Benchmark: streams of one value, labelled windows, one threshold for all. As for every detector
// there, a stream's first 15 % (at most 750 rows) are for learning.
using System.Globalization;
using System.Text.Json;
using Mote.Cli.Scoring;
using Mote.Packaging;

namespace Mote.Bench.Detect;

internal static class NabBench
{
    /// <summary>Published detectors that look at distances and densities of recent values, without a model that is trained.</summary>
    private static readonly string[] s_simple = ["knncad", "relativeEntropy", "randomCutForest", "twitterADVec", "windowedGaussian", "skyline", "bayesChangePt", "expose"];

    public static void Run(Report report, string folder, bool quick)
    {
        string data = Datasets.Need(Path.Combine(folder, "data"));
        string[] files = [.. Directory.GetFiles(data, "*.csv", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(data, f)).Order(StringComparer.Ordinal)];
        using JsonDocument labels = JsonDocument.Parse(File.ReadAllBytes(Datasets.Need(Path.Combine(folder, "labels", "combined_windows.json"))));
        using var run = new DetectorRun(DetectBench.Sample("05-water-pump"));
        var results = new Dictionary<string, NabResult>();
        for (int i = 0; i < files.Length; i++)
        {
            // The quick run leaves out the streams that the parameters were chosen on.
            if (!quick || i % 2 == 1) results[files[i]] = Score(run, Path.Combine(data, files[i]), $"pump/{files[i]}", labels.RootElement.GetProperty(files[i]));
        }

        string[] held = [.. files.Where((_, i) => i % 2 == 1)];
        var published = File.ReadLines(Datasets.Need(Path.Combine(folder, "published_standard_scores_per_file.csv"))).Skip(1).Select(l => l.Split(','))
            .Select(f => (Detector: f[0], File: f[1], Raw: double.Parse(f[3], CultureInfo.InvariantCulture))).ToArray();
        (string Name, double Score) best = s_simple.Select(d => (d, PublishedOf(d, held))).MaxBy(d => d.Item2);
        report.Note($"nab: best of the simple published detectors ({string.Join(", ", s_simple)}) on the same streams: {best.Name}");
        report.Key("nab_standard", Of(held), best.Score, atLeast: true);
        report.Key("nab_standard_best_simple_published", best.Score);
        foreach (string d in new[] { "windowedGaussian", "numenta", "contextOSE", "ARTime" }) report.Key($"nab_standard_{d}", PublishedOf(d, held));
        report.Key("nab_windows", held.Sum(f => results[f].Windows));
        report.Key("nab_windows_missed", held.Sum(f => results[f].Missed));
        report.Key("nab_false_positives", held.Sum(f => results[f].FalsePositives));
        if (quick) return;
        report.Key("nab_standard_where_chosen", Of([.. files.Except(held)]));
        report.Key("nab_standard_all_streams", Of(files));

        double Of(string[] some) => NabScore.Normalize(some.Sum(f => results[f].Raw), some.Sum(f => results[f].Windows), NabProfile.Standard);

        double PublishedOf(string detector, string[] some) => NabScore.Normalize(
            published.Where(p => p.Detector == detector && some.Contains(p.File)).Sum(p => p.Raw), some.Sum(f => results[f].Windows), NabProfile.Standard);
    }

    private static NabResult Score(DetectorRun run, string path, string topic, JsonElement labels)
    {
        string[] times = [.. File.ReadLines(path).Skip(1).Select(l => l[..l.IndexOf(',')])];
        AppManifest app = DetectBench.Sample("05-water-pump", ("series_learn", NabScore.Probation(times.Length).ToString(CultureInfo.InvariantCulture)));
        using DetectorRun.Session session = run.Open(app);
        var detected = new bool[times.Length];
        var alarm = new AlarmState();
        int row = 0;
        foreach (LabelledRow r in LabelledTable.Read(path, null, [])) detected[row++] = alarm.After(session.Give(topic, r.Message, "application/json"));
        if (row != times.Length) throw new MissingException($"{path}: an empty line among the rows");
        return NabScore.Of(detected, [.. labels.EnumerateArray().Select(w => (IndexOf(w[0]), IndexOf(w[1])))], NabProfile.Standard);

        // The labels have microseconds, the rows do not.
        int IndexOf(JsonElement time) => Array.IndexOf(times, time.GetString()!.Split('.')[0]) is >= 0 and int at ? at : throw new MissingException($"{path} has no row at {time.GetString()}, where a label is");
    }
}
