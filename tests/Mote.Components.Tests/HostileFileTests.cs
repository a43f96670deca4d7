// Damaged files: every prefix and many flipped bits of valid components give success or a ComponentException, within
// bounds of time and memory.
using System.Diagnostics;
using System.Text;
using Mote.Components.Binary;
using Mote.Conformance;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class HostileFileTests
{
    /// <summary>Valid components from the scripts: of each script the largest ones.</summary>
    private static readonly Lazy<(string Name, byte[] File)[]> s_corpus = new(() => [.. Corpus()]);

    private static IEnumerable<(string Name, byte[] File)> Corpus()
    {
        foreach (string script in WastFiles.Find([Repository.Wast]))
        {
            byte[] source = File.ReadAllBytes(script);
            foreach (SExpr form in SExpr.ParseAll(source))
            {
                if (form.Head != "component" || form.Items!.Any(i => i.Atom is "binary" or "quote" or "instance")) continue;
                string text = Encoding.UTF8.GetString(source[form.Start..form.End]).Replace("(component definition", "(component");
                byte[] file;
                try
                {
                    file = Wat.ToWasm(text);
                }
                catch (WasmtimeException)
                {
                    continue; // an older form that only the runner accepts
                }

                yield return ($"{Path.GetRelativePath(Repository.Wast, script)}:{form.Line}", file);
            }
        }
    }

    [Fact]
    public void Corpus_IsValidAndBroad()
    {
        Assert.True(s_corpus.Value.Length >= 40, $"{s_corpus.Value.Length} components");
        foreach ((string name, byte[] file) in s_corpus.Value)
        {
            Assert.True(Try(file) is null, name);
        }
    }

    [Fact]
    public void Load_EveryPrefix_IsRefusedOrValid()
    {
        foreach ((string name, byte[] file) in s_corpus.Value)
        {
            int step = Seeds.Long ? 1 : Math.Max(1, file.Length / 300);
            for (int length = 0; length < file.Length; length += step)
            {
                Check(file[..length], () => $"{name}, the first {length} of {file.Length} bytes");
            }
        }
    }

    [Fact]
    public void Load_FlippedBits_IsRefusedOrValid()
    {
        int seed = Seeds.Of(41);
        var random = new Random(seed);
        foreach ((string name, byte[] file) in s_corpus.Value)
        {
            for (int n = Seeds.Times(400, 10_000); n > 0; n--)
            {
                byte[] damaged = [.. file];
                var flips = new List<string>();
                for (int f = random.Next(1, 4); f > 0; f--)
                {
                    int at = random.Next(damaged.Length), bit = random.Next(8);
                    damaged[at] ^= (byte)(1 << bit);
                    flips.Add($"{at}.{bit}");
                }

                Check(damaged, () => $"MOTE_SEED={seed}: {name} with bits {string.Join(' ', flips)} flipped");
            }
        }
    }

    [Fact]
    public void Load_BytesReplacedInsertedRemoved_IsRefusedOrValid()
    {
        byte[] nasty = [0, 1, 0x7f, 0x80, 0xff, 0x40, 0x41, 0x42, 0x70, 0x73, 0x0d];
        int seed = Seeds.Of(42);
        var random = new Random(seed);
        foreach ((string name, byte[] file) in s_corpus.Value)
        {
            for (int n = Seeds.Times(400, 10_000); n > 0; n--)
            {
                var damaged = new List<byte>(file);
                int at = random.Next(8, damaged.Count);
                int way = random.Next(4);
                switch (way)
                {
                    case 0:
                        damaged[at] = nasty[random.Next(nasty.Length)];
                        break;
                    case 1:
                        damaged.Insert(at, nasty[random.Next(nasty.Length)]);
                        break;
                    case 2:
                        damaged.RemoveAt(at);
                        break;
                    default:
                        byte[] part = [.. damaged.Skip(at).Take(random.Next(1, 40))];
                        damaged.InsertRange(random.Next(8, damaged.Count), part);
                        break;
                }

                int round = n;
                Check([.. damaged], () => $"MOTE_SEED={seed}: {name}, way {way} at {at}, round {round}");
            }
        }
    }

    /// <summary>Loads a file; whatever is wrong with it must be said in the one way, and soon.</summary>
    private static void Check(byte[] file, Func<string> name)
    {
        long memory = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        try
        {
            if (Try(file) is { } refused) Assert.True(refused.Kind == ComponentErrorKind.Link || refused.Offset is >= 0 && refused.Offset <= file.Length, $"{name()}: no offset in the file: {refused.Message}");
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"{name()}: {e}");
        }

        long used = GC.GetAllocatedBytesForCurrentThread() - memory;
        Assert.True(used < 64 << 20, $"{name()}: {used} bytes were allocated for a file of {file.Length}");
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        Assert.True(took < TimeSpan.FromSeconds(5), $"{name()}: took {took}");
    }

    private static ComponentException? Try(byte[] file)
    {
        try
        {
            Component.Load(file, Engines.Plain);
            return null;
        }
        catch (ComponentException e)
        {
            return e;
        }
    }

    // ---- files made to cost more than they weigh ----

    [Fact]
    public void Load_TypesThatDoubleEachTime_AreRefusedByTheirSize()
    {
        var text = new StringBuilder("(component (type $t0 (tuple u8 u8))");
        for (int i = 1; i < 64; i++) text.Append($"(type $t{i} (tuple $t{i - 1} $t{i - 1}))");
        text.Append(')');

        ComponentException? e = Try(Wat.ToWasm(text.ToString()));

        Assert.Equal(ComponentErrorKind.Invalid, e?.Kind);
    }

    [Fact]
    public void Load_InstancesThatDoubleEachTime_AreRefusedByTheirNumber()
    {
        var text = new StringBuilder("(component (component $c0 (core module $m) (core instance (instantiate $m)))");
        for (int i = 1; i < 40; i++)
        {
            text.Append($"(component $c{i} (alias outer 1 $c{i - 1} (component $c)) (instance (instantiate $c)) (instance (instantiate $c)))");
        }

        text.Append("(instance (instantiate $c39)))");

        ComponentException? e = Try(Wat.ToWasm(text.ToString()));

        Assert.NotNull(e);
        Assert.Contains("10000", e.Message.Replace(",", ""));
    }

    [Theory]
    [InlineData(50, true)]
    [InlineData(5000, false)]
    public void Load_ComponentsInsideComponents_AreRefusedByTheirDepth(int depth, bool accepted)
    {
        byte[] file = [0, (byte)'a', (byte)'s', (byte)'m', 0x0d, 0, 1, 0];
        for (int i = 0; i < depth; i++) file = [0, (byte)'a', (byte)'s', (byte)'m', 0x0d, 0, 1, 0, 4, .. Leb((uint)file.Length), .. file];

        ComponentException? e = Try(file);

        Assert.Equal(accepted, e is null);
        if (!accepted) Assert.Contains("nest", e!.Message);
    }

    [Fact]
    public void Load_InstanceTypesInsideInstanceTypes_AreRefusedByTheirDepth()
    {
        byte[] type = [0x42, 0];
        for (int i = 0; i < 3000; i++) type = [0x42, 1, 1, .. type];
        byte[] section = [1, .. type];

        ComponentException? e = Try([0, (byte)'a', (byte)'s', (byte)'m', 0x0d, 0, 1, 0, 7, .. Leb((uint)section.Length), .. section]);

        Assert.NotNull(e);
        Assert.Contains("nest", e.Message);
    }

    [Fact]
    public void Load_CountsBeyondTheFile_AllocateNothing()
    {
        foreach (byte section in (byte[])[2, 3, 5, 6, 7, 8, 10, 11])
        {
            byte[] body = Leb(999_999);
            long before = GC.GetAllocatedBytesForCurrentThread();
            ComponentException? e = Try([0, (byte)'a', (byte)'s', (byte)'m', 0x0d, 0, 1, 0, section, .. Leb((uint)body.Length), .. body]);

            Assert.Equal(ComponentErrorKind.Malformed, e?.Kind);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, $"section {section}");
        }
    }

    private static byte[] Leb(uint value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7) bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
