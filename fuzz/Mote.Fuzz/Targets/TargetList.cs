// The targets by their names.
using Mote.Fuzz.Generation;
using Mote.Fuzz.Targets;

namespace Mote.Fuzz;

internal static class TargetList
{
    private static readonly Dictionary<string, Func<Options, Target>> s_all = new()
    {
        ["component"] = o => new MutatedComponents(Corpus.Load(o.Corpus)),
        ["echo"] = _ => new Echoes(),
        ["hostile"] = _ => new HostileGuests(),
        ["program"] = o => new Programs(Corpus.Load(o.Corpus)),
        ["plan"] = o => new Plans(Corpus.Load(o.Corpus)),
        ["wit"] = _ => new WitFiles(),
        ["wave"] = _ => new WaveTexts(),
        ["manifest"] = _ => new Manifests(),
        ["csv"] = _ => new CsvFiles(),
        ["wav"] = _ => new WavFiles(),
    };

    public static IReadOnlyList<string> Names { get; } = [.. s_all.Keys];

    public static Target Make(string name, Options options) => s_all.TryGetValue(name, out Func<Options, Target>? make) ? make(options) : throw new ArgumentException($"there is no target `{name}`");
}
