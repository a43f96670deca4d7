// One test for each fault that fuzzing found.
using System.Text;
using Mote.Bindings.C;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Wasmtime;
using Mote.Wit;

namespace Mote.Fuzz.Tests;

public sealed class RegressionTests : IDisposable
{
    private readonly Engine _engine = new(new EngineOptions { EpochInterruption = false, ParallelCompilation = false, Optimization = OptimizationLevel.None });

    public void Dispose() => _engine.Dispose();

    // ---- values whose parts lie over each other ----

    /// <summary>A memory of pairs (place, count): every list in it has the same elements, which are the whole memory again.</summary>
    private static string Overlapping(string type, int count, int pages) => $$"""
        (component
          (core module $M
            (memory (export "memory") {{pages}})
            (func (export "get") (result i32)
              (local $at i32)
              (loop $next
                (i32.store (local.get $at) (i32.const 0))
                (i32.store offset=4 (local.get $at) (i32.const {{count}}))
                (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.mul (i32.const 65536) (memory.size)))))
              (i32.const 0)))
          (core instance $m (instantiate $M))
          (func (export "get") (result {{type}}) (canon lift (core func $m "get") (memory (core memory $m "memory")))))
        """;

    /// <summary>A list that has all of a memory of 2.5 MiB and a little, beginning at 0.</summary>
    private static string Whole(string type, int count) => $$"""
        (component
          (core module $M
            (memory (export "memory") 41)
            (func (export "get") (result i32)
              (i32.store (i32.const 2621440) (i32.const 0))
              (i32.store (i32.const 2621444) (i32.const {{count}}))
              (i32.const 2621440)))
          (core instance $m (instantiate $M))
          (func (export "get") (result {{type}}) (canon lift (core func $m "get") (memory (core memory $m "memory")))))
        """;

    private Value? Get(string wat)
    {
        using CompiledComponent compiled = Component.Load(Wat.ToWasm(wat), _engine).Compile(_engine);
        using InstanceTemplate template = new ComponentLinker().Link(compiled);
        using ComponentInstance instance = template.Instantiate();
        return instance.GetFunction("get").Call();
    }

