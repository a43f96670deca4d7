// A valid component whose guest answers with anything: its memory is random, biased towards small numbers and places in
// that memory, and so are the pointers it returns, the arguments it passes and the places its allocator names. What comes
// of it must be a value, or a trap.
using System.Text;

namespace Mote.Fuzz.Generation;

internal static class HostileComponent
{
    private const int MemoryBytes = 65536;

    public static string Make(Random random)
    {
        var shapes = new Shapes(random);
        Shape[][] functions = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Enumerable.Range(0, random.Next(1, 3)).Select(_ => random.Once(3) ? Nested(random, shapes) : shapes.Next(random.Next(1, 5))).ToArray())];
        // One takes what the other passes: values go from memory to memory.
        int inner = random.Pick(0, 2);
        var text = new StringBuilder("(component\n").Append(shapes.Preamble);
        Imports(text, functions);
        for (int n = 0; n < inner; n++)
        {
            text.AppendLine($"  (component $C{n}").Append(shapes.Preamble);
            Imports(text, functions);
            Body(text, random, functions, "in");
            text.AppendLine("  )");
            string from = n == 0 ? "in" : $"c{n - 1}x";
            text.AppendLine($"  (instance $c{n} (instantiate $C{n}{shapes.Arguments}{string.Concat(functions.Select((_, i) => $" (with \"f{i}\" (func ${from}{i}))"))}))");
            for (int i = 0; i < functions.Length; i++) text.AppendLine($"  (alias export $c{n} \"f{i}\" (func $c{n}x{i}))");
        }

        if (inner == 0) Body(text, random, functions, "in");
        for (int i = 0; inner > 0 && i < functions.Length; i++) text.AppendLine($"  (export \"f{i}\" (func $c{inner - 1}x{i}))");
        return text.Append(')').ToString();
    }

    /// <summary>Lists of lists: where elements may lie over each other, a small memory can describe a very large value.</summary>
    private static Shape Nested(Random random, Shapes shapes)
    {
        Shape at = random.Once(2) ? new PrimitiveShape(random.From(PrimitiveShape.Words)) : shapes.Next(1);
        for (int n = random.Next(1, 5); n > 0; n--) at = new ListShape(at, random.Once(8) ? random.Next(1, 30) : null);
        return at;
    }

    private static void Imports(StringBuilder text, Shape[][] functions)
    {
        for (int i = 0; i < functions.Length; i++) text.AppendLine($"  (import \"f{i}\" (func $in{i} {Type(functions[i])}))");
    }

    private static string Type(Shape[] s) => $"{(s.Length > 1 ? $"(param \"p\" {s[1].Reference}) " : "")}(result {s[0].Reference})";

    private static void Body(StringBuilder text, Random random, Shape[][] functions, string from)
    {
        string options = $"(memory $memory) (realloc (core func $realloc)) string-encoding={random.Pick("utf8", "utf16", "latin1+utf16")}";
        text.AppendLine($$"""
              (core module $Libc
                (memory (export "memory") 1 {{random.Pick("1", "4", "")}})
                (data (i32.const 0) "{{Data(random)}}")
                (global $at (mut i32) (i32.const {{random.Next(MemoryBytes)}}))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) {{Realloc(random)}}))
              (core instance $libc (instantiate $Libc))
              (alias core export $libc "memory" (core memory $memory))
              (alias core export $libc "realloc" (core func $realloc))
            """);
        var main = new StringBuilder("  (core module $Main\n");
        var code = new StringBuilder();
        for (int i = 0; i < functions.Length; i++)
        {
            text.AppendLine($"  (core func $low{i} (canon lower (func ${from}{i}) {options}))");
            IReadOnlyList<string> parameters = functions[i].Length > 1 ? functions[i][1].Flat : [];
            Shape result = functions[i][0];
            bool resultByPointer = result.Flat.Count > 1;
            string[] core = parameters.Count > 16 ? ["i32"] : [.. parameters];
            string given = core.Length == 0 ? "" : $"(param {string.Join(' ', core)})";
            string single = resultByPointer ? "i32" : result.Flat[0];
            main.AppendLine($"    (import \"up\" \"f{i}\" (func $up{i} {given}{(resultByPointer ? " (param i32)" : $" (result {single})")}))");
            string call = random.Next(3) switch
            {
                0 => "",
                1 => $"(call $up{i}{string.Concat(core.Select(c => $" {Constant(random, c)}"))}{(resultByPointer ? $" (i32.const {Pointer(random)})" : "")}){(resultByPointer ? "" : " drop")}",
                _ => $"(call $up{i}{string.Concat(core.Select((_, n) => $" (local.get {n})"))}{(resultByPointer ? $" (i32.const {Pointer(random)})" : "")}){(resultByPointer ? "" : " drop")}",
            };
            code.AppendLine($"    (func (export \"f{i}\") {given} (result {single}) {call} {Constant(random, single)})");
        }

        text.Append(main).Append(code).AppendLine("  )");
        text.AppendLine($"  (core instance $main (instantiate $Main (with \"up\" (instance{string.Concat(functions.Select((_, i) => $" (export \"f{i}\" (func $low{i}))"))}))))");
        for (int i = 0; i < functions.Length; i++) text.AppendLine($"  (func $out{i} {Type(functions[i])} (canon lift (core func $main \"f{i}\") {options})) (export \"f{i}\" (func $out{i}))");
    }

    public static string Realloc(Random random) => random.Next(5) switch
    {
        0 => $"(i32.const {Pointer(random)})",
        1 => "unreachable",
        2 => "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (i32.const 8)",
        _ => "(global.set $at (i32.and (i32.add (global.get $at) (i32.add (local.get 3) (i32.const 7))) (i32.const 0xfff8))) (i32.sub (global.get $at) (i32.and (local.get 3) (i32.const 0xfff8)))",
    };

    public static string Constant(Random random, string core) => core switch
    {
        "i32" => $"(i32.const {(random.Once(3) ? random.Next(4) : Pointer(random))})",
        "i64" => $"(i64.const {random.Pick(0, 1, -1, random.Next(), random.Next(300))})",
        _ => $"({core}.const {random.Pick("0", "-0", "inf", "nan:0x1", "1e10")})",
    };

    public static int Pointer(Random random) => random.Next(12) switch
    {
        0 => MemoryBytes - random.Next(16),
        1 => random.Next(),
        2 => -random.Next(1, 70000),
        3 => random.Next(MemoryBytes),
        _ => random.Next(MemoryBytes / 2) & ~7,
    };

    /// <summary>Words of a memory: pairs of a place and a count are what most types look for.</summary>
    public static string Data(Random random)
    {
        var text = new StringBuilder();
        int words = random.Pick(64, 1024, 4096);
        int biggest = random.Pick(4, 40, 9000);
        // A pattern that repeats: elements that all point to the same place.
        uint place = (uint)random.Next(MemoryBytes) & ~7u;
        bool same = random.Once(4);
        for (int i = 0; i < words; i++)
        {
            uint word = same ? (i % 2 == 0 ? place : (uint)biggest) : random.Next(10) switch
            {
                0 => (uint)random.Next(),
                1 => 0x61626364,
                < 4 => (uint)random.Next(MemoryBytes) & ~7u,
                4 => (uint)random.Next(biggest),
                _ => (uint)random.Next(4),
            };
            for (int b = 0; b < 4; b++) text.Append($"\\{(byte)(word >> (b * 8)):x2}");
        }

        return text.ToString();
    }
}
