// Generated bindings at work: typed values from the host through a guest to the host and back.
using System.Text;
using Mote.Components.Linking;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

[WitHost("test:bindings/echo@1.0.0")]
internal partial interface IEcho;

[WitGuest("test:bindings/echo@1.0.0")]
internal sealed partial class EchoGuest;

[WitGuest("test:bindings/counters@1.0.0")]
internal sealed partial class CounterGuest;

public sealed class BindingsTests
{
    private const string Types = """
        (type $point' (record (field "x" f32) (field "y" f64))) (export "point" (type $point (eq $point')))
        (type $shape' (variant (case "empty") (case "circle" f32) (case "polygon" (list $point)) (case "label" string))) (export "shape" (type $shape (eq $shape')))
        (type $color' (enum "red" "green" "blue")) (export "color" (type $color (eq $color')))
        (type $rights' (flags "read" "write" "run")) (export "rights" (type $rights (eq $rights')))
        (type $all' (record (field "a" bool) (field "b" s8) (field "c" u16) (field "d" s64) (field "e" char) (field "f" string) (field "g" (list u8)) (field "h" (list string)) (field "i" (option string))
          (field "j" (option (option u8))) (field "k" (result $shape (error string))) (field "l" (tuple u8 char)) (field "m" (map string u32)) (field "n" (list u16 3)) (field "o" $rights) (field "p" $color)))
        (export "all" (type $all (eq $all')))
        """;

    private static readonly string[] s_named = ["point", "shape", "color", "rights", "all"];

    private static readonly (string Name, string Type)[] s_functions =
    [
        ("e-all", "$all"), ("e-point", "$point"), ("e-shapes", "(list $shape)"), ("e-color", "$color"), ("e-rights", "$rights"), ("e-string", "string"), ("e-bytes", "(list u8)"),
        ("e-doubles", "(list f64)"), ("e-nested", "(list (list (option string)))"), ("e-result", "(result (error $color))"), ("e-maybe", "(option (result (error string)))"), ("e-char", "char"), ("e-bool", "bool"), ("e-narrow", "s8"), ("e-wide", "u64"), ("e-float", "f32"),
    ];

