// Values that go to a guest, from it to an import, back, and out again, must come out as they went in.
using System.Text;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Wasmtime;
using Mote.Wit;

namespace Mote.Bindings.C.Tests;

/// <summary>The echo guest, built once for all tests.</summary>
public sealed class EchoGuest : IDisposable
{
    private readonly CompiledComponent? _component;
    private readonly InstanceTemplate? _template;

    public EchoGuest()
    {
        _component = GuestBuilder.Build("echo", Path.Combine(Repository.Tests, "wit", "echo"), "echo", Path.Combine(Repository.Tests, "guests", "echo.c"));
        _template = Linker().Link(_component);
    }


    /// <summary>Functions that answer their only parameter.</summary>
    public static List<string> Echoes { get; } =
        [.. Repository.Resolve(Path.Combine(Repository.Tests, "wit", "echo")).Packages[0].Interfaces.Single(i => i.Name == "values").Functions.Select(f => f.Name).Where(n => n.StartsWith("e-", StringComparison.Ordinal))];

    public ComponentInstance Instantiate() => _template!.Instantiate();

    internal static ComponentLinker Linker()
    {
        var linker = new ComponentLinker();
        HostInstance host = linker.Instance("test:echo/values");
        foreach (string name in Echoes) host.Function(name, new DynamicHostFunction((_, a) => a[0]));
        host.Function("nothing", new DynamicHostFunction((_, _) => null));
        foreach (string name in (string[])["sixteen", "twenty"]) host.Function(name, new DynamicHostFunction((_, a) => new StringValue(string.Join(";", a.Select(Text)))));
        return linker;
    }

    /// <summary>A value as text that tells all values apart.</summary>
    public static string Text(Value v) => v switch
    {
        StringValue s => $"\"{s.Value}\"",
        ListValue l => $"[{string.Join(",", l.Items.Select(Text))}]",
        TupleValue t => $"({string.Join(",", t.Items.Select(Text))})",
        FlagsValue f => $"{{{string.Join(",", f.Names)}}}",
        OptionValue o => o.Some is null ? "none" : $"some {Text(o.Some)}",
        ResultValue r => $"{(r.IsOk ? "ok" : "err")} {(r.Payload is null ? "" : Text(r.Payload))}",
        VariantValue c => $"{c.Case}({(c.Payload is null ? "" : Text(c.Payload))})",
        _ => v.ToString(),
    };

    public void Dispose()
    {
        _template?.Dispose();
        _component?.Dispose();
    }
}

public sealed class EchoTests(EchoGuest guest) : IClassFixture<EchoGuest>, IDisposable
{
    private readonly ComponentInstance _instance = guest.Instantiate();

    public void Dispose() => _instance.Dispose();

    private Value? Call(string function, params ReadOnlySpan<Value> arguments) => _instance.GetFunction("test:echo/values", function).Call(arguments);

    private Value? Alone(string function, params ReadOnlySpan<Value> arguments) => _instance.GetFunction("test:echo/alone", function).Call(arguments);

    private void Echo(string function, params Value[] values)
    {
        foreach (Value v in values) Assert.Equal(v, Call(function, v));
    }

    private static ListValue List(params Value[] items) => new(items);

    private static StringValue Str(string text) => new(text);

