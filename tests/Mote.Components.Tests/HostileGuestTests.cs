// Guests that lie about what lies in their memory: garbage, and lists that share their bytes in order to be large only
// for whoever reads them.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class HostileGuestTests
{
    [Fact]
    public void Lift_RandomMemory_IsAValueOrATrap()
    {
        int seed = Seeds.Of(311);
        int values = 0, traps = 0;
        for (int n = 0; n < Seeds.Times(250, 20_000); n++)
        {
            var random = new Random(unchecked((seed * 43) + n));
            var types = new RandomTypes(random);
            FunctionType type = EchoComponent.TypeOf(types, Engines.Plain);
            using Guest guest = Guest.Run(Liar(types, type, random));
            foreach (string function in (string[])["direct", "through"])
            {
                using ComponentInstance instance = guest.Template.Instantiate();
                try
                {
                    instance.GetFunction(function).Call();
                    values++;
                }
                catch (TrapException e) when (e.Backtrace.Count == 0 || function == "through")
                {
                    Assert.True(instance.IsPoisoned);
                    traps++;
                }
                catch (Exception e)
                {
                    Assert.Fail($"MOTE_SEED={seed}, {n}, {function}: {type}: {e}");
                }
            }
        }

        // Both happen often, or the test tests nothing.
        Assert.True(values > 30 && traps > 30, $"{values} values, {traps} traps");
    }

    /// <summary>A component of two instances: one gives garbage, the other hands it on.</summary>
    private static string Liar(RandomTypes types, FunctionType type, Random random)
    {
        var data = new StringBuilder();
        for (int i = 0; i < 4096; i += 4)
        {
            // Mostly small numbers, which make pointers and lengths that lead on.
            uint word = random.Next(8) switch { 0 => (uint)random.NextInt64(1L << 32), < 4 => (uint)random.Next(4), 4 => (uint)random.Next(256), _ => (uint)random.Next(1024) * 8 };
            for (int b = 0; b < 4; b++) data.Append(CultureInfo.InvariantCulture, $"\\{word >> (8 * b) & 0xff:x2}");
        }

        string with = string.Join(' ', Enumerable.Range(0, types.Names).Select(i => $"(with \"t{i}\" (type $t{i}))"));
        string result = type.ResultSpills ? "i32" : type.Result!.Flat[0].ToString().ToLowerInvariant();
        string value = result switch
        {
            "f32" => "(f32.reinterpret_i32 (i32.const 0x7f812345))",
            "f64" => "(f64.reinterpret_i64 (i64.const 0x7ff0000000012345))",
            "i64" => $"(i64.const {random.NextInt64()})",
            _ => $"(i32.const {(type.ResultSpills ? random.Next(300) * 8 : random.Next(3) == 0 ? random.Next() : random.Next(5))})",
        };
        string[] encodings = ["utf8", "utf16", "latin1+utf16"];
        return $$"""
            (component
              {{types.Preamble}}
              (component $liar
                {{types.Preamble}}
                (core module $m (memory (export "memory") 1) (data (i32.const 0) "{{data}}")
                  (func (export "f") (result {{result}}) {{value}}))
                (core instance $i (instantiate $m))
                (func (export "f") (result {{types.Type}}) (canon lift (core func $i "f") (memory (core memory $i "memory")) string-encoding={{encodings[random.Next(3)]}})))
              (component $taker
                {{types.Preamble}}
                (import "f" (func $f (result {{types.Type}})))
                (core module $memory (memory (export "memory") 64)
                  (global $next (mut i32) (i32.const 4096))
                  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
                    (global.set $next (i32.add (local.get $at) (local.get 3)))
                    (if (i32.gt_u (global.get $next) (i32.const 0x400000)) (then unreachable))
                    (local.get $at)))
                (core instance $memory (instantiate $memory))
                (core func $f (canon lower (func $f) (memory (core memory $memory "memory")) (realloc (core func $memory "realloc")) string-encoding={{encodings[random.Next(3)]}}))
                (core module $m (import "" "f" (func $f {{(type.ResultSpills ? "(param i32)" : $"(result {result})")}}))
                  (func (export "g") {{(type.ResultSpills ? "(call $f (i32.const 0))" : "(drop (call $f))")}}))
                (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
                (func (export "g") (canon lift (core func $i "g"))))
              (instance $l (instantiate $liar {{with}}))
              (instance $t (instantiate $taker {{with}} (with "f" (func $l "f"))))
              (export "direct" (func $l "f"))
              (export "through" (func $t "g")))
            """;
    }

    /// <summary>
    /// 2000 lists (or strings) that are all the same 16 KiB. Level by level, a memory of 64 KiB would be 32 MB, then
    /// 65 GB for the reader.
    /// </summary>
    private const string Sharing = """
        (component
          (import "take" (func $take (param "v" (list (list (list u8))))))
          (import "take-text" (func $take-text (param "v" (list (list string)))))
          (component $giver
            (core module $m
              (memory (export "memory") 1)
              (func $fill (param $at i32) (param $count i32) (param $to i32) (param $length i32)
                (loop $next
                  (i32.store (local.get $at) (local.get $to))
                  (i32.store offset=4 (local.get $at) (local.get $length))
                  (local.set $at (i32.add (local.get $at) (i32.const 8)))
                  (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
              (func (export "make") (result i32)
                (call $fill (i32.const 16384) (i32.const 2000) (i32.const 0) (i32.const 16000))
                (call $fill (i32.const 32768) (i32.const 2000) (i32.const 16384) (i32.const 2000))
                (call $fill (i32.const 49152) (i32.const 1) (i32.const 32768) (i32.const 2000))
                (i32.const 49152)))
            (core instance $i (instantiate $m))
            (alias core export $i "memory" (core memory $memory))
            (func (export "lists") (result (list (list (list u8)))) (canon lift (core func $i "make") (memory $memory)))
            (func (export "texts") (result (list (list string))) (canon lift (core func $i "make") (memory $memory))))
          (component $taker
            (import "lists" (func $lists (result (list (list (list u8))))))
            ;; an allocator that gives out the same place each time: memory is no limit then
            (core module $memory (memory (export "memory") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
            (core instance $memory (instantiate $memory))
            (core func $lists (canon lower (func $lists) (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
            (core module $m (import "" "lists" (func $lists (param i32))) (func (export "f") (call $lists (i32.const 0))))
            (core instance $i (instantiate $m (with "" (instance (export "lists" (func $lists))))))
            (func (export "f") (canon lift (core func $i "f"))))
          (instance $g (instantiate $giver))
          (instance $t (instantiate $taker (with "lists" (func $g "lists"))))
          (export "lists" (func $g "lists"))
          (export "texts" (func $g "texts"))
          (export "between-guests" (func $t "f"))
          (core module $caller
            (import "" "memory" (memory 1))
            (import "" "make" (func $make (result i32)))
            (import "" "take" (func $take (param i32 i32)))
            (import "" "take-text" (func $take-text (param i32 i32)))
            (func (export "to-host") (local $p i32) (local.set $p (call $make)) (call $take (i32.load (local.get $p)) (i32.load offset=4 (local.get $p))))
            (func (export "text-to-host") (local $p i32) (local.set $p (call $make)) (call $take-text (i32.load (local.get $p)) (i32.load offset=4 (local.get $p)))))
          (core module $m
            (memory (export "memory") 1)
            (func $fill (param $at i32) (param $count i32) (param $to i32) (param $length i32)
              (loop $next
                (i32.store (local.get $at) (local.get $to))
                (i32.store offset=4 (local.get $at) (local.get $length))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
            (func (export "make") (result i32)
              (call $fill (i32.const 16384) (i32.const 2000) (i32.const 0) (i32.const 16000))
              (call $fill (i32.const 32768) (i32.const 2000) (i32.const 16384) (i32.const 2000))
              (call $fill (i32.const 49152) (i32.const 1) (i32.const 32768) (i32.const 2000))
              (i32.const 49152)))
          (core instance $m (instantiate $m))
          (core func $take (canon lower (func $take) (memory (core memory $m "memory"))))
          (core func $take-text (canon lower (func $take-text) (memory (core memory $m "memory"))))
          (core instance $caller (instantiate $caller (with "" (instance
            (export "memory" (memory $m "memory")) (export "make" (func $m "make")) (export "take" (func $take)) (export "take-text" (func $take-text))))))
          (func (export "to-host") (canon lift (core func $caller "to-host")))
          (func (export "text-to-host") (canon lift (core func $caller "text-to-host"))))
        """;

    [Theory]
    [InlineData("lists")]
    [InlineData("texts")]
    [InlineData("between-guests")]
    [InlineData("to-host")]
    [InlineData("text-to-host")]
    public void Lift_ListsThatShareTheirBytes_TrapBeforeTheyAreLarge(string function)
    {
        void Host(Linking.ComponentLinker l) => l.Root.Function("take", new DynamicHostFunction((_, _) => null)).Function("take-text", new DynamicHostFunction((_, _) => null));
        using Guest guest = Guest.Run(Sharing, Host);
        long start = Stopwatch.GetTimestamp(), before = GC.GetAllocatedBytesForCurrentThread();

        TrapException trap = Assert.Throws<TrapException>(() => guest.Call(function));

        Assert.StartsWith("the value is much larger than the memory that describes it", trap.Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 512 << 20, $"{GC.GetAllocatedBytesForCurrentThread() - before} bytes");
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void Lift_ManyCallsThatShareALittle_AreNotCountedTogether()
    {
        const string Some = """
            (component
              (import "take" (func $take (param "v" (list string))))
              (core module $m
                (memory (export "memory") 1)
                (func (export "make") (result i32)
                  (local $at i32)
                  (local.set $at (i32.const 8192))
                  (loop $next
                    (i32.store offset=4 (local.get $at) (i32.const 1000))
                    (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 24192))))
                  (i32.store (i32.const 4096) (i32.const 8192))
                  (i32.store (i32.const 4100) (i32.const 2000))
                  (i32.const 4096)))
              (core instance $m (instantiate $m))
              (core func $take (canon lower (func $take) (memory (core memory $m "memory"))))
              (core module $caller
                (import "" "take" (func $take (param i32 i32))) (import "" "make" (func $make (result i32)))
                (func (export "run") (result i32)
                  (local $n i32)
                  (drop (call $make))
                  (loop $next
                    (call $take (i32.const 8192) (i32.const 2000))
                    (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 30))))
                  (call $make)))
              (core instance $caller (instantiate $caller (with "" (instance (export "take" (func $take)) (export "make" (func $m "make"))))))
              (func (export "run") (result (list string)) (canon lift (core func $caller "run") (memory (core memory $m "memory")))))
            """;
        int taken = 0;
        using Guest guest = Guest.Run(Some, l => l.Root.Function("take", new DynamicHostFunction((_, a) =>
        {
            taken += ((ListValue)a[0]).Items.Count;
            return null;
        })));

        Assert.Equal(2000, ((ListValue)guest.Call("run")!).Items.Count);
        Assert.Equal(60_000, taken);
    }
}
