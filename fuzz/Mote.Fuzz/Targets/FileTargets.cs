// Binary and tabular files that are no wasm: stored plans, recorded tables and sounds.
using System.Text;
using Mote.Cli;
using Mote.Cli.Simulation;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Fuzz.Generation;
using Mote.Wasmtime;

namespace Mote.Fuzz.Targets;

/// <summary>Stored plans. Only authenticated ones are ever read; a torn one must still be an error.</summary>
internal sealed class Plans : Target
{
    private readonly List<byte[]> _plans = [];

    public Plans(Corpus corpus)
    {
        using var engine = new Engine(new EngineOptions { ParallelCompilation = false, Optimization = OptimizationLevel.None });
        IEnumerable<byte[]> made = Enumerable.Range(0, 12).Select(i => Wat.ToWasm(EchoComponent.Make(new Random(i))));
        foreach (byte[] file in corpus.Components.Concat(made))
        {
            try
            {
                _plans.Add(PlanWriter.Write(Component.Load(file, engine).Plan));
            }
            catch (ComponentException)
            {
                // The corpus has invalid ones too.
            }
        }
    }

    public override string Name => "plan";

    public override string Extension => "plan";

    public override byte[] Make(Random random)
    {
        var mutator = new Mutator(random, _plans);
        byte[] bytes = random.From(_plans);
        for (int n = random.Next(1, 5); n > 0; n--) bytes = mutator.Bytes(bytes);
        return random.Once(10) ? bytes[..random.Next(bytes.Length + 1)] : bytes;
    }

    public override Outcome Run(byte[] input)
    {
        try
        {
            Plan plan = PlanReader.Read(input);
            PlanWriter.Write(plan);
            return Outcome.Accepted;
        }
        catch (InvalidDataException)
        {
            return Outcome.Refused;
        }
    }
}

/// <summary>What `mote simulate` replays; the messages of a file are read to the end.</summary>
internal abstract class Replays : Target
{
    private const int MaxMessages = 100_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("mote-fuzz-").FullName;

    public override Outcome Run(byte[] input)
    {
        string file = Path.Combine(_folder, $"replay.{Extension}");
        File.WriteAllBytes(file, input);
        try
        {
            return Messages(file).Take(MaxMessages).Count() > 0 ? Outcome.Accepted : Outcome.Refused;
        }
        catch (CliException e)
        {
            Require(e.ExitCode == ExitCode.BadInput && !e.Message.Contains('\n'), $"{e.ExitCode}: {e.Message}");
            return Outcome.Refused;
        }
    }

    private protected abstract IEnumerable<SimulatedMessage> Messages(string file);

    public override void Dispose() => Directory.Delete(_folder, recursive: true);
}

/// <summary>CSV.</summary>
internal sealed class CsvFiles : Replays
{
    private static readonly string[] s_words = [",", ";", "\t", "\n", "\r\n", "\r", "\"", "\"\"", "1", "-1.5e3", "NaN", "inf", "1,5", "2024-01-01T00:00:00Z", "time", "a", "\"a,b\"", " ", "0x10", "1e999"];

    public override string Name => "csv";

    public override string Extension => "csv";

    public override byte[] Make(Random random)
    {
        char separator = random.Pick(',', ';', '\t');
        int columns = random.Next(1, 8);
        var text = new StringBuilder().AppendJoin(separator, Enumerable.Range(0, columns).Select(i => random.Pick($"c{i}", "time", "temp [°C]", "\"x y\"", ""))).Append('\n');
        for (int row = random.Next(6); row > 0; row--) text.AppendJoin(separator, Enumerable.Range(0, columns).Select(_ => random.From(s_words))).Append(random.Pick("\n", "\r\n"));
        string all = text.ToString();
        return Encoding.UTF8.GetBytes(random.Once(4) ? all : new Mutator(random, []).Text(all, s_words));
    }

    private protected override IEnumerable<SimulatedMessage> Messages(string file) => new CsvReplay(file, 1000, [], "plant", DateTimeOffset.UnixEpoch).Messages();
}

/// <summary>WAV.</summary>
internal sealed class WavFiles : Replays
{
    public override string Name => "wav";

    public override string Extension => "wav";

    public override byte[] Make(Random random)
    {
        var file = new MemoryStream();
        var w = new BinaryWriter(file);
        int channels = random.Pick(1, 2, 8), bits = random.Pick(16, 16, 16, 8, 24, 32), samples = random.Next(400);
        w.Write("RIFF"u8);
        w.Write(random.Pick(0, 36 + samples, -1));
        w.Write("WAVE"u8);
        if (random.Once(4))
        {
            w.Write("LIST"u8);
            w.Write(5);
            w.Write("hello\0"u8);
        }

        w.Write("fmt "u8);
        w.Write(16);
        w.Write(random.Pick<short>(1, 1, 1, -2, 3));
        w.Write((short)channels);
        w.Write(random.Pick(44100, 8000, -1, 0));
        w.Write(0);
        w.Write((short)0);
        w.Write((short)bits);
        w.Write("data"u8);
        w.Write(random.Pick(samples, samples, -1, int.MaxValue));
        w.Write(new byte[samples]);
        byte[] bytes = file.ToArray();
        var mutator = new Mutator(random, []);
        for (int n = random.Next(4); n > 0; n--) bytes = mutator.Bytes(bytes);
        return bytes;
    }

    private protected override IEnumerable<SimulatedMessage> Messages(string file) => new WavReplay(file, 16, 1000, "plant").Messages();
}