    [Fact]
    public void Call_NumbersAtTheirEdges_ComeBack()
    {
        Echo("e-bool", new BoolValue(false), new BoolValue(true));
        Echo("e-s8", new SignedValue(sbyte.MinValue), new SignedValue(-1), new SignedValue(sbyte.MaxValue));
        Echo("e-u8", new UnsignedValue(0), new UnsignedValue(128), new UnsignedValue(255));
        Echo("e-s16", new SignedValue(short.MinValue), new SignedValue(-1), new SignedValue(short.MaxValue));
        Echo("e-u16", new UnsignedValue(32768), new UnsignedValue(65535));
        Echo("e-s32", new SignedValue(int.MinValue), new SignedValue(int.MaxValue));
        Echo("e-u32", new UnsignedValue(0x80000000), new UnsignedValue(uint.MaxValue));
        Echo("e-s64", new SignedValue(long.MinValue), new SignedValue(-1));
        Echo("e-u64", new UnsignedValue(ulong.MaxValue));
        Echo("e-f32", new Float32Value(float.NaN), new Float32Value(-0f), new Float32Value(float.NegativeInfinity), new Float32Value(float.Epsilon));
        Echo("e-f64", new Float64Value(double.NaN), new Float64Value(-0d), new Float64Value(double.MaxValue));
        Echo("e-char", new CharValue(new Rune('a')), new CharValue(new Rune(0xd7ff)), new CharValue(new Rune(0xe000)), new CharValue(new Rune(0x10ffff)));
    }

    [Fact]
    public void Call_TextsAndLists_ComeBack()
    {
        Echo("e-string", Str(""), Str("Grüße, 🦀"), Str("\0"), Str(new string('x', 1 << 20)));
        Echo("e-bytes", List(), new ListValue([.. Enumerable.Range(0, 100_000).Select(i => (Value)new UnsignedValue((byte)i))]));
        Echo("e-doubles", List(new Float64Value(double.NaN), new Float64Value(1)));
        Echo("e-bools", List(new BoolValue(true), new BoolValue(false), new BoolValue(true)));
        Echo("e-chars", List(new CharValue(new Rune(0x10ffff))));
        Echo("e-strings", List(), List(Str("")), List(Str("a"), Str(""), Str("ccc")));
        Echo("e-grid", List(List(), List(Str(""), Str("b")), List()));
        Echo("e-fixed", List(new UnsignedValue(1), new UnsignedValue(2), new UnsignedValue(65535)));
        Echo("e-fixed-texts", List(Str(""), Str("two")));
        Echo("e-map", new MapValue([]), new MapValue([new(Str("a"), List(new UnsignedValue(1))), new(Str(""), List())]));
    }

    [Fact]
    public void Call_CasesWhoseCoreValuesAreShared_ComeBack()
    {
        Value[] all =
        [
            new VariantValue("none", null), new VariantValue("i", new SignedValue(-1)), new VariantValue("f", new Float32Value(float.NaN)),
            new VariantValue("f", new Float32Value(-0f)), new VariantValue("l", new SignedValue(long.MinValue)), new VariantValue("d", new Float64Value(-1.5)),
            new VariantValue("text", Str("text")), new VariantValue("pair", new TupleValue([new UnsignedValue(255), new Float64Value(double.NaN)])),
            new VariantValue("deep", new OptionValue(null)), new VariantValue("deep", new OptionValue(new Float32Value(float.MaxValue))),
        ];
        Echo("e-joined", all);
        Echo("e-variants", List(all), List());
        Echo("e-narrow", new VariantValue("i", new UnsignedValue(255)), new VariantValue("f", new Float32Value(float.NegativeInfinity)));
    }

    [Fact]
    public void Call_OptionsAndResults_ComeBack()
    {
        Echo("e-option", new OptionValue(null), new OptionValue(new UnsignedValue(7)));
        Echo("e-option-text", new OptionValue(null), new OptionValue(Str("")), new OptionValue(Str("x")));
        Echo("e-nested", new OptionValue(null), new OptionValue(new OptionValue(null)), new OptionValue(new OptionValue(Str("x"))));
        Echo("e-result", new ResultValue(true, new UnsignedValue(1)), new ResultValue(false, Str("no")));
        Echo("e-result-ok", new ResultValue(true, Str("yes")), new ResultValue(false, null));
        Echo("e-result-err", new ResultValue(true, null), new ResultValue(false, new VariantValue("text", Str("no"))));
        Echo("e-result-none", new ResultValue(true, null), new ResultValue(false, null));
        Assert.Null(Call("nothing"));
    }

