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
        ["host"] = _ => new HostInterfaces(),
        ["plan"] = o => new Plans(Corpus.Load(o.Corpus)),
        ["wit"] = _ => new WitFiles(),
        ["wave"] = _ => new WaveTexts(),
        ["manifest"] = _ => new Manifests(),
        ["oci"] = _ => new Artifacts(),
        ["csv"] = _ => new CsvFiles(),
        ["wav"] = _ => new WavFiles(),
        ["age"] = _ => new AgeFiles(),
    };

    /// <summary>Inputs below a number end the process; the fuzzer's own tests use it.</summary>
    public const string CrashForTests = "crash";

    /// <summary>See <see cref="CrashForTests"/>.</summary>
    public const byte CrashBelow = 50;

    public static IReadOnlyList<string> Names { get; } = [.. s_all.Keys];

    public static Target Make(string name, Options options) => name == CrashForTests ? new Crash() : s_all.TryGetValue(name, out Func<Options, Target>? make) ? make(options) : throw new ArgumentException($"there is no target `{name}`");

    private sealed class Crash : Target
    {
        public override string Name => CrashForTests;

        public override byte[] Make(Random random) => [(byte)random.Next(256)];

        public override Outcome Run(byte[] input)
        {
            if (input[0] < CrashBelow) Environment.FailFast("on purpose");
            return Outcome.Accepted;
        }
    }
}
