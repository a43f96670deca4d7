// The samples' detectors on public data sets, scored as those sets score. What runs is the component itself.
// Parameters were chosen on a part of each set (of SKAB and NAB every second file, the first, the third, ..., in the order
// of their names) and the keys are of the rest. ../shared/datasets has the data and is no part of the project.
using Mote.Packaging;

namespace Mote.Bench.Detect;

internal static class DetectBench
{
    public static Report Run(bool quick)
    {
        var report = new Report("detect", 1);
        string data = Environment.GetEnvironmentVariable("MOTE_DATASETS") is { Length: > 0 } d ? d : Path.Combine(Root, "..", "shared", "datasets");
        if (!Directory.Exists(data)) throw new MissingException($"the data sets are not here: {Path.GetFullPath(data)} is missing (MOTE_DATASETS=DIR names another folder)");
        SkabBench.Run(report, Path.Combine(data, "skab"));
        NabBench.Run(report, Path.Combine(data, "nab"), quick);
        CwruBench.Run(report, Path.Combine(data, "cwru-bearing"));
        FemtoBench.Run(report, Path.Combine(data, "femto-bearing"));
        return report;
    }

    /// <summary>The project's folder.</summary>
    public static string Root => Environment.GetEnvironmentVariable("MOTE_BENCH_ROOT") is { Length: > 0 } root ? root : throw new MissingException("MOTE_BENCH_ROOT is missing: run ./bench, which sets it");

    /// <summary>A sample's manifest, with these values of its variables.</summary>
    public static AppManifest Sample(string name, params (string Name, string Value)[] variables) =>
        AppManifest.Load(Path.Combine(Root, "samples", name), wanted => variables.FirstOrDefault(v => v.Name == wanted).Value);

    /// <summary>A data set's file.</summary>
    public static string Need(string path) => File.Exists(path) || Directory.Exists(path) ? path : throw new MissingException($"a data set is not whole: {path} is missing");
}