    [Fact]
    public void Call_ManyParameters_ArriveInOrder()
    {
        Value[] sixteen = [.. "abcdefg".Select(c => Str(c.ToString())), new UnsignedValue(ulong.MaxValue), new Float32Value(-1.5f)];
        Assert.Equal(Str(string.Join(";", sixteen.Select(EchoGuest.Text))), Call("sixteen", sixteen));
        ComponentFunction f = _instance.GetFunction("test:echo/values", "twenty");
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new RandomValues(seed);
            Value[] twenty = [.. f.Type.Parameters.Select(p => random.Next(p.Type))];
            Assert.Equal(Str(string.Join(";", twenty.Select(EchoGuest.Text))), f.Call(twenty));
        }
    }

    public static TheoryData<string> Echoes => [.. EchoGuest.Echoes];

    [Theory]
    [MemberData(nameof(Echoes))]
    public void Call_RandomValues_ComeBack(string function)
    {
        ComponentFunction f = _instance.GetFunction("test:echo/values", function);
        for (int seed = 0; seed < 100; seed++)
        {
            Value v = new RandomValues(seed).Next(f.Type.Parameters[0].Type);
            Assert.True(v.Equals(f.Call(v)), $"seed {seed}: {EchoGuest.Text(v)}");
        }
    }

    [Fact]
    public void Call_TenThousandTimes_LeavesMemoryAsItWas()
    {
        (ComponentFunction F, Value[] Values)[] calls = [.. EchoGuest.Echoes.Append("twenty").Select(name =>
        {
            ComponentFunction f = _instance.GetFunction("test:echo/values", name);
            return (f, f.Type.Parameters.Select((p, i) => new RandomValues(17 + i).Next(p.Type)).ToArray());
        })];
        foreach ((ComponentFunction f, Value[] values) in calls) f.Call(values);
        long before = _instance.MemoryBytes;
        // Enough of each that the smallest block left behind fills a page of memory.
        for (int i = 0; i < 5_000; i++)
        {
            foreach ((ComponentFunction f, Value[] values) in calls) f.Call(values);
        }

        for (int i = 0; i < 10_000; i++)
        {
            Alone("literals");
            Alone("ignore", new ResultValue(false, Str("dropped")));
            Alone("helpers", Str("text"));
        }

        Assert.Equal(before, _instance.MemoryBytes);
    }

    [Fact]
    public void Keep_WithoutFreeing_GrowsMemory()
    {
        // The leak test above can fail: memory that is not freed shows.
        long before = _instance.MemoryBytes;
        for (int i = 0; i < 1_000; i++) Alone("keep", new UnsignedValue(1_000));
        Assert.True(_instance.MemoryBytes > before);
    }

    [Fact]
    public void Results_InStaticData_AreLeftAlone()
    {
        for (int i = 0; i < 3; i++) Assert.Equal(List(Str("static"), Str("data"), Str("and the heap")), Alone("literals"));
        Assert.Equal(new ResultValue(false, Str("")), Alone("forgetful"));
        Assert.Equal(new BoolValue(true), Alone("ignore", new ResultValue(true, new UnsignedValue(1))));
        Assert.Equal(new BoolValue(false), Alone("ignore", new ResultValue(false, Str("freed"))));
        Assert.Equal(List(Str("v"), Str(""), Str(""), Str("v")), Alone("helpers", Str("v")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Allocator_RandomUse_KeepsWhatWasWritten(int seed)
    {
        Assert.Equal(new OptionValue(null), Alone("stress", new UnsignedValue((ulong)seed), new UnsignedValue(20_000)));
        long before = _instance.MemoryBytes;
        // Everything was freed, and free neighbours are one: the same again fits into the same memory.
        for (int i = 0; i < 5; i++) Assert.Equal(new OptionValue(null), Alone("stress", new UnsignedValue((ulong)seed), new UnsignedValue(20_000)));
        Assert.Equal(before, _instance.MemoryBytes);
    }

    [Fact]
    public void Allocator_FreedTwice_Traps() => Assert.Throws<TrapException>(() => Alone("free-twice"));
}
