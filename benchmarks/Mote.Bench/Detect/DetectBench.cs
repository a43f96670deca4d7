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
        Ped2Bench.Run(report, Path.Combine(data, "ucsd-ped2"));
        CdnetBench.Run(report, Path.Combine(data, "cdnet-highway"));
        PetsBench.Run(report, Path.Combine(data, "pets-vtest"));
        return report;
    }

    /// <summary>A sample's manifest, with these values of its variables.</summary>
    public static AppManifest Sample(string name, params (string Name, string Value)[] variables) =>
        AppManifest.Load(Path.Combine(Datasets.Root, "samples", name), wanted => variables.FirstOrDefault(v => v.Name == wanted).Value);

    /// <summary>The camera's sample, which may publish on the topics that it uses for tests alone, as much as it likes, with these values of its component's variables.</summary>
    public static AppManifest Camera(params (string Name, string Value)[] variables)
    {
        AppManifest app = Sample("06-smart-camera");
        ComponentManifest c = app.Components[0];
        return With(app with { Components = [c with { Grants = c.Grants with { Publish = [.. c.Grants.Publish, "boxes", "mask"] }, Limits = c.Limits with { Egress = null } }] }, variables);
    }

    /// <summary>An app of one component, with these values of its variables in place of the manifest's.</summary>
    public static AppManifest With(AppManifest app, params (string Name, string Value)[] variables)
    {
        ComponentManifest c = app.Components[0];
        var all = new Dictionary<string, string>(c.Grants.Variables);
        foreach ((string name, string value) in variables) all[name] = value;
        return app with { Components = [c with { Grants = c.Grants with { Variables = all } }] };
    }
}
