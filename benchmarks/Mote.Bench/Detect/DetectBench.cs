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
        string data = Datasets.Folder;
        SkabBench.Run(report, Path.Combine(data, "skab"));
        NabBench.Run(report, Path.Combine(data, "nab"), quick);
        CwruBench.Run(report, Path.Combine(data, "cwru-bearing"));
        FemtoBench.Run(report, Path.Combine(data, "femto-bearing"));
        return report;
    }

    /// <summary>A sample's manifest, with these values of its variables.</summary>
    public static AppManifest Sample(string name, params (string Name, string Value)[] variables) =>
        AppManifest.Load(Path.Combine(Datasets.Root, "samples", name), wanted => variables.FirstOrDefault(v => v.Name == wanted).Value);
}
