// WAVE text: what is written is read back; what is wrong is said with its place; nothing else ever comes of any text.
using System.Text;
using Mote.Bindings.C.Tests;
using Mote.Components.Types;
using Mote.Components.Wave;

namespace Mote.Components.Tests;

public sealed class WaveTests
{
    private static ValType TypeOf(string text, string preamble = "") => FunctionOf($"""(param "v" {text})""", preamble).Parameters[0].Type;

    private static FunctionType FunctionOf(string function, string preamble = "") =>
        Assert.Single(Guest.Load($"""(component {preamble} (import "f" (func {function})))""", Engines.Plain).Plan.Imports).Type;

    private const string Record = """(type $r' (record (field "a" u8) (field "b" (option string)) (field "c" (list s8)))) (import "r" (type $r (eq $r')))""";
    private const string Variant = """(type $v' (variant (case "none") (case "some" u32) (case "nan" f32) (case "x-y" (tuple u8 u8)))) (import "v" (type $v (eq $v')))""";
    private const string Flags = """(type $f' (flags "p" "q" "true")) (import "fl" (type $f (eq $f')))""";

    [Fact]
    public void Read_WhatWasWritten_IsEqual()
    {
        int seed = Seeds.Of(77);
        for (int n = 0; n < Seeds.Times(300, 20_000); n++)
        {
            var random = new Random(unchecked((seed * 31) + n));
            ValType type = EchoComponent.TypeOf(new RandomTypes(random), Engines.Plain).Result!;
            var values = new RandomValues(random.Next());
            for (int i = 0; i < 6; i++)
            {
                Value value = values.Next(type);
                string text = WaveWriter.Write(value);
                Assert.DoesNotContain('\n', text);
                try
                {
                    Value back = WaveReader.Read(text, type);
                    Assert.Equal(value, back);
                    Assert.Equal(text, WaveWriter.Write(back));
                }
                catch (WaveException e)
                {
                    Assert.Fail($"MOTE_SEED={seed}, type {n} {type}: {text}: {e.Message}");
                }
            }
        }
    }

    [Fact]
    public void Read_DamagedText_IsReadOrRefusedWithAPlaceInIt()
    {
        const string Extra = "()[]{}:,\"'\\%-+.0179eEnaxu\u00e9\ud83e \n\t\0";
        int seed = Seeds.Of(78);
        for (int n = 0; n < Seeds.Times(300, 20_000); n++)
        {
            var random = new Random(unchecked((seed * 37) + n));
            ValType type = EchoComponent.TypeOf(new RandomTypes(random), Engines.Plain).Result!;
            var values = new RandomValues(random.Next());
            for (int i = 0; i < 20; i++)
            {
                var text = new StringBuilder(WaveWriter.Write(values.Next(type)));
                for (int d = random.Next(1, 4); d > 0; d--)
                {
                    int at = random.Next(text.Length + 1);
                    switch (random.Next(3))
                    {
                        case 0:
                            text.Insert(at, Extra[random.Next(Extra.Length)]);
                            break;
                        case 1 when at < text.Length:
                            text.Remove(at, random.Next(1, Math.Min(5, text.Length - at + 1)));
                            break;
                        case 2 when at < text.Length:
                            text[at] = Extra[random.Next(Extra.Length)];
                            break;
                    }
                }

                string damaged = text.ToString();
                try
                {
                    WaveReader.Read(damaged, type);
                }
                catch (WaveException e)
                {
                    Assert.True(e.Position >= 0 && e.Position <= damaged.Length, $"MOTE_SEED={seed}, {n}: position {e.Position} in {damaged}: {e.Message}");
                }
                catch (Exception e)
                {
                    Assert.Fail($"MOTE_SEED={seed}, {n}: {type}: {damaged}: {e}");
                }
            }
        }
    }

