// A merged module does what the modules did: every exported function of a module is called on its own and as part of a
// merged one, with the same random arguments, and must give the same results or the same trap.
using System.Diagnostics;
using Mote.Components.Binary;
using Mote.Components.Types;
using Mote.Conformance;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class CoreMergerTests : IDisposable
{
    /// <summary>Shifts every index space of what is merged after it.</summary>
    private const string Filler = """
        (module
          (type (func (param i64 i64) (result i32)))
          (type (func))
          (import "" "a" (func))
          (func $f (type 0) i32.const 1)
          (func (type 1) call 0)
          (table 3 funcref)
          (table 2 externref)
          (memory 1)
          (tag (param i32))
          (global i32 i32.const 5)
          (global (mut i64) i64.const 6)
          (elem (i32.const 0) $f)
          (elem func $f)
          (data (i32.const 8) "filler")
          (data "passive"))
        """;

    private readonly Engine _engine = new(new EngineOptions { ParallelCompilation = false, Optimization = OptimizationLevel.None });
    private readonly Timer _clock;

    public CoreMergerTests() => _clock = new Timer(_ => _engine.IncrementEpoch(), null, 20, 20);

    public void Dispose()
    {
        using (var ended = new ManualResetEvent(false))
        {
            _clock.Dispose(ended);
            ended.WaitOne();
        }

        _engine.Dispose();
    }

    [Fact]
    public void Merged_modules_behave_as_before()
    {
        int calls = 0, files = 0;
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests", "core"), "*.wat").Order())
        {
            files++;
            byte[] wasm = Wat.ToWasm(File.ReadAllBytes(file));
            Assert.True(Compare(wasm, file, ref calls), $"{file} was not merged");
        }

        Assert.True(files >= 3 && calls > 90, $"{files} files, {calls} calls");
    }

    /// <summary>MOTE_CORE_SUITE: folders of WAST scripts of core modules, the specification's for instance.</summary>
    [Fact]
    public void Merged_modules_of_a_suite_behave_as_before()
    {
        string? folders = Environment.GetEnvironmentVariable("MOTE_CORE_SUITE");
        Assert.SkipWhen(string.IsNullOrEmpty(folders), "MOTE_CORE_SUITE names no folders of core WAST scripts");
        int calls = 0, merged = 0, kept = 0;
        foreach (string file in folders!.Split(':').SelectMany(f => Directory.EnumerateFiles(f, "*.wast", SearchOption.AllDirectories)).Order())
        {
            byte[] source = File.ReadAllBytes(file);
            List<SExpr> forms;
            try
            {
                forms = SExpr.ParseAll(source);
            }
            catch (FormatException)
            {
                continue; // text that is meant to be wrong
            }

            foreach (SExpr form in forms.Where(f => f.Head == "module"))
            {
                byte[] wasm;
                try
                {
                    wasm = Wat.ToWasm(source.AsSpan()[form.Start..form.End]);
                }
                catch (WasmtimeException)
                {
                    continue; // a definition, an instance, or text in quotes
                }

                if (_engine.Validate(wasm) is not null) continue;
                if (Compare(wasm, $"{file}:{form.Line}", ref calls)) merged++;
                else kept++;
            }
        }

        TestContext.Current.SendDiagnosticMessage($"{merged} modules merged and compared, {kept} not merged, {calls} calls");
        Assert.True(merged > kept, $"{merged} merged, {kept} not");
    }

    /// <summary>A function may be referred to because it is exported; it may stay so when it no longer is.</summary>
    [Fact]
    public void A_reference_to_what_was_exported_stays_valid()
    {
        byte[] wasm = Wat.ToWasm("""(module (func $f (export "f")) (func (export "g") (result i32) (ref.is_null (ref.func $f))))""");
        byte[]? merged = CoreMerger.Merge([new MergeMember(Wat.ToWasm(Filler), [new MergeSource(-1, "", 0)]), new MergeMember(wasm, [])], [new MergeExport(1, "g", "g")], out _);
        Assert.NotNull(merged);
        Assert.Null(_engine.Validate(merged));
    }

    /// <summary>
    /// What wit-component makes with an adapter: main module, adapter, shim, fixup. The fixup runs an initializer, whose
    /// way to the host leads through all four, and the host needs the memory of the first.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_adapted_component_becomes_one_module_and_its_initializer_reaches_the_host(bool stored)
    {
        byte[] file = Wat.ToWasm("""
            (component
              (import "log" (func $log (param "text" string)))
              (core module $shim
                (type $t (func (param i32 i32)))
                (table (export "$imports") 2 2 funcref)
                (func (export "0") (param i32 i32) (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0)))
                (func (export "1") (param i32 i32) (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 1))))
              (core instance $shim (instantiate $shim))
              (core module $main
                (import "old" "write" (func $write (param i32 i32)))
                (memory (export "memory") 1)
                (data (i32.const 16) "hello there")
                (global $calls (mut i32) (i32.const 0))
                (func (export "initialize") (call $write (i32.const 16) (i32.const 5)) (global.set $calls (i32.const 1)))
                (func (export "run") (result i32)
                  (call $write (i32.const 22) (i32.const 5))
                  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                  global.get $calls))
              (core instance $main (instantiate $main (with "old" (instance (export "write" (func $shim "0"))))))
              (core module $adapter
                (import "env" "memory" (memory 0))
                (import "host" "log" (func $log (param i32 i32)))
                (global $written (mut i32) (i32.const 0))
                (func (export "write") (param i32 i32)
                  (global.set $written (i32.add (global.get $written) (local.get 1)))
                  (if (i32.eqz (i32.load8_u (local.get 0))) (then unreachable))
                  (call $log (local.get 0) (local.get 1)))
                (func (export "written") (result i32) global.get $written))
              (core instance $adapter (instantiate $adapter
                (with "env" (instance (export "memory" (memory $main "memory"))))
                (with "host" (instance (export "log" (func $shim "1"))))))
              (core func $lowered (canon lower (func $log) (memory (core memory $main "memory"))))
              (core module $fixup
                (import "" "0" (func (param i32 i32)))
                (import "" "1" (func (param i32 i32)))
                (import "" "initialize" (func $initialize))
                (import "" "$imports" (table 2 2 funcref))
                (elem (i32.const 0) func 0 1)
                (start $initialize))
              (core instance (instantiate $fixup (with "" (instance
                (export "0" (func $adapter "write"))
                (export "1" (func $lowered))
                (export "initialize" (func $main "initialize"))
                (export "$imports" (table $shim "$imports"))))))
              (func (export "run") (result u32) (canon lift (core func $main "run")))
              (func (export "written") (result u32) (canon lift (core func $adapter "written"))))
            """);
        CompiledComponent compiled = Component.Load(file, _engine).Compile(_engine);
        Assert.Equal(4, compiled.MergedModules);
        if (stored)
        {
            string folder = Directory.CreateTempSubdirectory().FullName;
            foreach ((string name, byte[] content) in CompiledStore.Files(compiled)) File.WriteAllBytes(Path.Combine(folder, name), content);
            compiled.Dispose();
            compiled = CompiledStore.Load(_engine, folder);
            Directory.Delete(folder, recursive: true);
        }

        var texts = new List<string>();
        using Guest guest = Guest.Run(
            compiled,
            linker => linker.Root.Function("log", new DynamicHostFunction((_, arguments) =>
            {
                texts.Add(((StringValue)arguments[0]).Value);
                return null;
            })),
            instance => instance.Store.SetEpochDeadline(1000));
        Assert.Equal(["hello"], texts);
        Assert.Equal(2u, guest.CallU32("run"));
        Assert.Equal(10u, guest.CallU32("written"));
        Assert.Equal(["hello", "there"], texts);
    }

    [Theory]
    [InlineData("(module (import \"\" \"g\" (global i32)) (global i32 (global.get 0)))", "an imported global in a constant expression")]
    [InlineData("(module (import \"\" \"m\" (memory 1)))", "a memory from outside")]
    public void What_cannot_be_merged_stays(string text, string why) => Assert.Null(Merge(Wat.ToWasm(text)) is { } merged ? why : null);

    private static byte[]? Merge(byte[] wasm)
    {
        CoreModule module = CoreModule.Read(wasm, 0, new CoreTypeInterner());
        MergeSource[] imports = [.. module.Imports.Select((_, i) => new MergeSource(-1, "", i + 1))];
        MergeExport[] exports = [.. module.Exports.Select(e => new MergeExport(1, e.Name, $"1:{e.Name}"))];
        return CoreMerger.Merge([new MergeMember(Wat.ToWasm(Filler), [new MergeSource(-1, "", 0)]), new MergeMember(wasm, imports)], exports, out _);
    }

    /// <returns>False where the module cannot be merged.</returns>
    private bool Compare(byte[] wasm, string where, ref int calls)
    {
        CoreModule module;
        try
        {
            module = CoreModule.Read(wasm, 0, new CoreTypeInterner());
        }
        catch (ComponentException)
        {
            return false; // twice the same import: no component can have such a module
        }

        if (Merge(wasm) is not { } bytes) return false;
        if (_engine.Validate(bytes) is { } wrong) Assert.Fail($"{where}: the merged module is not valid: {wrong}");
        using Module alone = Module.Compile(_engine, wasm), merged = Module.Compile(_engine, bytes);
        foreach ((string name, ExternKind kind, uint index) in module.Exports)
        {
            if (kind != ExternKind.Func) continue;
            CoreSubType type = module.Functions[(int)index];
            if (!type.Parameters.Concat(type.Results).All(t => t.Kind is CoreValKind.I32 or CoreValKind.I64 or CoreValKind.F32 or CoreValKind.F64)) continue;
            for (int seed = 0; seed < 3; seed++)
            {
                string a = Call(alone, name, type, false, seed), b = Call(merged, $"1:{name}", type, module.HasStart, seed);
                if (a.Contains("interrupt") || b.Contains("interrupt")) continue;
                Assert.True(a == b, $"{where}: {name} with seed {seed}: alone {a}, merged {b}");
                calls++;
            }
        }

        return true;
    }

    /// <summary>What comes of a call in a new instance, as text.</summary>
    private string Call(Module module, string name, CoreSubType type, bool start, int seed)
    {
        using var linker = new Linker(_engine);
        linker.DefineUnknownImportsAsTraps(module);
        using InstancePre pre = linker.Prepare(module);
        using var store = new Store(_engine);
        store.SetEpochDeadline(3);
        store.SetLimits(new StoreLimits(MemoryBytes: 64 << 20, TableElements: 100_000));
        try
        {
            Instance instance = pre.Instantiate(store);
            var values = new ValRaw[Math.Max(1, Math.Max(type.Parameters.Length, type.Results.Length))];
            if (start && instance.TryGetExport(CoreMerger.StartExport, out Extern entry)) entry.AsFunc().CallUnchecked(values);
            if (!instance.TryGetExport(name, out Extern item)) return "no such export";
            var random = new Random(seed);
            for (int i = 0; i < type.Parameters.Length; i++)
            {
                // Small numbers are addresses and counts; large ones are the rest.
                values[i].I64 = seed == 0 ? random.Next(8) : random.NextInt64() >> random.Next(64);
                if (type.Parameters[i].Kind is CoreValKind.I32 or CoreValKind.F32) values[i].I64 = (uint)values[i].I64;
            }

            item.AsFunc().CallUnchecked(values);
            return string.Join(' ', type.Results.Select((t, i) => t.Kind switch
            {
                CoreValKind.I32 => $"{values[i].I32:x}",
                CoreValKind.F32 => float.IsNaN(values[i].F32) ? "nan" : $"{values[i].I32:x}",
                CoreValKind.F64 => double.IsNaN(values[i].F64) ? "nan" : $"{values[i].I64:x}",
                _ => $"{values[i].I64:x}",
            }));
        }
        catch (TrapException e)
        {
            return $"trap: {e.Code?.ToString() ?? (e.Message.Contains("unknown import") ? "an import" : e.Message.Split('\n')[0])}";
        }
        catch (WasmtimeException e)
        {
            return e.Message.Contains("unknown import") ? "trap: an import" : $"error: {e.Message.Split('\n')[0]}";
        }
    }
}
