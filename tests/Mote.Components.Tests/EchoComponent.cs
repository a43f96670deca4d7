// A component that hands a value on: host -> outer instance -> inner instance -> host, and the answer back the same way.
using System.Globalization;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

/// <summary>
/// Exports <c>echo: func(v: T) -> T</c> and imports the same. Its core code passes on what it gets, so that every value is
/// lowered and lifted by the host, and copied from one guest to the other, flat or through memory as the type asks.
/// </summary>
internal static class EchoComponent
{
    /// <summary>A memory that only ever grows; each allocation is filled with a pattern that is no valid value of most types.</summary>
    private const string Memory = """
        (core module $memory
          (memory (export "memory") 1)
          (global $next (mut i32) (i32.const 8))
          (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
            (local $at i32) (local $end i32)
            (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1))) (i32.sub (i32.const 0) (local.get $align))))
            (local.set $end (i32.add (local.get $at) (local.get $size)))
            (block $enough
              (br_if $enough (i32.le_u (local.get $end) (i32.shl (memory.size) (i32.const 16))))
              (if (i32.eq (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16)))) (i32.const -1)) (then unreachable)))
            (memory.fill (local.get $at) (i32.const 0xfe) (local.get $size))
            (memory.copy (local.get $at) (local.get $old)
              (select (local.get $old-size) (local.get $size) (i32.lt_u (local.get $old-size) (local.get $size))))
            (global.set $next (local.get $end))
            (local.get $at)))
        (core instance $memory (instantiate $memory))
        (alias core export $memory "memory" (core memory $mem))
        (alias core export $memory "realloc" (core func $realloc))
        """;

    /// <summary>The type that a component's text gives to <c>v</c>.</summary>
    public static FunctionType TypeOf(RandomTypes types, Engine engine)
    {
        string text = $"""(component {types.Preamble} (import "f" (func (param "v" {types.Type}) (result {types.Type}))))""";
        return Assert.Single(Component.Load(Wat.ToWasm(text), engine).Plan.Imports).Type;
    }

    /// <summary>The component's text; the two instances inside have the encodings given.</summary>
    public static string Text(RandomTypes types, FunctionType type, string outerEncoding, string innerEncoding)
    {
        string function = $"(param \"v\" {types.Type}) (result {types.Type})";
        string with = string.Join(' ', Enumerable.Range(0, types.Names).Select(i => $"(with \"t{i}\" (type $t{i}))"));
        return string.Create(CultureInfo.InvariantCulture, $"""
            (component
              {types.Preamble}
              (import "echo" (func $echo {function}))
              (component $inner {Instance(types, function, type, innerEncoding)})
              (component $outer {Instance(types, function, type, outerEncoding)})
              (instance $inner (instantiate $inner {with} (with "next" (func $echo))))
              (instance $outer (instantiate $outer {with} (with "next" (func $inner "echo"))))
              (export "echo" (func $outer "echo")))
            """);
    }

    private static string Instance(RandomTypes types, string function, FunctionType type, string encoding)
    {
        string[] parameters = type.ParametersSpill ? ["i32"] : [.. type.ParameterTypes.SelectMany(p => p.Flat).Select(Word)];
        string result = type.ResultSpills ? "i32" : Word(Assert.Single(type.Result!.Flat));
        string imported = type.ResultSpills ? $"(param {string.Join(' ', parameters)} i32)" : $"(param {string.Join(' ', parameters)}) (result {result})";
        string arguments = string.Join(' ', parameters.Select((_, i) => $"(local.get {i})"));
        uint size = type.Result!.Size;
        string body = type.ResultSpills
            ? $"""(local $at i32) (local.set $at (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const {size}))) (call $next {arguments} (local.get $at)) (local.get $at)"""
            : $"(call $next {arguments})";
        return $"""
            {types.Preamble}
            (import "next" (func $next {function}))
            {Memory}
            (core func $next (canon lower (func $next) (memory $mem) (realloc $realloc) string-encoding={encoding}))
            (core module $m
              (import "" "next" (func $next {imported}))
              (import "" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
              (func (export "echo") (param {string.Join(' ', parameters)}) (result {result}) {body}))
            (core instance $i (instantiate $m (with "" (instance (export "next" (func $next)) (export "realloc" (func $realloc))))))
            (func (export "echo") {function} (canon lift (core func $i "echo") (memory $mem) (realloc $realloc) string-encoding={encoding}))
            """;
    }

    private static string Word(ValKind kind) => kind.ToString().ToLowerInvariant();
}
