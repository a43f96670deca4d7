// Core modules with preview-1 imports, wrapped as components.
using Mote.Components.Abi;
using Mote.Components.Inspection;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class CoreProgramTests
{
    /// <summary>Adds the number that lies where the first argument points.</summary>
    private sealed class ReadAt(List<uint> seen) : HostFunction
    {
        public override void Invoke(ref HostCall call)
        {
            GuestContext memory = call.CoreMemory();
            seen.Add(memory.LoadU32(call.Values[0].U32));
            call.Values[0].U64 = 0;
        }
    }

    [Fact]
    public void ToComponent_Program_RunsWithItsMemoryShownToTheHost()
    {
        byte[] module = Wat.ToWasm("""
            (module
              (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32) (result i32)))
              (memory (export "memory") 1)
              (data (i32.const 16) "\2a\00\00\00")
              (func (export "_start") (drop (call $w (i32.const 16)))))
            """);
        byte[] file = CoreProgram.ToComponent(module, Engines.Plain);
        var seen = new List<uint>();
        using Guest guest = Guest.Run(Component.Load(file, Engines.Plain).Compile(Engines.Plain), l => l.Instance(CoreProgram.ImportInstance).Function(CoreProgram.ComponentName("fd_write"), new ReadAt(seen)));

        guest.Call(CoreProgram.Entry);

        Assert.Equal([42u], seen);
    }

    [Fact]
    public void ToComponent_SameImportTwice_BothAreTheFunction()
    {
        byte[] module = Wat.ToWasm("""
            (module
              (import "wasi_snapshot_preview1" "fd_write" (func $a (param i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_read" (func $other (param i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_write" (func $b (param i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_write" (func $c (param i32) (result i32)))
              (memory (export "memory") 1)
              (data (i32.const 16) "\01\00\00\00\02\00\00\00\03\00\00\00\04\00\00\00")
              (func (export "_start")
                (drop (call $a (i32.const 16))) (drop (call $b (i32.const 20))) (drop (call $c (i32.const 24))) (drop (call $other (i32.const 28)))))
            """);
        var written = new List<uint>();
        var read = new List<uint>();
        using Guest guest = Guest.Run(Component.Load(CoreProgram.ToComponent(module, Engines.Plain), Engines.Plain).Compile(Engines.Plain), l =>
        {
            l.Instance(CoreProgram.ImportInstance).Function(CoreProgram.ComponentName("fd_write"), new ReadAt(written));
            l.Instance(CoreProgram.ImportInstance).Function(CoreProgram.ComponentName("fd_read"), new ReadAt(read));
        });

        guest.Call(CoreProgram.Entry);

        Assert.Equal([1u, 2u, 3u], written);
        Assert.Equal([4u], read);
    }

    [Fact]
    public void ToComponent_NoMemoryNoImports_Runs()
    {
        using Guest guest = Guest.Run(Component.Load(CoreProgram.ToComponent(Wat.ToWasm("""(module (func (export "_start")))"""), Engines.Plain), Engines.Plain).Compile(Engines.Plain), l => l.Instance(CoreProgram.ImportInstance));

        Assert.Null(guest.Call(CoreProgram.Entry));
    }

    [Theory]
    [InlineData("""(module (func (export "main")))""", "exports no function `_start` is not a program: it exports `main`")]
    [InlineData("""(module (import "env" "f" (func)) (func (export "_start")))""", "this one imports `env.f`")]
    [InlineData("""(module (import "wasi_snapshot_preview1" "m" (memory 1)) (func (export "_start")))""", "this one imports `wasi_snapshot_preview1.m`")]
    public void ToComponent_NotAProgram_SaysWhy(string wat, string message)
    {
        ComponentException e = Assert.Throws<ComponentException>(() => CoreProgram.ToComponent(Wat.ToWasm(wat), Engines.Plain));

        Assert.Equal(ComponentErrorKind.Link, e.Kind);
        Assert.Contains(message, e.Message);
    }

    [Fact]
    public void Load_CoreModule_SaysThatItIsOne()
    {
        byte[] module = Wat.ToWasm("""(module (import "a" "b" (func)) (memory (export "mem") 1))""");

        Assert.True(CoreModuleDescription.IsCoreModule(module));
        Assert.Contains("found a core module", Assert.Throws<ComponentException>(() => Component.Load(module, Engines.Plain)).Message);
        CoreModuleDescription d = CoreModuleDescription.Of(module, Engines.Plain);
        Assert.Equal([new CoreImportDescription("a", "b", "func")], d.Imports);
        Assert.Equal([("mem", "memory")], d.Exports);
    }
}