    public static TheoryData<string, string, string, Value> Readable => new()
    {
        { "u8", "", " 7 ", new UnsignedValue(7) },
        { "u64", "", "18446744073709551615", new UnsignedValue(ulong.MaxValue) },
        { "s64", "", "-9223372036854775808", new SignedValue(long.MinValue) },
        { "f32", "", "-inf", new Float32Value(float.NegativeInfinity) },
        { "f64", "", "1e-3", new Float64Value(0.001) },
        { "f64", "", "-0", new Float64Value(-0.0) },
        { "char", "", "'\\u{1f980}'", new CharValue(new Rune(0x1f980)) },
        { "char", "", "'\\''", new CharValue(new Rune('\'')) },
        { "char", "", "'🦀'", new CharValue(new Rune(0x1f980)) },
        { "string", "", "\"a\\\"\\\\\\n\\t\\r\"", new StringValue("a\"\\\n\t\r") },
        { "string", "", "\"\"\"\n  one\n    two\n  \"\"\"", new StringValue("one\n  two") },
        { "string", "", "\"\"\"\r\n  one\r\n\r\n  \\\"two\r\n  \"\"\"", new StringValue("one\n\n\"two") },
        { "string", "", "\"\"\"\n\"\"\"", new StringValue("") },
        { "(list u8)", "", "[1, 2,]", new ListValue([new UnsignedValue(1), new UnsignedValue(2)]) },
        { "(list u8)", "", "[ // none\n ]", new ListValue([]) },
        { "(tuple u8 bool)", "", "(1, true)", new TupleValue([new UnsignedValue(1), new BoolValue(true)]) },
        { "(map u8 string)", "", "[(1, \"a\")]", new MapValue([new(new UnsignedValue(1), new StringValue("a"))]) },
        { "(option u8)", "", "5", new OptionValue(new UnsignedValue(5)) },
        { "(option u8)", "", "some(5)", new OptionValue(new UnsignedValue(5)) },
        { "(option (option u8))", "", "some(none)", new OptionValue(new OptionValue(null)) },
        { "(result u8 (error string))", "", "5", new ResultValue(true, new UnsignedValue(5)) },
        { "(result u8 (error string))", "", "err(\"no\")", new ResultValue(false, new StringValue("no")) },
        { "(result)", "", "ok", new ResultValue(true, null) },
        { "$r", Record, "{a: 1, c: []}", new RecordValue([new("a", new UnsignedValue(1)), new("b", new OptionValue(null)), new("c", new ListValue([]))]) },
        { "$r", Record, "{c: [-1], b: \"x\", a: 2,}", new RecordValue([new("a", new UnsignedValue(2)), new("b", new OptionValue(new StringValue("x"))), new("c", new ListValue([new SignedValue(-1)]))]) },
        { "$v", Variant, "none", new VariantValue("none", null) },
        { "$v", Variant, "%some(4)", new VariantValue("some", new UnsignedValue(4)) },
        { "$v", Variant, "x-y((1, 2))", new VariantValue("x-y", new TupleValue([new UnsignedValue(1), new UnsignedValue(2)])) },
        { "(option $v)", Variant, "some(%none)", new OptionValue(new VariantValue("none", null)) },
        { "(option $v)", Variant, "none", new OptionValue(null) },
        { "$f", Flags, "{%true, p}", new FlagsValue(["p", "true"]) },
    };

    [Theory]
    [MemberData(nameof(Readable), DisableDiscoveryEnumeration = true)]
    public void Read_EveryNotation_GivesTheValue(string type, string preamble, string text, Value expected) =>
        Assert.Equal(expected, WaveReader.Read(text, TypeOf(type, preamble)));

    [Theory]
    [InlineData("u8", "", "256", 0, "expected u8, from 0 to 255, found `256`")]
    [InlineData("u8", "", "-1", 0, "expected u8, from 0 to 255, found `-1`")]
    [InlineData("u8", "", "", 0, "expected a number of type u8, found the end")]
    [InlineData("u8", "", "1 2", 2, "expected the end, found `2`")]
    [InlineData("s8", "", "128", 0, "expected s8, from -128 to 127, found `128`")]
    [InlineData("f32", "", "01", 0, "expected f32, found `01`")]
    [InlineData("bool", "", "yes", 0, "expected true or false, found `yes`")]
    [InlineData("char", "", "'ab'", 1, "a char is one Unicode scalar value between '")]
    [InlineData("char", "", "'\\u{d800}'", 1, "expected an escape")]
    [InlineData("string", "", "\"abc", 4, "expected \", found the end")]
    [InlineData("string", "", "\"a\\q\"", 2, "expected an escape")]
    [InlineData("string", "", "\"a\nb\"", 2, "a line ends inside quotes")]
    [InlineData("string", "", "\"\"\"\n  a\\q\n  \"\"\"", 7, "expected an escape")]
    [InlineData("string", "", "\"\"\"\n  a\n b\n  \"\"\"", 8, "each line must be indented as far")]
    [InlineData("string", "", "\"\"\"\n  a\"\"\"", 7, "the closing \"\"\" must stand on a line of its own")]
    [InlineData("string", "", "\"\"\"\n  a", 0, "the string is not closed by")]
    [InlineData("(list u8)", "", "[1 2]", 3, "expected `]` for `,` or `]`, found `2]`")]
    [InlineData("(list u8 2)", "", "[1]", 0, "expected 2 items, found 1")]
    [InlineData("(tuple u8 u8)", "", "(1)", 2, "expected `,` for the tuple's next item, found `)`")]
    [InlineData("(option (option u8))", "", "5", 0, "expected some(…) or none")]
    [InlineData("(result u8)", "", "err(1)", 3, "expected the end, found `(1)`")]
    [InlineData("$r", Record, "{a: 1}", 0, "the field `c: list<s8>` is missing")]
    [InlineData("$r", Record, "{a: 1, d: 2}", 7, "there is no field `d`: it has a, b, c")]
    [InlineData("$r", Record, "{a: 1, a: 2}", 7, "the field `a` comes twice")]
    [InlineData("$v", Variant, "other", 0, "there is no case `other`: it has none, some, nan, x-y")]
    [InlineData("$v", Variant, "x-y", 3, "expected `(` for the payload of `x-y`: tuple<u8, u8>, found the end")]
    [InlineData("$f", Flags, "{p, z}", 4, "there is no flag `z`: it has p, q, true")]
    public void Read_WrongText_SaysWhatAndWhere(string type, string preamble, string text, int position, string message)
    {
        WaveException e = Assert.Throws<WaveException>(() => WaveReader.Read(text, TypeOf(type, preamble)));

        Assert.StartsWith(message, e.Message);
        Assert.Equal(position, e.Position);
        Assert.EndsWith($"(at character {position + 1})", e.Message);
    }

