// Floats of a component: the same bits everywhere, or the processor's own, and never the code of the other.
using System.Runtime.InteropServices;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Runtime.Tests;

public sealed class FloatTests : IDisposable
{
    /// <summary>A signalling NaN with a payload, plus one: the processor keeps the payload and sets the quiet bit.</summary>
    private const uint Payload = 0x7fa12345, QuietPayload = 0x7fe12345, Canonical = 0x7fc00000;

    /// <summary>32 bits from the 24th of a NaN of 64 bits: the canonical one, and the payload above.</summary>
    private const uint CanonicalWide = unchecked((uint)(0x7ff8000000000000 >> 24)), PayloadWide = unchecked((uint)((0x7ff8000000000000 | ((Payload & 0x7fffffUL) << 29)) >> 24));

    private static readonly byte[] s_nans = Wat.ToWasm("""
        (component
          (core module $m
            (func (export "add") (param i32) (result i32) (i32.reinterpret_f32 (f32.add (f32.reinterpret_i32 (local.get 0)) (f32.const 1))))
            (func (export "zero") (param i32) (result i32) (i32.reinterpret_f32 (f32.div (f32.convert_i32_s (local.get 0)) (f32.convert_i32_s (local.get 0)))))
            (func (export "lanes") (param i32) (result i32) (i32x4.extract_lane 3 (f32x4.mul (i32x4.splat (local.get 0)) (v128.const f32x4 1 1 1 1))))
            (func (export "wide") (param i32) (result i32) (i32.wrap_i64 (i64.shr_u (i64.reinterpret_f64 (f64.promote_f32 (f32.reinterpret_i32 (local.get 0)))) (i64.const 24))))
            (func (export "spin") (param i32) (result i32) (loop $l (br $l)) unreachable))
          (core instance $i (instantiate $m))
          (func (export "add") (param "n" u32) (result u32) (canon lift (core func $i "add")))
          (func (export "zero") (param "n" u32) (result u32) (canon lift (core func $i "zero")))
          (func (export "lanes") (param "n" u32) (result u32) (canon lift (core func $i "lanes")))
          (func (export "wide") (param "n" u32) (result u32) (canon lift (core func $i "wide")))
          (func (export "spin") (param "n" u32) (result u32) (canon lift (core func $i "spin"))))
        """);

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    /// <summary>The processor's own NaN for an operation without one.</summary>
    private static uint Default => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x7fc00000u : 0xffc00000u;

    private static uint[] Bits(CompiledComponent compiled, RuntimeEngine engine)
    {
        using InstanceTemplate template = new ComponentLinker().Link(compiled);
        using MicroVm vm = engine.Start(template);
        return [(uint)vm.Call("add", Payload), (uint)vm.Call("zero", 0), (uint)vm.Call("lanes", Payload), (uint)vm.Call("wide", Payload)];
    }

    [Theory]
    [InlineData(ProfileKind.Server)]
    [InlineData(ProfileKind.SmallDevice)]
    public void Nans_AreCanonicalUnlessFast(ProfileKind profile)
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { Profile = profile, PoolSlots = 4 });
        Assert.Equal([Canonical, Canonical, Canonical, CanonicalWide], Bits(engine.Compile(s_nans), engine));
        Assert.Equal([QuietPayload, Default, QuietPayload, PayloadWide], Bits(engine.Compile(s_nans, FloatMode.Fast), engine));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Code_OfOneKind_IsNotTakenForTheOther(bool worker)
    {
        CompileWorker? compiler = null;
        if (worker)
        {
            string? program = Environment.GetEnvironmentVariable("MOTE_BINARY");
            Assert.SkipUnless(File.Exists(program), "MOTE_BINARY names no published mote (./test makes one)");
            compiler = new CompileWorker { Program = program };
        }

        for (int round = 0; round < 2; round++) // compiled, then from the cache
        {
            using var engine = new RuntimeEngine(new RuntimeOptions { Profile = ProfileKind.SmallDevice, CacheFolder = _scratch.Of("code"), Compiler = compiler });
            Assert.Equal(QuietPayload, Bits(engine.Compile(s_nans, FloatMode.Fast), engine)[0]);
            Assert.Equal(Canonical, Bits(engine.Compile(s_nans), engine)[0]);
            Assert.Equal(2, Directory.GetDirectories(_scratch.Of("code")).Length);
        }
    }

    [Fact]
    public void Deadline_HoldsInAnEngineMadeLater()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 4 });
        using InstanceTemplate template = new ComponentLinker().Link(engine.Compile(s_nans, FloatMode.Fast));
        using MicroVm vm = engine.Start(template, new MicroVmLimits { Time = TimeSpan.FromMilliseconds(50) });
        Assert.IsType<DeadlineException>(Assert.Throws<TrapException>(() => vm.Call("spin", 0)).InnerException);
    }
}
