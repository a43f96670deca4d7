// A valid component of random types. Each export hands its arguments on, through a chain of components, to an import,
// and answers with what that answered; the host gives back what it got, so the result is what was given. Other parts
// count and keep resources.
using System.Text;

namespace Mote.Fuzz.Generation;

internal static class EchoComponent
{
    private const int FlatParameters = 16;

    /// <summary>The text of a component.</summary>
    public static string Make(Random random)
    {
        var shapes = new Shapes(random);
        Shape[][] functions = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Enumerable.Range(0, random.Next(1, 4)).Select(_ => shapes.Next(random.Next(4))).ToArray())];
        int inner = random.Next(4);
        var text = new StringBuilder("(component\n").Append(shapes.Preamble);
        for (int i = 0; i < functions.Length; i++) text.AppendLine($"  (import \"echo{i}\" (func $in{i} {Type(functions[i])}))");
        for (int n = 0; n < inner; n++)
        {
            text.AppendLine($"  (component $C{n}").Append(shapes.Preamble);
            for (int i = 0; i < functions.Length; i++) text.AppendLine($"  (import \"echo{i}\" (func $in{i} {Type(functions[i])}))");
            Body(text, random, functions, "in");
            text.AppendLine("  )");
            string from = n == 0 ? "in" : $"c{n - 1}x";
            text.AppendLine($"  (instance $c{n} (instantiate $C{n}{shapes.Arguments}{string.Concat(functions.Select((_, i) => $" (with \"echo{i}\" (func ${from}{i}))"))}))");
            for (int i = 0; i < functions.Length; i++) text.AppendLine($"  (alias export $c{n} \"echo{i}\" (func $c{n}x{i}))");
        }

        // A component may not call into one inside it, so the outermost runs code only where it is the only one.
        if (inner == 0) Body(text, random, functions, "in");
        for (int i = 0; inner > 0 && i < functions.Length; i++) text.AppendLine($"  (export \"echo{i}\" (func $c{inner - 1}x{i}))");
        if (random.Once(2)) text.Append(Resources(random));
        return text.Append(')').ToString();
    }

    /// <summary>One parameter is answered with itself, several with a tuple of them.</summary>
    private static string Type(Shape[] parameters) =>
        $"{string.Concat(parameters.Select((p, i) => $"(param \"p{i}\" {p.Reference}) "))}(result {Result(parameters).Reference})";

    private static Shape Result(Shape[] parameters) => parameters.Length == 1 ? parameters[0] : new SequenceShape(null, parameters);

    /// <summary>The core modules of a component, and its exports.</summary>
    private static void Body(StringBuilder text, Random random, Shape[][] functions, string from)
    {
        string encoding = random.Pick("utf8", "utf16", "latin1+utf16");
        string options = $"(memory $memory) (realloc (core func $realloc)) string-encoding={encoding}";
        // Some begin almost without memory, so that it grows, and may move, in the middle of a call.
        text.AppendLine($$"""
              (core module $Libc
                (memory (export "memory") {{random.Pick(1, 1, 4)}})
                (global $at (mut i32) (i32.const {{random.Pick(8, 65000, 65528)}}))
                (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
                  (local $result i32)
                  (local.set $result (i32.and (i32.add (global.get $at) (i32.sub (local.get $align) (i32.const 1))) (i32.sub (i32.const 0) (local.get $align))))
                  (global.set $at (i32.add (local.get $result) (local.get $size)))
                  (block $done
                    (loop $more
                      (br_if $done (i32.le_u (global.get $at) (i32.mul (memory.size) (i32.const 65536))))
                      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                      (br $more)))
                  (memory.copy (local.get $result) (local.get $old) (select (local.get $size) (local.get $old_size) (i32.lt_u (local.get $size) (local.get $old_size))))
                  (local.get $result)))
              (core instance $libc (instantiate $Libc))
              (alias core export $libc "memory" (core memory $memory))
              (alias core export $libc "realloc" (core func $realloc))
            """);
        var main = new StringBuilder("  (core module $Main\n    (import \"libc\" \"realloc\" (func $realloc (param i32 i32 i32 i32) (result i32)))\n");
        var code = new StringBuilder();
        for (int i = 0; i < functions.Length; i++)
        {
            text.AppendLine($"  (core func $low{i} (canon lower (func ${from}{i}) {options}))");
            string[] parameters = [.. functions[i].SelectMany(p => p.Flat)];
            Shape result = Result(functions[i]);
            bool byPointer = parameters.Length > FlatParameters, resultByPointer = result.Flat.Count > 1;
            string[] core = byPointer ? ["i32"] : parameters;
            string given = core.Length == 0 ? "" : $"(param {string.Join(' ', core)})";
            string gets = string.Concat(core.Select((_, n) => $" (local.get {n})"));
            string single = resultByPointer ? "i32" : result.Flat[0];
            main.AppendLine($"    (import \"up\" \"e{i}\" (func $up{i} {given}{(resultByPointer ? " (param i32)" : $" (result {single})")}))");
            if (byPointer && random.Once(3))
            {
                // What came is what goes: a parameter list lies in memory as the tuple of it does.
                code.AppendLine($"    (func (export \"e{i}\") {given} (result i32) (local.get 0))");
            }
            else if (resultByPointer)
            {
                code.AppendLine($"    (func (export \"e{i}\") {given} (result i32) (local $r i32)");
                code.AppendLine($"      (local.set $r (call $realloc (i32.const 0) (i32.const 0) (i32.const {result.Alignment}) (i32.const {result.Size})))");
                code.AppendLine($"      (call $up{i}{gets} (local.get $r)) (local.get $r))");
            }
            else
            {
                code.AppendLine($"    (func (export \"e{i}\") {given} (result {single}) (call $up{i}{gets}))");
            }

            code.AppendLine($"    (func (export \"post{i}\") (param {single}))");
        }

        text.Append(main).Append(code).AppendLine("  )");
        text.AppendLine($"  (core instance $main (instantiate $Main (with \"libc\" (instance $libc)) (with \"up\" (instance{string.Concat(functions.Select((_, i) => $" (export \"e{i}\" (func $low{i}))"))}))))");
        for (int i = 0; i < functions.Length; i++)
        {
            string post = random.Once(2) ? $" (post-return (core func $main \"post{i}\"))" : "";
            text.AppendLine($"  (func $out{i} {Type(functions[i])} (canon lift (core func $main \"e{i}\") {options}{post}))");
            text.AppendLine($"  (export \"echo{i}\" (func $out{i}))");
        }
    }

    /// <summary>A resource of an inner component: made of a number, which it tells; how many were dropped is counted.</summary>
    private static string Resources(Random random) => $$"""
          (component $R
            (core module $D (global $n (mut i32) (i32.const 0)) (func (export "drop") (param i32) (global.set $n (i32.add (global.get $n) (i32.const 1)))) (func (export "dropped") (result i32) (global.get $n)))
            (core instance $d (instantiate $D))
            (type $r (resource (rep i32) (dtor (core func $d "drop"))))
            (export $e "thing" (type $r))
            (core func $new (canon resource.new $r))
            (core func $rep (canon resource.rep $r))
            (core func $drop (canon resource.drop $r))
            (core module $M
              (import "r" "new" (func $new (param i32) (result i32)))
              (import "r" "rep" (func $rep (param i32) (result i32)))
              (import "r" "drop" (func $drop (param i32)))
              (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
              (func (export "tell") (param i32) (result i32) (local.get 0))
              (func (export "pass") (param i32) (result i32) {{random.Pick("(local.get 0)", "(call $new (call $rep (local.get 0))) (call $drop (local.get 0))")}})
              (func (export "end") (param i32) (call $drop (local.get 0))))
            (core instance $m (instantiate $M (with "r" (instance (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
            (func $make (param "n" u32) (result (own $e)) (canon lift (core func $m "make")))
            (func $tell (param "r" (borrow $e)) (result u32) (canon lift (core func $m "tell")))
            (func $pass (param "r" (own $e)) (result (own $e)) (canon lift (core func $m "pass")))
            (func $end (param "r" (own $e)) (canon lift (core func $m "end")))
            (func $dropped (result u32) (canon lift (core func $d "dropped")))
            (export "make" (func $make)) (export "tell" (func $tell)) (export "pass" (func $pass)) (export "end" (func $end)) (export "dropped" (func $dropped)))
          (instance $r (instantiate $R))
          (export "things" (instance $r))

        """;
}
