// Parsers of text: WIT, WAVE, manifests and node configurations.
using System.Text;
using Mote.Bindings.C;
using Mote.Components;
using Mote.Components.Abi;
using Mote.Components.Types;
using Mote.Components.Wave;
using Mote.Fuzz.Generation;
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Wit;

namespace Mote.Fuzz.Targets;

/// <summary>WIT: mutated files; what resolves is made into C as well.</summary>
internal sealed class WitFiles : Target
{
    private static readonly string[] s_words =
        [.. "package interface world import export use type record variant enum flags resource func static constructor own<r> borrow<r> list<u8> list<u8, 4> option<u8> result result<_, u8> tuple<u8> map<u8, u8> string char f32 include with as async stream<u8> future error-context @since(version = 1.0.0) @unstable(feature = x) @deprecated(version = 1.0.0) ns:pkg/iface@1.2.3 { } ( ) < > list< tuple< option< result<_, , ; : . / -> = % % 0x _ %list id a-b".Split(' ')];

    private readonly string[] _texts = [.. Corpus.Texts("*.wit")];

    public override string Name => "wit";

    /// <summary>A package's name is part of many names in C.</summary>
    public override long AllocationBound(byte[] input) => (64L << 20) + (64L * 1024 * input.Length);

    public override string Extension => "wit";

    public override byte[] Make(Random random) => Encoding.UTF8.GetBytes(new Mutator(random, []).Text(random.From(_texts), s_words));

    public override Outcome Run(byte[] input)
    {
        try
        {
            WitResolve resolved = WitResolver.Resolve([("fuzz.wit", Encoding.UTF8.GetString(input))], ["x"]);
            foreach (WitWorld world in resolved.Packages.SelectMany(p => p.Worlds))
            {
                try
                {
                    CBindings.Generate(world, new CBindingsOptions());
                }
                catch (CBindingsException)
                {
                }
            }

            return Outcome.Accepted;
        }
        catch (WitException e)
        {
            Require(e.Line >= 1 && e.Column >= 1, $"no place: {e.Message}");
            return Outcome.Refused;
        }
    }
}

/// <summary>WAVE: the first line of an input chooses the type, the rest is the text of a value.</summary>
internal sealed class WaveTexts : Target
{
    private static readonly string[] s_words = ["{", "}", "[", "]", "(", ")", "[[", "some(some(", "{f0:", ",", ":", "true", "false", "some(", "none", "ok", "err(", "inf", "-inf", "nan", "0", "-1", "1.5e3", "'a'", "\"\\u{1f980}\"", "\"\"\"", "%true", "f0", "c1(", "e2", "b3", "_", " ", "//x\n"];

    public override string Name => "wave";

    public override byte[] Make(Random random)
    {
        int seed = random.Next(100_000);
        ValType type = Type(new Random(seed), 3);
        string text = WaveWriter.Write(new RandomValues(random, _ => null).Next(type));
        return Encoding.UTF8.GetBytes($"{seed}\n{(random.Once(8) ? text : new Mutator(random, []).Text(text, s_words))}");
    }

    public override Outcome Run(byte[] input)
    {
        string[] parts = Encoding.UTF8.GetString(input).Split('\n', 2);
        ValType type = Type(new Random(int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture)), 3);
        try
        {
            Value value = WaveReader.Read(parts[1], type);
            Require(ValueCheck.Check(type, value) is null, $"{type}: what was read is not of it: {ValueCheck.Check(type, value)}");
            string text = WaveWriter.Write(value);
            Require(WaveReader.Read(text, type).Equals(value), $"{type}: read, written as {text}, and read differently");
            return Outcome.Accepted;
        }
        catch (WaveException e)
        {
            Require(e.Position >= 0 && e.Position <= parts[1].Length, $"the place {e.Position} is outside of the text: {e.Message}");
            return Outcome.Refused;
        }
    }

    private static ValType Type(Random random, int depth) => (depth == 0 ? 0 : random.Next(11)) switch
    {
        1 => new ListType(Type(random, depth - 1)),
        2 => new ListType(Type(random, depth - 1), (uint)random.Next(1, 5)),
        3 => new TupleType(Some(random, depth)),
        4 => new RecordType([.. Some(random, depth).Select((t, i) => new RecordField($"f{i}", t))]),
        5 => new VariantType([.. Some(random, depth).Select((t, i) => new VariantCase(random.Once(3) ? random.Pick("true", "none", "ok", "inf", "nan") + i : $"c{i}", random.Once(3) ? null : t))]),
        6 => new EnumType(["e0", "e1", "true", "inf"]),
        7 => new FlagsType(["b0", "b1", "b2", "b3"]),
        8 => new OptionType(Type(random, depth - 1)),
        9 => new ResultType(random.Once(3) ? null : Type(random, depth - 1), random.Once(3) ? null : Type(random, depth - 1)),
        10 => new MapType(PrimitiveType.Of(PrimitiveKind.String), Type(random, depth - 1)),
        _ => PrimitiveType.Of((PrimitiveKind)random.Next((int)PrimitiveKind.String + 1)),
    };

    private static ValType[] Some(Random random, int depth) => [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Type(random, depth - 1))];
}

/// <summary>mote.toml and node.toml: every input is read as both.</summary>
internal sealed class Manifests : Target
{
    private static readonly string[] s_words =
    [
        "[", "]", "[[", "]]", "[[[[", "{a={", "{", "}", "=", ",", ".", "\n", "\"", "'''", "\"\"\"", "#", "mote", "app", "[app]", "[component.filter]", "[component.filter.grants]", "[component.filter.limits]", "[[trigger.mqtt]]", "[variables]",
        "name", "version", "topic", "component", "source", "instance", "memory", "time", "concurrency", "queue", "true", "false", "1", "-1", "0x7fffffffffffffff", "1e400", "inf", "nan", "1979-05-27T07:32:00Z", "\"16MiB\"", "\"50ms\"", "\"99999999999999GiB\"", "{{ window }}", "{{", "\"plant/#\"", "\"#/x\"", "../../x",
    ];

    private readonly string[] _texts = [.. Corpus.Texts("*.toml")];
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-fuzz-").FullName;

    public override string Name => "manifest";

    public override string Extension => "toml";

    public override byte[] Make(Random random) => Encoding.UTF8.GetBytes(new Mutator(random, []).Text(random.From(_texts), s_words));

    public override Outcome Run(byte[] input)
    {
        string file = Path.Combine(_folder, "mote.toml");
        File.WriteAllBytes(file, input);
        bool accepted = Reads(() => AppManifest.Load(file, _ => "value")) | Reads(() => NodeConfig.Load(file, new NodeConfig()));
        return accepted ? Outcome.Accepted : Outcome.Refused;
    }

    private static bool Reads(Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (ConfigException e)
        {
            Require(!e.Message.Contains('\n'), $"more than one line: {e.Message}");
            return false;
        }
    }

    public override void Dispose() => Directory.Delete(_folder, recursive: true);
}
