// Texts made to break a parser: cut off, mutated, nested, cyclic. Only ever a WitException, and soon.
using System.Diagnostics;
using System.Text;

namespace Mote.Wit.Tests;

public sealed class HostileTests
{
    private static readonly bool s_long = Environment.GetEnvironmentVariable("MOTE_LONG") == "1";
    private static readonly int? s_seed = int.TryParse(Environment.GetEnvironmentVariable("MOTE_SEED"), out int seed) ? seed : null;

    /// <summary>Tokens that mean something to the grammar, to put where they do not belong.</summary>
    private static readonly string[] s_tokens =
    [
        "package", "interface", "world", "use", "import", "export", "include", "with", "as", "type", "record", "variant", "enum", "flags", "resource",
        "constructor", "static", "async", "func", "list", "map", "option", "result", "tuple", "own", "borrow", "stream", "future", "u8", "string", "x", "y", "%x",
        "{", "}", "(", ")", "<", ">", ":", ";", ",", ".", "=", "@", "/", "_", "->", "-", "+", "*", "0", "1.0.0", "4294967296", "@since(version = 1.0.0)", "@unstable(feature = x)",
        "//", "///", "/*", "*/", "\n", "\r", "\ufeff", "\0", "\u00e9", "\ud83e",
    ];

    private static List<string> Corpus => [Own, .. Repository.Hosted.Select(f => f.Text)];

    private const string Own = """
        package a:b@1.0.0-rc.1+x;
        use c:d/e@0.2.0 as f;
        package c:d@0.2.0 { interface e { type t = u8; resource r { constructor(x: t); m: func() -> r; s: static func(b: borrow<r>); } } world w { export go: func(); } }
        /// docs
        @since(version = 1.0.0)
        interface i {
          use f.{t, r as q};
          record p { a: t, b: list<q>, %type: option<string> }
          variant v { a, b(p), c(tuple<u8, list<s8, 4>>) }
          enum e { x, y }
          flags g { l, m, n }
          type z = map<string, result<_, v>>;
          @unstable(feature = x)
          h: async func(a: z, b: stream<u8>, c: future) -> result<p, e>;
        }
        world w2 {
          include c:d/w@0.2.0 with { go as went }
          import i; import j: func(a: u8) -> string; import k: interface { use f.{t}; l: func() -> t; }
          export i;
          record loc { a: u8 } resource res { constructor(); }
        }
        """;

    [Fact]
    public void Own_Text_IsValid()
    {
        string once = WitText.Of(WitResolver.Resolve([("a.wit", Own)], ["x"]));
        Assert.Contains("async func", once);
        Assert.Equal(once, WitText.Of(WitResolver.Resolve([("a.wit", once)])));
    }

    [Fact]
    public void Resolve_EveryPrefix_IsRefusedOrValid()
    {
        for (int length = 0; length < Own.Length; length++)
        {
            int n = length;
            Check(Own[..length], () => $"the first {n} characters");
        }

        foreach (string text in Corpus)
        {
            for (int length = 0; length < text.Length; length += s_long ? 1 : 37)
            {
                int n = length;
                Check(text[..length], () => $"the first {n} characters of {text[..40]}");
            }
        }
    }

    [Fact]
    public void Resolve_MutatedTokens_IsRefusedOrValid()
    {
        int seed = s_seed ?? 5;
        var random = new Random(seed);
        foreach (string text in Corpus)
        {
            string[] parts = Split(text);
            int rounds = s_long ? 20_000 : text == Own ? 8000 : 300;
            for (int n = 0; n < rounds; n++)
            {
                var mutated = new List<string>(parts);
                for (int m = random.Next(1, 4); m > 0; m--)
                {
                    int at = random.Next(mutated.Count);
                    switch (random.Next(5))
                    {
                        case 0:
                            mutated.Insert(at, s_tokens[random.Next(s_tokens.Length)]);
                            break;
                        case 1:
                            mutated.RemoveAt(at);
                            break;
                        case 2:
                            mutated[at] = s_tokens[random.Next(s_tokens.Length)];
                            break;
                        case 3:
                            (mutated[at], mutated[0]) = (mutated[0], mutated[at]);
                            break;
                        default:
                            mutated.InsertRange(at, [.. mutated.Skip(random.Next(mutated.Count)).Take(6)]);
                            break;
                    }
                }

                string result = string.Join(' ', mutated);
                int round = n;
                Check(result, () => $"MOTE_SEED={seed}, round {round}:\n{result}");
            }
        }
    }

