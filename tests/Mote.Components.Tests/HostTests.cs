// Functions of the host: types that must match, results that must fit, exceptions, re-entrance, backtraces, deadlines.
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Components.Tests;

public sealed class HostTests
{
    /// <summary>Exports run, which calls the import with its argument; and ok, which calls nothing.</summary>
    private const string Caller = """
        (component
          (import "call" (func $call (param "v" u32) (result u8)))
          (core func $call (canon lower (func $call)))
          (core module $program
            (import "" "call" (func $call (param i32) (result i32)))
            (func $inner (param i32) (result i32) (call $call (local.get 0)))
            (func $outer (export "run") (param i32) (result i32) (call $inner (local.get 0)))
            (func (export "ok") (result i32) (i32.const 1)))
          (core instance $i (instantiate $program (with "" (instance (export "call" (func $call))))))
          (func (export "run") (param "v" u32) (result u32) (canon lift (core func $i "run")))
          (func (export "ok") (result u32) (canon lift (core func $i "ok"))))
        """;

    [Fact]
    public void Call_HostFunctionThrows_TrapsWithItsExceptionAsTheCause()
    {
        var thrown = new TimeZoneNotFoundException("no such zone");
        using Guest guest = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((_, _) => throw thrown)));

        TrapException trap = Assert.Throws<TrapException>(() => guest.Call("run", new UnsignedValue(1)));

        Assert.Equal("no such zone", trap.Message);
        Assert.Same(thrown, trap.InnerException);
        Assert.True(guest.Instance.IsPoisoned);
    }

    [Fact]
    public void Trap_InAHostFunction_HasABacktraceWithTheNamesOfTheGuest()
    {
        using Guest guest = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((_, _) => throw new TrapException("the host says no"))));

        TrapException trap = Assert.Throws<TrapException>(() => guest.Call("run", new UnsignedValue(1)));

        Assert.Equal(["inner", "outer"], trap.Backtrace.Select(f => f.Function));
        Assert.All(trap.Backtrace, f => Assert.Equal("program", f.Module));
        string[] lines = trap.Describe().Split('\n');
        Assert.Equal("the host says no", lines[0]);
        Assert.Matches(@"^   0: program!inner \+0x[0-9a-f]+$", lines[1]);
        Assert.Matches(@"^   1: program!outer \+0x[0-9a-f]+$", lines[2]);
    }

    [Fact]
    public void Trap_OfCoreCode_HasItsCodeAndBacktrace()
    {
        using Guest guest = Guest.Run("""
            (component
              (core module $m (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))) (func $entry (export "f") (param i32) (result i32) (call $divide (local.get 0))))
              (core instance $i (instantiate $m))
              (func (export "f") (param "v" u32) (result u32) (canon lift (core func $i "f"))))
            """);

        TrapException trap = Assert.Throws<TrapException>(() => guest.Call("f", new UnsignedValue(0)));

        Assert.Equal(TrapCode.IntegerDivisionByZero, trap.Code);
        Assert.Equal("integer divide by zero", trap.Message);
        Assert.Equal(["divide", "entry"], trap.Backtrace.Select(f => f.Function));
    }

    [Fact]
    public void Trap_ThroughTwoComponents_ShowsBoth()
    {
        using Guest guest = Guest.Run("""
            (component
              (component $lib
                (core module $lib (func $fails (export "f") unreachable))
                (core instance $i (instantiate $lib))
                (func (export "f") (canon lift (core func $i "f"))))
              (component $app
                (import "f" (func $f))
                (core func $f (canon lower (func $f)))
                (core module $app (import "" "f" (func $f)) (func $calls (export "g") (call $f)))
                (core instance $i (instantiate $app (with "" (instance (export "f" (func $f))))))
                (func (export "g") (canon lift (core func $i "g"))))
              (instance $l (instantiate $lib))
              (instance $a (instantiate $app (with "f" (func $l "f"))))
              (export "g" (func $a "g")))
            """);

        TrapException trap = Assert.Throws<TrapException>(() => guest.Call("g"));

        Assert.Equal(["lib!fails", "app!calls"], trap.Backtrace.Select(f => $"{f.Module}!{f.Function}"));
    }

    [Fact]
    public void Call_HostResultDoesNotFit_SaysWhat()
    {
        using Guest tooLarge = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((_, _) => new UnsignedValue(256))));
        using Guest nothing = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((_, _) => null)));

        Assert.Equal("the host function's result does not fit: expected u8, found 256", Assert.Throws<TrapException>(() => tooLarge.Call("run", new UnsignedValue(0))).Message);
        Assert.Equal("the host function gave no result, u8 was expected", Assert.Throws<TrapException>(() => nothing.Call("run", new UnsignedValue(0))).Message);
    }

    [Fact]
    public void Link_TypeOfTheHostDiffers_ShowsBoth()
    {
        ComponentException e = Assert.Throws<ComponentException>(() => Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((_, _) => null, "func(v: u64) -> u8"))));

        Assert.Equal(ComponentErrorKind.Link, e.Kind);
        Assert.Contains("`call`", e.Message);
        Assert.Contains("func(v: u32) -> u8", e.Message);
        Assert.Contains("func(v: u64) -> u8", e.Message);
    }

    [Fact]
    public void Link_SeveralImportsMissing_NamesAll()
    {
        ComponentException e = Assert.Throws<ComponentException>(() => Guest.Run("""
            (component (import "first" (func)) (import "ns:pkg/second@1.2.3" (instance (export "f" (func)))) (import "third" (func)))
            """));

        Assert.Equal(ComponentErrorKind.Link, e.Kind);
        Assert.Contains("first", e.Message);
        Assert.Contains("ns:pkg/second@1.2.3", e.Message);
        Assert.Contains("third", e.Message);
    }

    [Fact]
    public void Call_HostCallsBackIntoTheRunningInstance_Traps()
    {
        Exception? inner = null;
        using Guest guest = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((instance, _) =>
        {
            inner = Assert.Throws<TrapException>(() => instance.GetFunction("ok").Call());
            throw inner;
        })));

        Assert.Equal("cannot enter component instance", Assert.Throws<TrapException>(() => guest.Call("run", new UnsignedValue(0))).Message);
        Assert.NotNull(inner);
        Assert.True(guest.Instance.IsPoisoned);
    }

    [Fact]
    public void Call_HostTakesNoForAnAnswer_TheRunningCallGoesOn()
    {
        using Guest guest = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((instance, _) =>
        {
            Assert.Throws<TrapException>(() => instance.GetFunction("ok").Call());
            return new UnsignedValue(3);
        })));

        Assert.Equal(3u, guest.CallU32("run", new UnsignedValue(0)));
        Assert.Equal(1u, guest.CallU32("ok"));
    }

    [Fact]
    public void Call_AnotherInstanceFromAHostFunction_Works()
    {
        ComponentInstance? other = null;
        using Guest guest = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((instance, a) =>
            ((UnsignedValue)a[0]).Value == 0 ? new UnsignedValue(40) : new UnsignedValue(((UnsignedValue)other!.GetFunction("run").Call(new UnsignedValue(0))!).Value + 2))));
        using ComponentInstance second = other = guest.Template.Instantiate();

        Assert.Equal(42u, guest.CallU32("run", new UnsignedValue(1)));
    }

    [Fact]
    public void Call_OtherInstanceTrapsInsideAHostFunction_OnlyThatOneEndsWhereTheHostGoesOn()
    {
        ComponentInstance? other = null;
        using Guest guest = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((_, a) =>
        {
            if (((UnsignedValue)a[0]).Value == 0) throw new TrapException("on purpose");
            Assert.Throws<TrapException>(() => other!.GetFunction("run").Call(new UnsignedValue(0)));
            return new UnsignedValue(7);
        })));
        using ComponentInstance second = other = guest.Template.Instantiate();

        Assert.Equal(7u, guest.CallU32("run", new UnsignedValue(1)));
        Assert.True(other.IsPoisoned);
        Assert.False(guest.Instance.IsPoisoned);
        Assert.Equal(1u, guest.CallU32("ok"));
    }

    [Fact]
    public void Dispose_FromAHostFunctionOfTheInstance_IsRefused()
    {
        using Guest guest = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((instance, _) =>
        {
            Assert.Throws<InvalidOperationException>(instance.Dispose);
            return new UnsignedValue(5);
        })));

        Assert.Equal(5u, guest.CallU32("run", new UnsignedValue(0)));
        Assert.Equal(1u, guest.CallU32("ok"));
    }

    [Fact]
    public void AfterHostCall_Throws_TrapsTheGuest()
    {
        using Guest guest = Guest.Run(Caller, h => h.Root.Function("call", new DynamicHostFunction((_, _) => new UnsignedValue(1))),
            configure: i => i.AfterHostCall = _ => throw new TrapException("the deadline passed while the host worked"));

        Assert.Equal("the deadline passed while the host worked", Assert.Throws<TrapException>(() => guest.Call("run", new UnsignedValue(0))).Message);
    }

    [Fact]
    public void EpochDeadline_EndlessGuest_IsStoppedAndOthersGoOn()
    {
        const string Endless = """
            (component
              (core module $m (func (export "spin") (loop (br 0))) (func (export "ok") (result i32) (i32.const 1)))
              (core instance $i (instantiate $m))
              (func (export "spin") (canon lift (core func $i "spin")))
              (func (export "ok") (result u32) (canon lift (core func $i "ok"))))
            """;
        using Guest guest = Guest.Run(Endless, engine: Engines.Epochs, configure: i => i.Store.SetEpochDeadline(1));
        using ComponentInstance other = guest.Template.Instantiate();
        var ticker = new Thread(() =>
        {
            while (!guest.Instance.IsPoisoned)
            {
                Engines.Epochs.IncrementEpoch();
                Thread.Yield();
            }
        })
        { IsBackground = true };
        ticker.Start();

        TrapException trap = Assert.Throws<TrapException>(() => guest.Call("spin"));
        ticker.Join();

        Assert.Equal(TrapCode.Interrupt, trap.Code);
        Assert.Equal(new UnsignedValue(1), other.GetFunction("ok").Call());
    }

    [Fact]
    public void MemoryLimit_StartOfALargeMemory_IsRefusedAndGrowthFailsAsTheGuestsOwn()
    {
        const string Grows = """
            (component
              (core module $m (memory 2) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
              (core instance $i (instantiate $m))
              (func (export "grow") (param "pages" u32) (result s32) (canon lift (core func $i "grow"))))
            """;
        using Guest guest = Guest.Run(Grows, configure: i => i.Store.SetLimits(new StoreLimits(MemoryBytes: 4 * 65536)));

        Assert.Equal(new SignedValue(2), guest.Call("grow", new UnsignedValue(2)));
        Assert.Equal(new SignedValue(-1), guest.Call("grow", new UnsignedValue(1)));
        Assert.ThrowsAny<WasmtimeException>(() => guest.Template.Instantiate(i => i.Store.SetLimits(new StoreLimits(MemoryBytes: 65536))));
    }

    [Theory]
    [InlineData("ns:pkg/i@0.2.0", "ns:pkg/i@0.2.12", true)]
    [InlineData("ns:pkg/i@0.2.12", "ns:pkg/i@0.2.0", true)]
    [InlineData("ns:pkg/i@0.2.0", "ns:pkg/i@0.3.0", false)]
    [InlineData("ns:pkg/i@1.2.0", "ns:pkg/i@1.9.3", true)]
    [InlineData("ns:pkg/i@1.2.0", "ns:pkg/i@2.0.0", false)]
    [InlineData("ns:pkg/i@0.0.1", "ns:pkg/i@0.0.2", false)]
    [InlineData("ns:pkg/i@0.0.1", "ns:pkg/i@0.0.1", true)]
    [InlineData("ns:pkg/i@1.0.0-rc.1", "ns:pkg/i@1.0.0", false)]
    [InlineData("ns:pkg/i@1.0.0-rc.1", "ns:pkg/i@1.0.0-rc.1", true)]
    [InlineData("ns:pkg/i@1.0.0", "ns:pkg/j@1.0.0", false)]
    [InlineData("ns:pkg/i", "ns:pkg/i@1.0.0", false)]
    public void Link_VersionsOfAnInterface_MatchWithinTheCompatibleTrack(string imported, string hosted, bool match)
    {
        string wat = $"""(component (import "{imported}" (instance (export "f" (func)))))""";
        void Host(ComponentLinker l) => l.Instance(hosted).Function("f", new DynamicHostFunction((_, _) => null));

        if (match) Guest.Run(wat, Host).Dispose();
        else Assert.Contains(imported, Assert.Throws<ComponentException>(() => Guest.Run(wat, Host)).Message);
    }

    [Fact]
    public void Link_SeveralCompatibleVersionsHosted_ExactOneElseTheNewest()
    {
        static string Import(string version) => $"""
            (component
              (import "ns:pkg/i@{version}" (instance $i (export "f" (func (result u32)))))
              (core func $f (canon lower (func $i "f")))
              (core module $m (import "" "f" (func $f (result i32))) (func (export "g") (result i32) (call $f)))
              (core instance $c (instantiate $m (with "" (instance (export "f" (func $f))))))
              (func (export "g") (result u32) (canon lift (core func $c "g"))))
            """;
        static void Host(ComponentLinker l)
        {
            foreach (uint patch in (uint[])[3, 10, 9]) l.Instance($"ns:pkg/i@0.2.{patch}").Function("f", new DynamicHostFunction((_, _) => new UnsignedValue(patch)));
        }

        using Guest exact = Guest.Run(Import("0.2.3"), Host);
        using Guest compatible = Guest.Run(Import("0.2.5"), Host);

        Assert.Equal(3u, exact.CallU32("g"));
        Assert.Equal(10u, compatible.CallU32("g"));
    }

    [Fact]
    public void Remove_NewestVersion_TheNextCompatibleOneStandsIn()
    {
        var linker = new ComponentLinker();
        linker.Instance("ns:pkg/i@0.2.3");
        linker.Instance("ns:pkg/i@0.2.9");
        linker.Remove("ns:pkg/i@0.2.9");

        Assert.True(linker.Hosts("ns:pkg/i@0.2.5"));
        linker.Remove("ns:pkg/i@0.2.3");
        Assert.False(linker.Hosts("ns:pkg/i@0.2.5"));
        Assert.Empty(linker.Names);
    }

    [Theory]
    [InlineData("ns:pkg/api@0.2.0", "ns:pkg/api@0.2.7", true)]
    [InlineData("ns:pkg/api@0.2.0", "ns:pkg/api@0.3.0", false)]
    public void GetFunction_OfAnExportedInterface_MatchesCompatibleVersions(string exported, string wanted, bool found)
    {
        using Guest guest = Guest.Run($$"""
            (component
              (core module $m (func (export "f") (result i32) (i32.const 6)))
              (core instance $i (instantiate $m))
              (func $f (result u32) (canon lift (core func $i "f")))
              (instance $api (export "f" (func $f)))
              (export "{{exported}}" (instance $api)))
            """);

        Assert.Equal(found, guest.Instance.TryGetFunction(out ComponentFunction? f, wanted, "f"));
        if (found) Assert.Equal(new UnsignedValue(6), f!.Call());
    }

    [Theory]
    [InlineData("""(component (core module $libc (memory (export "m") 1)) (core instance $libc (instantiate $libc)) (core func (canon error-context.new (memory (core memory $libc "m")))))""")]
    [InlineData("""(component (core func (canon error-context.drop)))""")]
    [InlineData("""(component (core func (canon thread.resume-later)))""")]
    public void Load_ErrorContextsAndThreads_AreValidButNotSupportedYet(string wat)
    {
        byte[] file = Wat.ToWasm(wat);
        Component.Check(file, Engines.Plain);

        ComponentException e = Assert.Throws<ComponentException>(() => Component.Load(file, Engines.Plain));

        Assert.Equal(ComponentErrorKind.Unsupported, e.Kind);
        Assert.Contains("not supported yet", e.Message);
        Assert.NotNull(e.Offset);
    }

    [Theory]
    [InlineData("""(component (core module $m (memory (export "m") i64 1) (func (export "f") (result i64) (i64.const 0))) (core instance $i (instantiate $m)) (func (export "f") (result string) (canon lift (core func $i "f") (memory (core memory $i "m")))))""", "memory64")]
    [InlineData("""(component (core func (canon error-context.drop)))""", "error-context")]
    public void Load_OtherPartsNotSupported_AreRefusedByName(string wat, string part)
    {
        ComponentException e = Assert.Throws<ComponentException>(() => Component.Load(Wat.ToWasm(wat), Engines.Everything));

        Assert.Equal(ComponentErrorKind.Unsupported, e.Kind);
        Assert.Contains(part, e.Message);
    }

    [Theory]
    [InlineData("""(component (type (map u8 u8)))""", ComponentFeatures.Map)]
    [InlineData("""(component (type (list u8 4)))""", ComponentFeatures.FixedLengthLists)]
    [InlineData("""(component (type (stream u8)))""", ComponentFeatures.Async)]
    [InlineData("""(component (type error-context))""", ComponentFeatures.ErrorContext)]
    [InlineData("""(component (import "a" (implements "ns:pkg/i") (instance)))""", ComponentFeatures.Implements)]
    public void Check_FeatureOff_IsRefusedAndOnIsAccepted(string wat, ComponentFeatures feature)
    {
        byte[] file = Wat.ToWasm(wat);

        Component.Check(file, Engines.Plain);
        Assert.Throws<ComponentException>(() => Component.Check(file, Engines.Plain, ComponentFeatures.Default & ~feature));
    }

    [Fact]
    public void Link_ImportUnderAPlainNameThatImplements_GetsTheInterface()
    {
        const string Import = """
            (component
              (import "my-store" (implements "ns:pkg/i@0.2.1") (instance $i (export "f" (func (result u32)))))
              (core func $f (canon lower (func $i "f")))
              (core module $m (import "" "f" (func $f (result i32))) (func (export "g") (result i32) (call $f)))
              (core instance $c (instantiate $m (with "" (instance (export "f" (func $f))))))
              (func (export "g") (result u32) (canon lift (core func $c "g"))))
            """;
        static DynamicHostFunction Gives(uint n) => new((_, _) => new UnsignedValue(n));
        using Guest byInterface = Guest.Run(Import, l => l.Instance("ns:pkg/i@0.2.4").Function("f", Gives(4)));
        using Guest byName = Guest.Run(Import, l =>
        {
            l.Instance("ns:pkg/i@0.2.4").Function("f", Gives(4));
            l.Instance("my-store").Function("f", Gives(7));
        });

        Assert.Equal(4u, byInterface.CallU32("g"));
        Assert.Equal(7u, byName.CallU32("g"));
    }
}