    [Theory]
    [InlineData("(list (list (list (list u8))))")]
    [InlineData("(list (list string))")]
    [InlineData("(list (list (list (tuple u8 u8 u8 u8 u8 u8 u8 u8))))")]
    [InlineData("(list (list (map u32 u32)))")]
    public void Call_ListsOverEachOther_TrapsBeforeTheHostSpendsMuch(string type)
    {
        string wat = Overlapping(type, 8192, pages: 1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var trap = Assert.Throws<TrapException>(() => Get(wat));
        long spent = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Contains("lie over each other", trap.Message);
        Assert.True(spent < 256 << 20, $"{spent >> 20} MiB for a memory of 64 KiB");
    }

    [Theory]
    [InlineData("(list u8)", 65536 * 40)]
    [InlineData("(list (list u32 2))", 8192 * 40)]
    [InlineData("(list (tuple u8 (option u8) bool))", 16384 * 40)]
    [InlineData("(list bool)", 65536 * 40)]
    public void Call_ListAsLargeAsTheMemory_IsGiven(string type, int count)
    {
        var list = Assert.IsType<ListValue>(Get(Whole(type, count)));
        Assert.Equal(count, list.Items.Count);
    }

    [Fact]
    public void Call_SameTextAThousandTimes_IsGiven()
    {
        // Guests share constants: what lies over itself a little is nothing bad.
        const string Wat1 = """
            (component
              (core module $M
                (memory (export "memory") 1)
                (func (export "get") (result i32)
                  (local $at i32)
                  (local.set $at (i32.const 16384))
                  (loop $next
                    (i32.store (local.get $at) (i32.const 0))
                    (i32.store offset=4 (local.get $at) (i32.const 1000))
                    (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 24384))))
                  (i32.store (i32.const 8000) (i32.const 16384))
                  (i32.store (i32.const 8004) (i32.const 1000))
                  (i32.const 8000)))
              (core instance $m (instantiate $M))
              (func (export "get") (result (list string)) (canon lift (core func $m "get") (memory (core memory $m "memory")))))
            """;
        Assert.Equal(1000, Assert.IsType<ListValue>(Get(Wat1)).Items.Count);
    }

    // ---- WIT ----

    [Theory]
    [InlineData("package a:b;\ninterface i { record")]
    [InlineData("package a:b;\ninterface i { x")]
    [InlineData("package a:b;\nworld w { import")]
    [InlineData("package a:b;\nworld w { export x:")]
    [InlineData("package a:b;\nworld w { import x: interface")]
    [InlineData("package a:b@1.")]
    [InlineData("package a:b;\ninterface i { resource r { constructor")]
    public void Resolve_FileThatEnds_IsRefusedWithAPlace(string wit)
    {
        WitException e = Assert.Throws<WitException>(() => WitResolver.Resolve([("x.wit", wit)]));
        Assert.InRange(e.Line, 1, 2);
    }

    [Fact]
    public void Resolve_TypesInsideOneAnother_AreRefusedBeforeTheStackEnds()
    {
        string deep = $"package a:b;\ninterface i {{ f: func(x: {string.Concat(Enumerable.Repeat("list<", 100_000))}u8); }}";
        Assert.Contains("more than 100 types inside one another", Assert.Throws<WitException>(() => WitResolver.Resolve([("x.wit", deep)])).Reason);
        string chain = $"package a:b;\ninterface i {{ type t0 = u8; {string.Concat(Enumerable.Range(1, 20_000).Select(i => $"type t{i} = list<t{i - 1}>;\n"))} }}";
        Assert.Contains("more than 100 types inside one another", Assert.Throws<WitException>(() => WitResolver.Resolve([("x.wit", chain)])).Reason);
        string reversed = $"package a:b;\ninterface i {{ {string.Concat(Enumerable.Range(1, 20_000).Reverse().Select(i => $"type t{i} = list<t{i - 1}>;\n"))} type t0 = u8; }}";
        Assert.Contains("more than 100 types inside one another", Assert.Throws<WitException>(() => WitResolver.Resolve([("x.wit", reversed)])).Reason);
    }

    [Fact]
    public void Resolve_TypeThatDoublesAtEachStep_IsRefused()
    {
        string wit = $"package a:b;\ninterface i {{ type t0 = u8; {string.Concat(Enumerable.Range(1, 60).Select(i => $"record t{i} {{ a: t{i - 1}, b: t{i - 1} }}\n"))} }}";
        Assert.Contains("consists of more than 1000000 types", Assert.Throws<WitException>(() => WitResolver.Resolve([("x.wit", wit)])).Reason);
    }

    [Fact]
    public void Generate_TypesAsDeepAsAllowed_Works()
    {
        string wit = $"package a:b;\ninterface i {{ type t0 = u8; {string.Concat(Enumerable.Range(1, 90).Select(i => $"type t{i} = list<t{i - 1}>;\n"))} f: func(x: t90) -> t90; }}\nworld w {{ import i; export i; }}";
        (_, string header, _, string source) = CBindings.Generate(WitResolver.Resolve([("x.wit", wit)]).Packages[0].Worlds[0], new CBindingsOptions());
        Assert.Contains("t90", header);
        Assert.NotEmpty(source);
    }

    // ---- preview-1 programs ----

    [Theory]
    [InlineData("(import \"wasi_snapshot_preview1\" \"args`get\" (func)) (func (export \"_start\"))", "no function `args`get`")]
    [InlineData("(import \"wasi_snapshot_preview1\" \"fd__close\" (func)) (func (export \"_start\"))", "no function `fd__close`")]
    [InlineData("(import \"wasi_snapshot_preview1\" \"\" (func)) (func (export \"_start\"))", "no function ``")]
    [InlineData("(import \"wasi_snapshot_preview1\" \"fd_close\" (func (result i32 i32))) (func (export \"_start\"))", "has the type")]
    [InlineData("(func (export \"_start\") (param i32))", "takes nothing")]
    public void ToComponent_ProgramThatIsNone_SaysWhy(string body, string expected)
    {
        ComponentException e = Assert.Throws<ComponentException>(() => CoreProgram.ToComponent(Wat.ToWasm($"(module {body})"), _engine));
        Assert.Equal(ComponentErrorKind.Link, e.Kind);
        Assert.Contains(expected, e.Message);
    }

    // ---- TOML ----

    [Theory]
    [InlineData("mote = 1\nname = \"a\\")]
    [InlineData("mote = 1\nname = \"a")]
    [InlineData("mote = 1\nname = \"\\ud800\"\n")]
    [InlineData("mote = 1\nname = \"\\U00110000\"\n")]
    public void Load_ManifestWithABrokenString_NamesTheLine(string text)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, text);
        Assert.Equal(2, Assert.Throws<ConfigException>(() => AppManifest.Load(file, _ => null)).Line);
        File.Delete(file);
    }

    /// <summary>`manifest`, seed 12129070, input 25431: a value that was quoted had line breaks, or was very long.</summary>
    [Theory]
    [InlineData("mote = 1\n[app]\nname = \"a\\nb\\u001b[31m\"\n")]
    [InlineData("mote = 1\n[app]\nname = \"\"\"a\n\nb\"\"\"\n")]
    [InlineData("mote = 1\n[app]\nname = \"LONG\"\n")]
    public void Load_ManifestWithAnOddValue_IsToldInOneShortLine(string text)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, text.Replace("LONG", new string('A', 1_000_000), StringComparison.Ordinal));
        string message = Assert.Throws<ConfigException>(() => AppManifest.Load(file, _ => null)).Message;
        Assert.DoesNotContain(message, char.IsControl);
        Assert.InRange(message.Length, file.Length + 20, file.Length + 2000);
        Assert.Contains(":3: ", message);
        File.Delete(file);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a=")]
    public void Load_ManifestNestedTooDeep_IsAConfigurationError(string open)
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, "mote = 1\na = " + string.Concat(Enumerable.Repeat(open, 5000)), Encoding.UTF8);
        ConfigException e = Assert.Throws<ConfigException>(() => AppManifest.Load(file, _ => null));
        Assert.Contains("depth", e.Message);
        File.Delete(file);
    }
}