    [Theory]
    [InlineData("list<", ">")]
    [InlineData("option<", ">")]
    [InlineData("tuple<u8, ", ">")]
    [InlineData("result<_, ", ">")]
    [InlineData("map<u8, ", ">")]
    public void Resolve_TypesNestedWithoutEnd_AreRefused(string open, string close)
    {
        string nested = string.Concat(Enumerable.Repeat(open, 100_000)) + "u8" + string.Concat(Enumerable.Repeat(close, 100_000));
        WitException e = Assert.Throws<WitException>(() => WitResolver.Resolve([("a.wit", $"package a:b; interface i {{ type t = {nested}; }}")]));
        Assert.Contains("inside one another", e.Reason);

        string some = string.Concat(Enumerable.Repeat(open, 50)) + "u8" + string.Concat(Enumerable.Repeat(close, 50));
        WitResolver.Resolve([("a.wit", $"package a:b; interface i {{ type t = {some}; }}")]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Resolve_LongChainsOfNames_AreRefusedOrResolved(bool backwards)
    {
        const int Count = 20_000;
        IEnumerable<string> types = Enumerable.Range(1, Count).Select(n => n % 2 == 0 ? $"type t{n} = t{n - 1};" : $"type t{n} = option<t{n - 1}>;");
        IEnumerable<string> aliases = Enumerable.Range(1, Count).Select(n => $"type t{n} = t{n - 1};");
        foreach (IEnumerable<string> chain in new[] { types, aliases })
        {
            string text = string.Concat(backwards ? chain.Reverse() : chain);
            Check($"package a:b; interface i {{ type t0 = u8; {text} f: func(x: t{Count}); }}", () => "a chain of types");
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Resolve_LongChainsOfInterfacesAndWorlds_AreRefusedOrResolved(bool backwards)
    {
        const int Count = 5000;
        IEnumerable<string> interfaces = Enumerable.Range(1, Count).Select(n => $"interface i{n} {{ use i{n - 1}.{{t}}; }}");
        IEnumerable<string> worlds = Enumerable.Range(1, Count).Select(n => $"world w{n} {{ include w{n - 1}; }}");
        Check($"package a:b; interface i0 {{ type t = u8; }} {string.Concat(backwards ? interfaces.Reverse() : interfaces)}", () => "a chain of interfaces");
        Check($"package a:b; world w0 {{}} {string.Concat(backwards ? worlds.Reverse() : worlds)}", () => "a chain of worlds");
    }

    [Fact]
    public void Resolve_CommentsAndGatesWithoutEnd_AreRefused()
    {
        Check(string.Concat(Enumerable.Repeat("/*", 200_000)), () => "comments");
        Check("package a:b; " + string.Concat(Enumerable.Repeat("@since(version = 1.0.0) ", 50_000)), () => "gates");
        Check("package a:b; " + string.Concat(Enumerable.Repeat("package c:d { ", 50_000)), () => "packages");
        Check(new string('%', 100_000), () => "percents");
        Check("package a:b@" + string.Concat(Enumerable.Repeat("1.", 50_000)) + ";", () => "a version");
    }

    /// <summary>The words and signs of a text, roughly.</summary>
    private static string[] Split(string text)
    {
        var parts = new List<string>();
        var word = new StringBuilder();
        foreach (char c in text)
        {
            if (char.IsLetterOrDigit(c) || c is '-' or '%')
            {
                word.Append(c);
                continue;
            }

            if (word.Length > 0) parts.Add(word.ToString());
            word.Clear();
            if (c != ' ') parts.Add(c.ToString());
        }

        return [.. parts];
    }

    private static void Check(string text, Func<string> name)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            WitResolver.Resolve([("a.wit", text)], ["x"]);
        }
        catch (WitException e)
        {
            int lines = text.Count(c => c == '\n') + 1;
            Assert.True(e.Line >= 1 && e.Line <= lines && e.Column >= 1, $"{name()}: no place in the text: {e.Message}");
        }
        catch (Exception e)
        {
            Assert.Fail($"{name()}: {e}");
        }

        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10), $"{name()}: took {Stopwatch.GetElapsedTime(start)}");
    }
}
