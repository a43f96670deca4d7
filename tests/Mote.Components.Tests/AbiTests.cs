// What crosses the boundary and is not a round trip: what is corrected, what is refused, and what state that leaves.
using System.Text;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class AbiTests
{
    /// <summary>Shows the host the bytes it wrote, and gives the host whatever bytes it asks for.</summary>
    private const string Bytes = """
        (component
          (core module $m
            (memory (export "memory") 2)
            (global $next (mut i32) (i32.const 1024))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32)
              (local $at i32)
              (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
              (global.set $next (i32.add (local.get $at) (local.get 3)))
              (local.get $at))
            (func (export "units") (param i32 i32) (result i32)
              (i32.store (i32.const 0) (local.get 0))
              (i32.store (i32.const 4) (local.get 1))
              (i32.const 0)))
          (core instance $i (instantiate $m))
          (alias core export $i "memory" (core memory $memory))
          (alias core export $i "realloc" (core func $realloc))
          (alias core export $i "units" (core func $units))
          (func (export "utf8") (param "s" string) (result (list u8)) (canon lift (core func $units) (memory $memory) (realloc $realloc)))
          (func (export "utf16") (param "s" string) (result (list u16)) (canon lift (core func $units) (memory $memory) (realloc $realloc) string-encoding=utf16))
          (func (export "compact") (param "s" string) (result (tuple u32 u32)) (canon lift (core func $units) (memory $memory) (realloc $realloc) string-encoding=latin1+utf16))
          (func (export "f32s") (param "v" (list f32)) (result (list u32)) (canon lift (core func $units) (memory $memory) (realloc $realloc)))
          (func (export "f64s") (param "v" (list f64)) (result (list u64)) (canon lift (core func $units) (memory $memory) (realloc $realloc)))
          (func (export "to-f32s") (param "v" (list u32)) (result (list f32)) (canon lift (core func $units) (memory $memory) (realloc $realloc)))
          (func (export "to-chars") (param "v" (list u32)) (result (list char)) (canon lift (core func $units) (memory $memory) (realloc $realloc)))
          (func (export "to-string") (param "v" (list u8)) (result string) (canon lift (core func $units) (memory $memory) (realloc $realloc)))
          (func (export "to-options") (param "v" (list u8)) (result (list (option bool))) (canon lift (core func $units) (memory $memory) (realloc $realloc)))
          (func (export "at") (param "offset" u32) (param "count" u32) (result (list u32)) (canon lift (core func $units) (memory $memory) (realloc $realloc)))
          (func (export "text-at") (param "offset" u32) (param "count" u32) (result string) (canon lift (core func $units) (memory $memory) (realloc $realloc) string-encoding=utf16)))
        """;

    /// <summary>An attribute cannot hold halves of surrogate pairs: H is a high one, L a low one, R the replacement.</summary>
    [Theory]
    [InlineData("aHb", "aRb")]
    [InlineData("L", "R")]
    [InlineData("H", "R")]
    [InlineData("LH", "RR")]
    [InlineData("HLH", "HLR")]
    public void Lower_HalfOfASurrogatePair_BecomesTheReplacementCharacter(string givenLetters, string writtenLetters)
    {
        string given = Halves(givenLetters), written = Halves(writtenLetters);
        using Guest guest = Guest.Run(Bytes);

        Assert.Equal(Encoding.UTF8.GetBytes(written).Select(b => (ulong)b), Numbers(guest.Call("utf8", new StringValue(given))));
        Assert.Equal(written.Select(c => (ulong)c), Numbers(guest.Call("utf16", new StringValue(given))));
        uint tagged = (uint)Numbers(guest.Call("compact", new StringValue(given)))[1];
        Assert.Equal((uint)written.Length | 0x80000000, tagged);
    }

    private static string Halves(string letters) => letters.Replace('H', '\ud83e').Replace('L', '\udd80').Replace('R', '\ufffd');

    [Theory]
    [InlineData("", 0u)]
    [InlineData("abc", 3u)]
    [InlineData("\u00ff", 1u)]
    [InlineData("\u0100", 0x80000001u)]
    [InlineData("a\ud83e\udd80", 0x80000003u)]
    public void Lower_Latin1OrUtf16_IsTaggedByWhatItHolds(string given, uint tagged)
    {
        using Guest guest = Guest.Run(Bytes);

        Assert.Equal(tagged, Numbers(guest.Call("compact", new StringValue(given)))[1]);
    }

    [Fact]
    public void Nan_EitherWay_IsCanonical()
    {
        using Guest guest = Guest.Run(Bytes);
        float odd = BitConverter.UInt32BitsToSingle(0xffc12345);
        double oddWide = BitConverter.UInt64BitsToDouble(0xfff8000000000001);

        Assert.Equal([0x7fc00000UL, 0x80000000UL], Numbers(guest.Call("f32s", new ListValue([new Float32Value(odd), new Float32Value(-0f)]))));
        Assert.Equal([0x7ff8000000000000UL], Numbers(guest.Call("f64s", new ListValue([new Float64Value(oddWide)]))));
        var back = (ListValue)guest.Call("to-f32s", new ListValue([new UnsignedValue(0xff800001)]))!;
        Assert.Equal(0x7fc00000u, BitConverter.SingleToUInt32Bits(((Float32Value)back.Items[0]).Value));
    }

    [Theory]
    [InlineData("to-chars", 0xd800u, "invalid `char` bit pattern: 0xd800 is not a Unicode scalar value")]
    [InlineData("to-chars", 0xdfffu, "invalid `char` bit pattern: 0xdfff is not a Unicode scalar value")]
    [InlineData("to-chars", 0x110000u, "invalid `char` bit pattern: 0x110000 is not a Unicode scalar value")]
    [InlineData("to-chars", 0xffffffffu, "invalid `char` bit pattern: 0xffffffff is not a Unicode scalar value")]
    [InlineData("to-string", 0xffu, "invalid utf-8 sequence from index 0")]
    [InlineData("to-string", 0xc3u, "incomplete utf-8 byte sequence from index 0")]
    public void Lift_NoValueOfTheType_TrapsAndEndsTheInstance(string function, uint number, string message) =>
        TrapsAndEnds(function, [new ListValue([new UnsignedValue(number)])], message);

    [Fact]
    public void Lift_DiscriminantWithoutCase_TrapsAndEndsTheInstance() =>
        TrapsAndEnds("to-options", [new ListValue([new UnsignedValue(2), new UnsignedValue(0), new UnsignedValue(2), new UnsignedValue(0)])], "invalid variant discriminant: 2 of 2 cases");

    [Theory]
    [InlineData("at", 1u, 1u, "list pointer not aligned")]
    [InlineData("at", 131072u, 1u, "list pointer/length out of bounds of memory")]
    [InlineData("at", 131068u, 2u, "list pointer/length out of bounds of memory")]
    [InlineData("at", 0xfffffffcu, 1u, "list pointer/length out of bounds of memory")]
    [InlineData("at", 0u, 0x40000000u, "list byte length of 4294967296 exceeds the limit of 268435455")]
    [InlineData("text-at", 1u, 1u, "string pointer not aligned to 2")]
    [InlineData("text-at", 131072u, 1u, "string pointer/length out of bounds of memory")]
    [InlineData("text-at", 0u, 0xffffffffu, "string pointer/length out of bounds of memory")]
    public void Lift_PointerBeyondTheRules_TrapsAndEndsTheInstance(string function, uint offset, uint count, string message) =>
        TrapsAndEnds(function, [new UnsignedValue(offset), new UnsignedValue(count)], message);

    [Fact]
    public void Lift_LastByteOfMemory_IsReachable()
    {
        using Guest guest = Guest.Run(Bytes);

        Assert.Equal([0UL], Numbers(guest.Call("at", new UnsignedValue(131068), new UnsignedValue(1))));
        Assert.Empty(Numbers(guest.Call("at", new UnsignedValue(131072), new UnsignedValue(0))));
    }

    private static void TrapsAndEnds(string function, Value[] arguments, string message)
    {
        using Guest guest = Guest.Run(Bytes);
        using ComponentInstance other = guest.Template.Instantiate();

        Assert.Equal(message, Assert.Throws<TrapException>(() => guest.Call(function, arguments)).Message);
        Assert.True(guest.Instance.IsPoisoned);
        TrapException again = Assert.Throws<TrapException>(() => guest.Call("utf8", new StringValue("")));
        Assert.Equal("cannot enter component instance: it trapped before", again.Message);

        // The template and its other instances go on.
        Assert.False(other.IsPoisoned);
        Assert.Equal([97UL], Numbers(other.GetFunction("utf8").Call(new StringValue("a"))));
        using ComponentInstance later = guest.Template.Instantiate();
        Assert.Equal([98UL], Numbers(later.GetFunction("utf8").Call(new StringValue("b"))));
    }

    private const string Typed = """
        (component
          (type $r' (record (field "a" u8) (field "b" (list s8))))
          (import "r" (type $r (eq $r')))
          (type $v' (variant (case "x") (case "y" u32)))
          (import "v" (type $v (eq $v')))
          (type $e' (enum "one" "two"))
          (import "e" (type $e (eq $e')))
          (type $f' (flags "p" "q"))
          (import "f" (type $f (eq $f')))
          (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
            (func (export "f") (param i32 i32 i32) (result i32) (i32.const 1))
            (func (export "f1") (param i32) (result i32) (i32.const 1))
            (func (export "f2") (param i32 i32) (result i32) (i32.const 1)))
          (core instance $i (instantiate $m))
          (alias core export $i "memory" (core memory $memory))
          (alias core export $i "realloc" (core func $realloc))
          (func (export "record") (param "v" $r) (result u32) (canon lift (core func $i "f") (memory $memory) (realloc $realloc)))
          (func (export "variant") (param "v" $v) (result u32) (canon lift (core func $i "f2")))
          (func (export "enum") (param "v" $e) (result u32) (canon lift (core func $i "f1")))
          (func (export "flags") (param "v" $f) (result u32) (canon lift (core func $i "f1")))
          (func (export "option") (param "v" (option u8)) (result u32) (canon lift (core func $i "f2")))
          (func (export "result") (param "v" (result u8)) (result u32) (canon lift (core func $i "f2")))
          (func (export "tuple") (param "v" (tuple u8 u8)) (result u32) (canon lift (core func $i "f2")))
          (func (export "fixed") (param "v" (list u8 2)) (result u32) (canon lift (core func $i "f2")))
          (func (export "map") (param "v" (map u8 bool)) (result u32) (canon lift (core func $i "f2") (memory $memory) (realloc $realloc)))
          (func (export "u8") (param "v" u8) (result u32) (canon lift (core func $i "f1")))
          (func (export "s16") (param "v" s16) (result u32) (canon lift (core func $i "f1")))
          (func (export "bool") (param "v" bool) (result u32) (canon lift (core func $i "f1"))))
        """;

    public static TheoryData<string, Value, string> Misfits => new()
    {
        { "u8", new UnsignedValue(256), "expected u8, found 256" },
        { "u8", new SignedValue(1), "expected u8, found 1" },
        { "u8", new StringValue("1"), "expected u8, found string" },
        { "s16", new SignedValue(-32769), "expected s16, found -32769" },
        { "s16", new SignedValue(32768), "expected s16, found 32768" },
        { "bool", new UnsignedValue(1), "expected bool, found 1" },
        { "option", new OptionValue(new UnsignedValue(999)), "expected u8, found 999" },
        { "option", new UnsignedValue(1), "expected option<u8>, found 1" },
        { "result", new ResultValue(true, null), "ok needs a payload of type u8" },
        { "result", new ResultValue(false, new UnsignedValue(1)), "err has no payload" },
        { "enum", new EnumValue("three"), "no case is named `three`" },
        { "variant", new VariantValue("z", null), "no case is named `z`" },
        { "variant", new VariantValue("x", new UnsignedValue(1)), "case `x` has no payload" },
        { "variant", new VariantValue("y", null), "case `y` needs a payload of type u32" },
        { "flags", new FlagsValue(["p", "r"]), "no flag is named `r`" },
        { "tuple", new TupleValue([new UnsignedValue(1)]), "expected a tuple of 2, found one of 1" },
        { "fixed", new ListValue([new UnsignedValue(1)]), "expected 2 elements, found 1" },
        { "map", new MapValue([new(new UnsignedValue(1), new UnsignedValue(1))]), "expected bool, found 1" },
        { "record", new RecordValue([new("a", new UnsignedValue(1))]), "expected 2 fields, found 1" },
        { "record", new RecordValue([new("b", new ListValue([])), new("a", new UnsignedValue(1))]), "expected field `a`, found `b`" },
        { "record", new RecordValue([new("a", new UnsignedValue(1)), new("b", new ListValue([new SignedValue(0), new SignedValue(200)]))]), "field `b`: element 1: expected s8, found 200" },
    };

    [Theory]
    [MemberData(nameof(Misfits), DisableDiscoveryEnumeration = true)]
    public void Call_ArgumentThatDoesNotFit_IsTheCallersFaultAndHarmsNothing(string function, Value argument, string message)
    {
        using Guest guest = Guest.Run(Typed);

        ArgumentException e = Assert.Throws<ArgumentException>(() => guest.Call(function, argument));

        Assert.StartsWith($"argument `v` of `{function}`: {message}", e.Message);
        Assert.False(guest.Instance.IsPoisoned);
        Assert.Equal(1u, guest.CallU32("u8", new UnsignedValue(255)));
    }

    [Fact]
    public void Call_WrongNumberOfArguments_SaysTheType()
    {
        using Guest guest = Guest.Run(Typed);

        ArgumentException e = Assert.Throws<ArgumentException>(() => guest.Call("tuple"));

        Assert.Equal("`tuple` takes 1 arguments, 0 were given: func(v: tuple<u8, u8>) -> u32", e.Message);
    }

    [Fact]
    public void GetFunction_NoSuchExport_SaysSo()
    {
        using Guest guest = Guest.Run(Typed);

        ComponentException e = Assert.Throws<ComponentException>(() => guest.Instance.GetFunction("ns:a/b", "c"));

        Assert.Equal("the component exports no function `ns:a/b#c`", e.Message);
        Assert.False(guest.Instance.TryGetFunction(out _, "r"));
    }

    [Fact]
    public void Dispose_Twice_IsFineAndCallsAreRefused()
    {
        using Guest guest = Guest.Run(Typed);
        ComponentFunction function = guest.Instance.GetFunction("u8");
        guest.Instance.Dispose();
        guest.Instance.Dispose();

        Assert.Throws<ObjectDisposedException>(() => function.Call(new UnsignedValue(1)));
        Assert.Throws<ObjectDisposedException>(() => guest.Call("map", new MapValue([])));
        Assert.Throws<ObjectDisposedException>(() => guest.Call("record", new RecordValue([new("a", new UnsignedValue(1)), new("b", new ListValue([]))])));
    }

    private static ulong[] Numbers(Value? list) => [.. (list switch { ListValue l => l.Items, TupleValue t => t.Items, _ => throw new InvalidOperationException($"{list}") }).Select(i => ((UnsignedValue)i).Value)];
}
