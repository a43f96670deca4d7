// Compiled components on disk: what is loaded is what was stored; what is damaged, or another's, is said to be so.
using System.Text;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class CompiledStoreTests : IDisposable
{
    /// <summary>A part of everything a plan can hold.</summary>
    private const string Everything = """
        (component
          (import "host" (instance $host (export "f" (func (param "v" u32) (result u32)))))
          (import "r" (type $r (sub resource)))
          (type $v' (variant (case "a") (case "b" (list (tuple u8 string))) (case "c" (map string (option f32))) (case "d" (list u8 3))))
          (import "v" (type $v (eq $v')))
          (type $e' (enum "x" "y"))
          (import "e" (type $e (eq $e')))
          (type $rec' (record (field "e" $e) (field "c" char)))
          (import "rec" (type $rec (eq $rec')))
          (type $flags' (flags "p" "q"))
          (import "flags" (type $flags (eq $flags')))
          (import "use" (func $use (param "v" $v) (param "f" $flags) (param "rec" $rec) (result (result u8 (error $e)))))
          (import "lend" (func $lend (param "r" (borrow $r)) (result (own $r))))
          (component $inner
            (import "f" (func $f (param "v" u32) (result u32)))
            (core func $f (canon lower (func $f)))
            (core module $m (import "" "f" (func $f (param i32) (result i32))) (func (export "twice") (param i32) (result i32) (call $f (call $f (local.get 0)))))
            (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
            (func (export "twice") (param "v" u32) (result u32) (canon lift (core func $i "twice"))))
          (instance $inner (instantiate $inner (with "f" (func $host "f"))))
          (core module $mem (memory (export "memory") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
          (core instance $mem (instantiate $mem))
          (core func $use (canon lower (func $use) (memory (core memory $mem "memory")) (realloc (core func $mem "realloc")) string-encoding=utf16))
          (core func $lend (canon lower (func $lend)))
          (core func $drop (canon resource.drop $r))
          (core func $twice (canon lower (func $inner "twice")))
          (type $own' (resource (rep i32)))
          (core func $new (canon resource.new $own'))
          (core func $rep (canon resource.rep $own'))
          (core module $m
            (import "" "use" (func (param i32 i32 i32 i32 i32 i32 i32 i32)))
            (import "" "lend" (func (param i32) (result i32)))
            (import "" "drop" (func (param i32)))
            (import "" "twice" (func $twice (param i32) (result i32)))
            (import "" "new" (func (param i32) (result i32)))
            (import "" "rep" (func (param i32) (result i32)))
            (func (export "run") (param i32) (result i32) (call $twice (local.get 0)))
            (func (export "after") (param i32)))
          (core instance $i (instantiate $m (with "" (instance
            (export "use" (func $use)) (export "lend" (func $lend)) (export "drop" (func $drop)) (export "twice" (func $twice)) (export "new" (func $new)) (export "rep" (func $rep))))))
          (func $run (param "v" u32) (result u32) (canon lift (core func $i "run") (post-return (core func $i "after"))))
          (export "outer" (func $run))
          (instance $api (export "run" (func $inner "twice")))
          (export "ns:pkg/api@1.0.0" (instance $api)))
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("mote-store-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Host(ComponentLinker l)
    {
        l.Instance("host").Function("f", new DynamicHostFunction((_, a) => new UnsignedValue(((UnsignedValue)a[0]).Value + 10)));
        l.Root.Resource("r", new Resources.HostResource("r")).Function("use", new DynamicHostFunction((_, _) => null)).Function("lend", new DynamicHostFunction((_, _) => null));
    }

    private Plan Store(Engine engine)
    {
        using CompiledComponent compiled = Guest.Load(Everything, engine).Compile(engine);
        Assert.True(CompiledStore.CanStore(compiled));
        foreach ((string name, byte[] content) in CompiledStore.Files(compiled)) File.WriteAllBytes(Path.Combine(_folder, name), content);
        return compiled.Plan;
    }

    [Fact]
    public void Load_WhatWasStored_IsTheSamePlanAndRuns()
    {
        Plan stored = Store(Engines.Plain);
        CompiledComponent loaded = CompiledStore.Load(Engines.Plain, _folder);

        Assert.Equal(PlanWriter.Write(stored), PlanWriter.Write(loaded.Plan));
        using Guest guest = Guest.Run(loaded, Host);
        Assert.Equal(new UnsignedValue(25), guest.Instance.GetFunction("ns:pkg/api@1.0.0", "run").Call(new UnsignedValue(5)));
        Assert.Equal(stored.Imports.Select(i => (string.Join('#', i.Path), i.Type.ToString())), loaded.Plan.Imports.Select(i => (string.Join('#', i.Path), i.Type.ToString())));
    }

    [Fact]
    public void Load_AFileIsMissing_SaysWhich()
    {
        Store(Engines.Plain);
        foreach (string file in Directory.GetFiles(_folder))
        {
            File.Move(file, file + ".gone");

            Exception e = Assert.ThrowsAny<Exception>(() => CompiledStore.Load(Engines.Plain, _folder));

            Assert.True(e is IOException or WasmtimeException, e.ToString());
            Assert.Contains(Path.GetFileName(file), e.Message);
            File.Move(file + ".gone", file);
        }
    }

    [Fact]
    public void Load_EveryPrefixOfThePlan_IsDamaged()
    {
        Store(Engines.Plain);
        string path = Path.Combine(_folder, "plan");
        byte[] plan = File.ReadAllBytes(path);
        for (int length = 0; length < plan.Length; length++)
        {
            File.WriteAllBytes(path, plan[..length]);
            Assert.Throws<InvalidDataException>(() => CompiledStore.Load(Engines.Plain, _folder));
        }
    }

    [Fact]
    public void Load_AnyBitOfThePlanFlipped_IsDamaged()
    {
        Store(Engines.Plain);
        string path = Path.Combine(_folder, "plan");
        byte[] plan = File.ReadAllBytes(path);
        for (int at = 0; at < plan.Length; at++)
        {
            for (int bit = at % 8; bit < 8; bit += Seeds.Long ? 1 : 3)
            {
                byte[] damaged = [.. plan];
                damaged[at] ^= (byte)(1 << bit);
                File.WriteAllBytes(path, damaged);
                Assert.Throws<InvalidDataException>(() => CompiledStore.Load(Engines.Plain, _folder));
            }
        }
    }

    [Fact]
    public void ReadPlan_OfAnotherVersion_SaysSo()
    {
        byte[] plan = PlanWriter.Write(Guest.Load(Everything).Plan);
        plan[4]++;

        Assert.Equal("the stored plan is of another version", Assert.Throws<InvalidDataException>(() => PlanReader.Read(plan)).Message);
        Assert.Equal("the stored plan is damaged", Assert.Throws<InvalidDataException>(() => PlanReader.Read(Encoding.UTF8.GetBytes("something else"))).Message);
    }

    [Fact]
    public void Load_MachineCodeOfAnotherEngine_IsRefused()
    {
        Store(Engines.Plain);

        WasmtimeException e = Assert.Throws<WasmtimeException>(() => CompiledStore.Load(Engines.Epochs, _folder));

        Assert.Contains("epoch", e.Message);
    }

    [Fact]
    public void Load_MachineCodeCutOffOrForeign_IsRefused()
    {
        Store(Engines.Plain);
        string path = Directory.GetFiles(_folder, "*.cwasm")[0];
        byte[] code = File.ReadAllBytes(path);
        foreach (byte[] wrong in (byte[][])[[], [0x7f], code[..64], code[..(code.Length / 2)], code[..^1], Encoding.UTF8.GetBytes(new string('x', 5000)), Wat.ToWasm("(module)")])
        {
            // A new file: what is mapped must never change.
            File.Delete(path);
            File.WriteAllBytes(path, wrong);
            Assert.Throws<WasmtimeException>(() => CompiledStore.Load(Engines.Plain, _folder));
        }
    }

    [Fact]
    public void CanStore_ComponentThatImportsAModule_IsFalse()
    {
        using CompiledComponent compiled = Guest.Load("""(component (import "m" (core module $m)) (core instance (instantiate $m)))""").Compile(Engines.Plain);

        Assert.False(CompiledStore.CanStore(compiled));
    }
}