    /// <summary>A guest that hands everything on to its import of the same name, in memory of the given string encoding.</summary>
    private static string Guest(string encoding)
    {
        string import = $"(import \"test:bindings/echo@1.0.0\" (instance $host {Types} {Each(f => $"(export \"{f.Name}\" (func (param \"v\" {f.Type}) (result {f.Type})))")}))";
        Dictionary<string, FunctionType> types = Component.Load(Wat.ToWasm($"(component {import})"), Engines.Plain).Plan.Imports.ToDictionary(i => i.Path[^1], i => i.Type);
        return $$"""
            (component
              {{import}}
              {{string.Concat(s_named.Select(n => $"(alias export $host \"{n}\" (type ${n}))"))}}
              (core module $memory
                (memory (export "memory") 4)
                (global $next (mut i32) (i32.const 64))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                  (local $at i32)
                  (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                  (global.set $next (i32.add (local.get $at) (local.get 3)))
                  (local.get $at)))
              (core instance $memory (instantiate $memory))
              (alias core export $memory "memory" (core memory $mem))
              (alias core export $memory "realloc" (core func $realloc))
              {{Each(f => $"(core func ${f.Name} (canon lower (func $host \"{f.Name}\") (memory $mem) (realloc $realloc) string-encoding={encoding}))")}}
              (core module $m
                (import "" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
                {{Each(f => Import(f.Name, types[f.Name]))}}
                {{Each(f => Export(f.Name, types[f.Name]))}})
              (core instance $i (instantiate $m (with "" (instance (export "realloc" (func $realloc)) {{Each(f => $"(export \"{f.Name}\" (func ${f.Name}))")}}))))
              {{Each(f => $"(func $lifted-{f.Name} (param \"v\" {f.Type}) (result {f.Type}) (canon lift (core func $i \"{f.Name}\") (memory $mem) (realloc $realloc) string-encoding={encoding}))")}}
              (instance $api {{string.Concat(s_named.Select(n => $"(export \"{n}\" (type ${n}))"))}} {{Each(f => $"(export \"{f.Name}\" (func $lifted-{f.Name}))")}})
              (export "test:bindings/echo@1.0.0" (instance $api)))
            """;
    }

    private static string Each(Func<(string Name, string Type), string> item) => string.Join(' ', s_functions.Select(item));

    private static string Word(ValKind kind) => kind.ToString().ToLowerInvariant();

    private static string[] Parameters(FunctionType type) => type.ParametersSpill ? ["i32"] : [.. type.ParameterTypes[0].Flat.Select(Word)];

    private static string Import(string name, FunctionType type) =>
        $"(import \"\" \"{name}\" (func ${name} (param {string.Join(' ', Parameters(type))}{(type.ResultSpills ? " i32" : "")}){(type.ResultSpills ? "" : $" (result {Word(type.Result!.Flat[0])})")}))";

    private static string Export(string name, FunctionType type)
    {
        string arguments = string.Join(' ', Parameters(type).Select((_, i) => $"(local.get {i})"));
        string body = type.ResultSpills
            ? $"(local $at i32) (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const {type.Result!.Size}))) (call ${name} {arguments} (local.get $at)) (local.get $at)"
            : $"(call ${name} {arguments})";
        return $"(func (export \"{name}\") (param {string.Join(' ', Parameters(type))}) (result {(type.ResultSpills ? "i32" : Word(type.Result!.Flat[0]))}) {body})";
    }

    private sealed class Host : IEcho
    {
        public List<object> Seen { get; } = [];

        private T See<T>(T value)
        {
            Seen.Add(value!);
            return value;
        }

        public IEcho.All EAll(IEcho.All v) => See(v);

        public IEcho.Point EPoint(IEcho.Point v) => See(v);

        public IEcho.Shape[] EShapes(IEcho.Shape[] v) => See(v);

        public IEcho.Color EColor(IEcho.Color v) => See(v);

        public IEcho.Rights ERights(IEcho.Rights v) => See(v);

        public string EString(string v) => See(v);

        public ReadOnlyMemory<byte> EBytes(ReadOnlySpan<byte> v) => See(v.ToArray());

        public ReadOnlyMemory<double> EDoubles(ReadOnlySpan<double> v) => See(v.ToArray());

        public Result<Unit, string>? EMaybe(Result<Unit, string>? v)
        {
            Seen.Add(v is null ? (object)"none" : v.Value);
            return v;
        }

        public string?[][] ENested(string?[][] v) => See(v);

        public Result<Unit, IEcho.Color> EResult(Result<Unit, IEcho.Color> v) => See(v);

        public Rune EChar(Rune v) => See(v);

        public bool EBool(bool v) => See(v);

        public sbyte ENarrow(sbyte v) => See(v);

        public ulong EWide(ulong v) => See(v);

        public float EFloat(float v) => See(v);
    }

    [Theory]
    [InlineData("utf8", false)]
    [InlineData("utf16", false)]
    [InlineData("latin1+utf16", false)]
    [InlineData("utf8", true)]
    public void Echo_TypedValuesOfEveryKind_ComeBackEqual(string encoding, bool moving)
    {
        var host = new Host();
        using Guest guest = Tests.Guest.Run(Guest(encoding), l => IEcho.Define(l, _ => host), moving ? Engines.Moving : Engines.Plain);
        EchoGuest echo = EchoGuest.Bind(guest.Template)!;
        ComponentInstance i = guest.Instance;

        var point = new IEcho.Point(1.5f, -2.25);
        Assert.Equal(point, (IEcho.Point)host.Seen.Last(() => echo.EPoint(i, new(1.5f, -2.25)), out EchoGuest.Point backPoint));
        Assert.Equal((1.5f, -2.25), (backPoint.X, backPoint.Y));
        Assert.Equal(EchoGuest.Color.Blue, echo.EColor(i, EchoGuest.Color.Blue));
        Assert.Equal(EchoGuest.Rights.Read | EchoGuest.Rights.Run, echo.ERights(i, EchoGuest.Rights.Read | EchoGuest.Rights.Run));
        Assert.Equal(EchoGuest.Rights.None, echo.ERights(i, EchoGuest.Rights.None));
        foreach (string text in (string[])["", "plain", "\u00e9\u00ff", "\u20ac and \U0001f980", "\0"]) Assert.Equal(text, echo.EString(i, text));
        byte[] bytes = [.. Enumerable.Range(0, 1000).Select(n => (byte)n)];
        Assert.Equal(bytes, echo.EBytes(i, bytes).ToArray());
        Assert.Equal([0.5, -0.0, double.PositiveInfinity], echo.EDoubles(i, [0.5, -0.0, double.PositiveInfinity]).ToArray());
        Assert.Empty(echo.EBytes(i, []).ToArray());
        // None is not an error without text.
        Assert.Null(echo.EMaybe(i, default(Result<Unit, string>?)));
        Assert.Equal("none", host.Seen[^1]);
        Assert.Equal("late", echo.EMaybe(i, Result<Unit, string>.Err("late"))!.Value.Error);
        Assert.True(echo.EMaybe(i, Result<Unit, string>.Ok(default))!.Value.IsOk);
        Assert.Equal([["a", null], [], [null, "b\u00e9"]], echo.ENested(i, [["a", null], [], [null, "b\u00e9"]]));
        Assert.True(echo.EResult(i, Result<Unit, EchoGuest.Color>.Ok(default)).IsOk);
        Assert.Equal(EchoGuest.Color.Green, echo.EResult(i, EchoGuest.Color.Green).Error);
        Assert.Equal(new Rune(0x1f980), echo.EChar(i, new Rune(0x1f980)));
        Assert.True(echo.EBool(i, true));
        Assert.False(echo.EBool(i, false));
        Assert.Equal(-128, echo.ENarrow(i, -128));
        Assert.Equal(ulong.MaxValue, echo.EWide(i, ulong.MaxValue));
        Assert.Equal(0x7fc00000u, BitConverter.SingleToUInt32Bits(echo.EFloat(i, BitConverter.UInt32BitsToSingle(0xffc00001))));

        EchoGuest.Shape[] shapes = echo.EShapes(i, [EchoGuest.Shape.Empty.Instance, new EchoGuest.Shape.Circle(2), new EchoGuest.Shape.Label("x"), new EchoGuest.Shape.Polygon([new(1, 2), new(3, 4)])]);
        Assert.Equal([EchoGuest.Shape.Empty.Instance, new EchoGuest.Shape.Circle(2), new EchoGuest.Shape.Label("x")], shapes[..3]);
        Assert.Equal([new(1, 2), new(3, 4)], Assert.IsType<EchoGuest.Shape.Polygon>(shapes[3]).Value);
        Assert.False(i.IsPoisoned);
    }

    [Fact]
    public void Echo_RecordOfEverything_ComesBackEqual()
    {
        var host = new Host();
        using Guest guest = Tests.Guest.Run(Guest("utf8"), l => IEcho.Define(l, _ => host));
        EchoGuest echo = EchoGuest.Bind(guest.Template)!;
        var all = new EchoGuest.All(
            true, -1, 65535, long.MinValue, new Rune('x'), "text", new byte[] { 1, 2, 3 }, ["a", ""], null, Option<byte?>.Some(null), "broken", (7, new Rune('y')),
            [new("k", 1), new("l", 2)], [1, 2, 3], EchoGuest.Rights.Write, EchoGuest.Color.Green);

        EchoGuest.All back = echo.EAll(guest.Instance, all);

        Assert.Equal((true, (sbyte)-1, (ushort)65535, long.MinValue, new Rune('x'), "text"), (back.A, back.B, back.C, back.D, back.E, back.F));
        Assert.Equal([1, 2, 3], back.G.ToArray());
        Assert.Equal(["a", ""], back.H);
        Assert.Null(back.I);
        Assert.Equal(Option<byte?>.Some(null), back.J);
        Assert.Equal("broken", back.K.Error);
        Assert.Equal((7, new Rune('y')), back.L);
        Assert.Equal([new("k", 1u), new("l", 2u)], back.M);
        Assert.Equal([1, 2, 3], back.N);
        Assert.Equal((EchoGuest.Rights.Write, EchoGuest.Color.Green), (back.O, back.P));
        Assert.Equal("text", Assert.IsType<IEcho.All>(Assert.Single(host.Seen)).F);
    }

    [Fact]
    public void Call_InstanceOfAnotherComponent_IsRefused()
    {
        using Guest guest = Tests.Guest.Run(Guest("utf8"), l => IEcho.Define(l, _ => new Host()));
        using Guest other = Tests.Guest.Run("""(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func (export "f") (canon lift (core func $i "f"))))""");
        EchoGuest echo = EchoGuest.Bind(guest.Template)!;

        ArgumentException e = Assert.Throws<ArgumentException>(() => echo.EBool(other.Instance, true));

        Assert.StartsWith("the instance is of another component than the one that was bound", e.Message);
        Assert.False(other.Instance.IsPoisoned);
        using ComponentInstance second = guest.Template.Instantiate();
        Assert.True(echo.EBool(second, true));
    }

    [Fact]
    public void Bind_ComponentWithoutTheInterface_IsNull()
    {
        using Guest other = Tests.Guest.Run("(component)");

        Assert.Null(EchoGuest.Bind(other.Template));
    }

    [Fact]
    public void Bind_FunctionOfAnotherType_ShowsBoth()
    {
        using Guest other = Tests.Guest.Run(Counters.Replace("(param \"start\" u32)", "(param \"begin\" u32)"));

        ComponentException e = Assert.Throws<ComponentException>(() => CounterGuest.Bind(other.Template));

        Assert.Equal(ComponentErrorKind.Link, e.Kind);
        Assert.Contains("func(begin: u32) -> own<counter>", e.Message);
        Assert.Contains("func(start: u32) -> own<counter>", e.Message);
    }

    private const string Counters = """
        (component
          (component $c
            (type $counter' (resource (rep i32)))
            (export $counter "counter" (type $counter'))
            (core func $new (canon resource.new $counter'))
            (core func $rep (canon resource.rep $counter'))
            (core func $drop (canon resource.drop $counter'))
            (core module $m
              (import "" "new" (func $new (param i32) (result i32)))
              (import "" "rep" (func $rep (param i32) (result i32)))
              (import "" "drop" (func $drop (param i32)))
              (func (export "new") (param i32) (result i32) (call $new (local.get 0)))
              (func (export "value") (param i32) (result i32) (local.get 0))
              (func (export "take") (param i32) (result i32) (local $v i32) (local.set $v (call $rep (local.get 0))) (call $drop (local.get 0)) (local.get $v)))
            (core instance $i (instantiate $m (with "" (instance (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
            (func (export "[constructor]counter") (param "start" u32) (result (own $counter)) (canon lift (core func $i "new")))
            (func (export "[method]counter.value") (param "self" (borrow $counter)) (result u32) (canon lift (core func $i "value")))
            (func (export "[static]counter.take") (param "c" (own $counter)) (result u32) (canon lift (core func $i "take"))))
          (instance $c (instantiate $c))
          (export "test:bindings/counters@1.0.0" (instance $c)))
        """;

    [Fact]
    public void Resource_OfTheGuest_IsUsedLentAndGivenBack()
    {
        using Guest guest = Tests.Guest.Run(Counters);
        CounterGuest counters = CounterGuest.Bind(guest.Template)!;
        CounterGuest.Counter counter = counters.NewCounter(guest.Instance, 41);

        Assert.Equal(41u, counters.CounterValue(guest.Instance, counter));
        Assert.Equal(41u, counters.CounterTake(guest.Instance, counter));
        Assert.False(counter.Handle.IsAlive);
        counter.Dispose();
        Assert.Throws<InvalidOperationException>(() => counters.CounterValue(guest.Instance, counter));
    }

    [Fact]
    public void Resource_OfAnotherInstance_IsRefusedBeforeTheGuestSeesIt()
    {
        using Guest guest = Tests.Guest.Run(Counters);
        using ComponentInstance second = guest.Template.Instantiate();
        CounterGuest counters = CounterGuest.Bind(guest.Template)!;
        CounterGuest.Counter counter = counters.NewCounter(guest.Instance, 41);

        Assert.Equal("the resource is of another instance", Assert.Throws<InvalidOperationException>(() => counters.CounterValue(second, counter)).Message);
        using ComponentInstance third = guest.Template.Instantiate();
        Assert.Equal("the resource is of another instance", Assert.Throws<InvalidOperationException>(() => counters.CounterTake(third, counter)).Message);
        Assert.True(counter.Handle.IsAlive);
        Assert.Equal(41u, counters.CounterTake(guest.Instance, counter));
    }
}

/// <summary>What a host saw of a call.</summary>
internal static class SeenExtensions
{
    /// <summary>Makes a call and gives what the host saw last.</summary>
    public static object Last<T>(this List<object> seen, Func<T> call, out T result)
    {
        result = call();
        return seen[^1];
    }
}
