// What a microVM may use, and that going beyond it ends nothing but itself.
using System.Diagnostics;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Runtime.Tests;

public sealed class LimitTests : IClassFixture<LimitTests.Fixture>
{
    private readonly RuntimeEngine _engine;
    private readonly InstanceTemplate _template;

    public LimitTests(Fixture fixture)
    {
        _engine = fixture.Engine;
        _template = fixture.Template;
    }

    public sealed class Fixture : IDisposable
    {
        public Fixture()
        {
            Engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 50 });
            Template = Engine.Link(Guests.Everything);
        }

        public RuntimeEngine Engine { get; }

        public InstanceTemplate Template { get; }

        public void Dispose()
        {
            Template.Dispose();
            Engine.Dispose();
        }
    }

    private static readonly MicroVmLimits s_short = new() { Time = TimeSpan.FromMilliseconds(50) };

    /// <summary>Only to end a test that would hang: nothing here takes seconds when it works.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private static bool NamesTheLimit(Exception e, string limit) => e.Message.Contains($"longer than its limit of {limit}", StringComparison.Ordinal) && e.Message.Contains("`time` under limits", StringComparison.Ordinal);

    [Fact]
    public void EndlessLoop_IsEnded_AndNothingElseIs()
    {
        using MicroVm bystander = _engine.Start(_template, s_short);
        Assert.Equal(1, bystander.Call("count"));
        using MicroVm vm = _engine.Start(_template, s_short);
        long start = Stopwatch.GetTimestamp();
        TrapException e = Assert.Throws<TrapException>(() => vm.Call("spin"));
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromMilliseconds(50), s_patience);
        Assert.True(NamesTheLimit(e, "50 ms"), e.Message);
        Assert.False(vm.IsUsable);
        Assert.Throws<TrapException>(() => vm.Call("answer"));
        Assert.Equal(2, bystander.Call("count"));
        using MicroVm next = _engine.Start(_template, s_short);
        Assert.Equal(42, next.Call("answer"));
    }

    [Fact]
    public void EndlessLoops_ManyAtOnce_AreAllEnded()
    {
        var messages = new string[12];
        Thread[] threads = [.. Enumerable.Range(0, messages.Length).Select(i => new Thread(() =>
        {
            using MicroVm vm = _engine.Start(_template, s_short);
            try
            {
                vm.Call("spin");
                messages[i] = "it came back";
            }
            catch (TrapException e)
            {
                messages[i] = NamesTheLimit(e, "50 ms") ? "" : e.Message;
            }
        }))];
        foreach (Thread t in threads) t.Start();
        foreach (Thread t in threads) Assert.True(t.Join(s_patience));
        Assert.All(messages, m => Assert.Equal("", m));
    }

    [Fact]
    public void EndlessLoop_InAStartFunction_IsEnded()
    {
        using InstanceTemplate template = _engine.Link(Wat.ToWasm("""
            (component
              (core module $m (func $spin (loop $l (br $l))) (start $spin))
              (core instance $i (instantiate $m)))
            """));
        TrapException e = Assert.Throws<TrapException>(() => _engine.Start(template, s_short));
        Assert.True(NamesTheLimit(e, "50 ms"), e.Message);
    }

    [Fact]
    public void EachCall_HasTheWholeTime()
    {
        using MicroVm vm = _engine.Start(_template, new MicroVmLimits { Time = TimeSpan.FromMilliseconds(400) });
        long start = Stopwatch.GetTimestamp();
        int calls = 0;
        // Calls that take a part of the limit each, for longer than the limit together.
        for (; Stopwatch.GetElapsedTime(start) < TimeSpan.FromMilliseconds(900); calls++) vm.Call("loops", 200_000);
        Assert.True(calls > 2, $"{calls} calls");
        Assert.True(vm.IsUsable);
        Assert.Equal(calls, vm.Calls);
    }

    [Fact]
    public void WithoutATimeLimit_NothingIsEnded()
    {
        using MicroVm vm = _engine.Start(_template, new MicroVmLimits { Time = null });
        using MicroVm other = _engine.Start(_template, s_short);
        Assert.Throws<TrapException>(() => other.Call("spin")); // the clock has run
        Assert.Equal(0, vm.Call("loops", 50_000_000));
        Assert.Equal(Timeout.InfiniteTimeSpan, vm.Remaining);
    }

    [Fact]
    public void TimeInTheHost_CountsToo()
    {
        var linker = new ComponentLinker();
        TimeSpan seen = default;
        linker.Root.Function("wait", new DynamicHostFunction((instance, _) =>
        {
            seen = MicroVm.Of(instance).Remaining;
            Thread.Sleep(200);
            return null;
        }));
        using InstanceTemplate template = linker.Link(_engine.Compile(Wat.ToWasm("""
            (component
              (import "wait" (func $wait))
              (core func $w (canon lower (func $wait)))
              (core module $m (import "" "wait" (func $w)) (func (export "go") (result i32) call $w i32.const 1))
              (core instance $i (instantiate $m (with "" (instance (export "wait" (func $w))))))
              (func (export "go") (result u32) (canon lift (core func $i "go"))))
            """)));
        using MicroVm vm = _engine.Start(template, s_short);
        TrapException e = Assert.Throws<TrapException>(() => vm.Call("go"));
        Assert.True(NamesTheLimit(e, "50 ms"), e.Message);
        Assert.IsType<DeadlineException>(e.InnerException);
        Assert.InRange(seen, TimeSpan.FromTicks(1), TimeSpan.FromMilliseconds(50));
        // Also a limit that is longer than the clock counts.
        foreach (TimeSpan enough in (TimeSpan[])[TimeSpan.FromMinutes(1), TimeSpan.FromDays(200_000), TimeSpan.MaxValue])
        {
            using MicroVm patient = _engine.Start(template, new MicroVmLimits { Time = enough });
            Assert.Equal(1, patient.Call("go"));
        }
    }

    [Fact]
    public void Memory_GrowsToItsLimitAndNotBeyond()
    {
        using MicroVm vm = _engine.Start(_template, new MicroVmLimits { MemoryBytes = 10 * 65536 });
        Assert.Equal(1, vm.Call("grow", 9));
        Assert.Equal(-1, vm.Call("grow", 1));
        Assert.Equal(10, vm.Call("grow", 0));
        Assert.True(vm.IsUsable);
        // The limit is the instance's: another has its own.
        using MicroVm other = _engine.Start(_template, new MicroVmLimits { MemoryBytes = 20 * 65536 });
        Assert.Equal(1, other.Call("grow", 19));
    }

    [Fact]
    public void Memory_LargerThanItsLimitFromTheStart_IsRefusedWithTheReason()
    {
        WasmtimeException e = Assert.ThrowsAny<WasmtimeException>(() => _engine.Start(_template, new MicroVmLimits { MemoryBytes = 1000 }));
        Assert.Contains("memory", e.Message, StringComparison.OrdinalIgnoreCase);
        using MicroVm next = _engine.Start(_template);
        Assert.Equal(42, next.Call("answer"));
    }

    [Fact]
    public void Table_GrowsToItsLimitAndNotBeyond()
    {
        using MicroVm vm = _engine.Start(_template, new MicroVmLimits { TableElements = 100 });
        Assert.Equal(1, vm.Call("grow-table", 99));
        Assert.Equal(-1, vm.Call("grow-table", 1));
        Assert.True(vm.IsUsable);
    }

    [Fact]
    public void NumberOfMemoriesTablesAndInstances_IsLimited()
    {
        using InstanceTemplate template = _engine.Link(Wat.ToWasm("""
            (component
              (core module $m (memory 1) (memory 1) (table 1 funcref) (table 1 funcref))
              (core instance (instantiate $m))
              (core instance (instantiate $m)))
            """));
        var enough = new MicroVmLimits { Memories = 4, Tables = 4, CoreInstances = 2 };
        _engine.Start(template, enough).Dispose();
        foreach (MicroVmLimits tight in (MicroVmLimits[])[enough with { Memories = 3 }, enough with { Tables = 3 }, enough with { CoreInstances = 1 }])
        {
            WasmtimeException e = Assert.ThrowsAny<WasmtimeException>(() => _engine.Start(template, tight));
            Assert.Contains("limit", e.Message, StringComparison.OrdinalIgnoreCase);
        }

        _engine.Start(template, enough).Dispose();
    }

    [Fact]
    public void Trap_HasAReadableBacktrace()
    {
        using MicroVm vm = _engine.Start(_template);
        TrapException e = Assert.Throws<TrapException>(() => vm.Call("crash"));
        Assert.Equal(TrapCode.Unreachable, e.Code);
        string[] lines = e.Describe().Split('\n');
        Assert.Contains("unreachable", lines[0], StringComparison.Ordinal);
        Assert.Matches(@"^ +0: .*inner.*\+0x[0-9a-f]+$", lines[1]);
        Assert.Matches(@"^ +1: .*outer", lines[2]);
        Assert.False(vm.IsUsable);
    }

    [Theory]
    [InlineData("recurse", TrapCode.StackOverflow)]
    [InlineData("outside", TrapCode.MemoryOutOfBounds)]
    [InlineData("crash", TrapCode.Unreachable)]
    public void Trap_OfEachKind_EndsThatInstanceOnly(string function, TrapCode code)
    {
        using MicroVm bystander = _engine.Start(_template);
        using MicroVm vm = _engine.Start(_template);
        Assert.Equal(code, Assert.Throws<TrapException>(() => vm.Call(function)).Code);
        Assert.Equal(42, bystander.Call("answer"));
    }

    [Fact]
    public void Trap_OfDivision_SaysSo()
    {
        using MicroVm vm = _engine.Start(_template);
        Assert.Equal(1, vm.Call("divide", 1));
        Assert.Equal(TrapCode.IntegerDivisionByZero, Assert.Throws<TrapException>(() => vm.Call("divide", 0)).Code);
    }

    [Fact]
    public void FaultInTheHost_IsATrapOfTheGuestThatCalled_WithItsCause()
    {
        var linker = new ComponentLinker();
        linker.Root.Function("fail", new DynamicHostFunction((_, _) => throw new InvalidOperationException("a fault of the host")));
        using InstanceTemplate template = linker.Link(_engine.Compile(Wat.ToWasm("""
            (component
              (import "fail" (func $fail))
              (core func $f (canon lower (func $fail)))
              (core module $m (import "" "fail" (func $f)) (func (export "go") call $f))
              (core instance $i (instantiate $m (with "" (instance (export "fail" (func $f))))))
              (func (export "go") (canon lift (core func $i "go"))))
            """)));
        using MicroVm vm = _engine.Start(template);
        TrapException e = Assert.Throws<TrapException>(() => vm.Call("go"));
        Assert.IsType<InvalidOperationException>(e.InnerException);
        Assert.Contains("a fault of the host", e.Describe(), StringComparison.Ordinal);
        Assert.False(vm.IsUsable);
    }
}