    [Fact]
    public void Read_DeeplyNestedText_EndsWithTheTypeNotWithTheStack()
    {
        string hostile = new('[', 1_000_000);
        Assert.Equal(2, Assert.Throws<WaveException>(() => WaveReader.Read(hostile, TypeOf("(list (list u8))"))).Position);
        Assert.Throws<WaveException>(() => WaveReader.Read(string.Concat(Enumerable.Repeat("some(", 200_000)), TypeOf("(option (option u8))")));
        Assert.Throws<WaveException>(() => WaveReader.Read(new string('{', 1_000_000), TypeOf("$r", Record)));
    }

    [Fact]
    public void Read_DeepestTypeThatIsAccepted_Works()
    {
        int depth = 1;
        while (depth < 100_000)
        {
            try
            {
                Chain(depth * 2);
            }
            catch (ComponentException)
            {
                break;
            }

            depth *= 2;
        }

        Assert.True(depth >= 16, $"only {depth} deep");
        ValType type = Chain(depth);
        string text = string.Concat(Enumerable.Repeat("some(", depth)) + "7" + new string(')', depth);
        Assert.Equal(text, WaveWriter.Write(WaveReader.Read(text, type)));

        static ValType Chain(int depth)
        {
            var preamble = new StringBuilder("(type $t0 u8)");
            for (int i = 1; i <= depth; i++) preamble.Append($"(type $t{i} (option $t{i - 1}))");
            return TypeOf($"$t{depth}", preamble.ToString());
        }
    }

    [Fact]
    public void ReadArguments_CallText_GivesEachParameter()
    {
        FunctionType type = FunctionOf("""(param "a" u8) (param "b" string) (param "c" (option u8)) (result u8)""");
        (string name, string arguments) = WaveReader.SplitCall("ns:pkg/api#run(1, \"(,)\", 3)");

        Assert.Equal("ns:pkg/api#run", name);
        Assert.Equal([new UnsignedValue(1), new StringValue("(,)"), new OptionValue(new UnsignedValue(3))], WaveReader.ReadArguments(arguments, type));
        Assert.Equal(new OptionValue(null), WaveReader.ReadArguments("(1, \"x\")", type)[2]);
    }

    [Theory]
    [InlineData("(1)", "argument `b: string` is missing: the function is func(a: u8, b: string) -> u8")]
    [InlineData("(1, 2)", "argument `b`: expected `\"` for a string in \"double quotes\", found `2)`")]
    [InlineData("(1, \"\", 3)", "expected `)`: the function takes 2 arguments")]
    [InlineData("(1, \"\"", "expected `)`")]
    [InlineData("(1, \"\") x", "expected the end, found `x`")]
    [InlineData("1", "expected `(` for the arguments")]
    public void ReadArguments_WrongText_NamesTheParameter(string text, string message)
    {
        FunctionType type = FunctionOf("""(param "a" u8) (param "b" string) (result u8)""");

        Assert.StartsWith(message, Assert.Throws<WaveException>(() => WaveReader.ReadArguments(text, type)).Message);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("(1)")]
    public void SplitCall_NotACall_SaysWhatOneLooksLike(string text) =>
        Assert.StartsWith("a call looks like name(arguments)", Assert.Throws<WaveException>(() => WaveReader.SplitCall(text)).Message);
}
