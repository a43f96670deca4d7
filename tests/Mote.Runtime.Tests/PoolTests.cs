// Instances of one component: fresh or used again, as many as there is room for, and none left behind.
using System.Diagnostics;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Runtime.Tests;

public sealed class PoolTests
{
    internal static MicroVmPool Pool(RuntimeEngine engine, InstanceTemplate template, InstancePolicy policy, MicroVmLimits? limits = null) => new(template, Guests.App(limits), engine, 0, policy);

    /// <summary>One event: what the guest has counted so far.</summary>
    internal static long Event(MicroVmPool pool, string function = "count")
    {
        MicroVm vm = pool.Rent(out _);
        try
        {
            return vm.Call(function);
        }
        finally
        {
            pool.Return(vm);
        }
    }

    [Fact]
    public void PerEvent_EachEventHasAFreshInstance()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 10 });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVmPool pool = Pool(engine, template, new InstancePolicy());
        for (int i = 0; i < 20; i++) Assert.Equal(1, Event(pool));
        Assert.Equal(new PoolCounts(Started: 20, Reused: 0, Trapped: 0, Idle: 0), pool.Counts);
    }

    [Fact]
    public void Pooled_InstancesStayAsTheyWere()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 10 });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVmPool pool = Pool(engine, template, new InstancePolicy { Pooled = true });
        for (int i = 1; i <= 20; i++) Assert.Equal(i, Event(pool));
        Assert.Equal(new PoolCounts(Started: 1, Reused: 19, Trapped: 0, Idle: 1), pool.Counts);
    }

    [Fact]
    public void Pooled_AfterATrap_BeginsAnew()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 10 });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVmPool pool = Pool(engine, template, new InstancePolicy { Pooled = true });
        Event(pool);
        Event(pool);
        Assert.Throws<TrapException>(() => Event(pool, "crash"));
        Assert.Equal(1, Event(pool));
        Assert.Equal(2, Event(pool));
        Assert.Equal(new PoolCounts(Started: 2, Reused: 3, Trapped: 1, Idle: 1), pool.Counts);
    }

    [Fact]
    public void Pooled_MaxUses_Replaces()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 10 });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVmPool pool = Pool(engine, template, new InstancePolicy { Pooled = true, MaxUses = 3 });
        Assert.Equal([1, 2, 3, 1, 2, 3, 1], Enumerable.Range(0, 7).Select(_ => Event(pool)));
    }

    [Fact]
    public void Pooled_MaxAge_Replaces()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 10 });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVmPool pool = Pool(engine, template, new InstancePolicy { Pooled = true, MaxAge = TimeSpan.Zero });
        Assert.Equal([1, 1], [Event(pool), Event(pool)]);
        using MicroVmPool old = Pool(engine, template, new InstancePolicy { Pooled = true, MaxAge = TimeSpan.FromHours(1) });
        Assert.Equal([1, 2], [Event(old), Event(old)]);
    }

    [Fact]
    public void Pooled_KeepsNoMoreThanMaxIdle_AndEndsThemWhenItIsClosed()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 10 });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        MicroVmPool pool = Pool(engine, template, new InstancePolicy { Pooled = true, MaxIdle = 2 });
        MicroVm[] vms = [.. Enumerable.Range(0, 5).Select(i => pool.Rent(out _))];
        foreach (MicroVm vm in vms[..4]) pool.Return(vm);
        Assert.Equal(2, pool.Counts.Idle);
        pool.Dispose();
        Assert.Equal(0, pool.Counts.Idle);
        Assert.Equal(1, vms[4].Call("count")); // in use: ends when it is given back
        pool.Return(vms[4]);
        Assert.Throws<ObjectDisposedException>(() => vms[4].Call("count"));
        Assert.Equal(0, pool.Counts.Idle);
    }

    [Fact]
    public void Exhausted_SaysSo_AndRecovers()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { Profile = ProfileKind.Auto, PoolSlots = 4 });
        Assert.SkipUnless(engine.Profile == ProfileKind.Server, "this machine has no room for a pool");
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVmPool pool = Pool(engine, template, new InstancePolicy());
        for (int round = 0; round < 3; round++)
        {
            MicroVm[] all = [.. Enumerable.Range(0, 4).Select(i => pool.Rent(out _))];
            WasmtimeException e = Assert.ThrowsAny<WasmtimeException>(() => pool.Rent(out _));
            Assert.Contains("maximum concurrent", e.Message, StringComparison.Ordinal);
            Assert.All(all, vm => Assert.Equal(42, vm.Call("answer")));
            foreach (MicroVm vm in all) pool.Return(vm);
        }
    }

    [Fact]
    public void Component_TooLargeForThePool_RunsOnDemandUnderTheSameDeadline()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 4 });
        Assert.SkipUnless(engine.Profile == ProfileKind.Server, "this machine has no room for a pool");
        string memories = string.Concat(Enumerable.Repeat("(memory 1) ", 12));
        using InstanceTemplate template = engine.Link(Wat.ToWasm($$"""
            (component
              (core module $m {{memories}} (func (export "spin") (loop $l (br $l))) (func (export "answer") (result i32) i32.const 42))
              (core instance $i (instantiate $m))
              (func (export "answer") (result u32) (canon lift (core func $i "answer")))
              (func (export "spin") (canon lift (core func $i "spin"))))
            """));
        Assert.NotSame(engine.Engine, template.Component.Engine);
        using MicroVm vm = engine.Start(template, new MicroVmLimits { Time = TimeSpan.FromMilliseconds(50) });
        Assert.Equal(42, vm.Call("answer"));
        Assert.Contains("limit of 50 ms", Assert.Throws<TrapException>(() => vm.Call("spin")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Module_AtFaultItself_FailsWithItsReason()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 4 });
        byte[] file = Wat.ToWasm("(component (core module $m (func (result i32) i64.const 1)) (core instance (instantiate $m)))");
        Exception e = Assert.ThrowsAny<Exception>(() => engine.Compile(file));
        Assert.Contains("type mismatch", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SmallDevice_RunsTheSame()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { Profile = ProfileKind.SmallDevice });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVm vm = engine.Start(template, new MicroVmLimits { Time = TimeSpan.FromMilliseconds(100), MemoryBytes = 10 * 65536 });
        Assert.Equal(1, vm.Call("grow", 9));
        Assert.Equal(-1, vm.Call("grow", 1));
        Assert.Equal(TrapCode.MemoryOutOfBounds, Assert.Throws<TrapException>(() => vm.Call("outside")).Code);
        using MicroVm other = engine.Start(template, new MicroVmLimits { Time = TimeSpan.FromMilliseconds(100) });
        Assert.Throws<TrapException>(() => other.Call("spin"));
    }

    [Fact]
    public void FromManyThreads_EventsAndInstancesAddUp()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 10 });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVmPool pool = Pool(engine, template, new InstancePolicy { Pooled = true, MaxIdle = 3, MaxUses = 50 });
        const int Each = 2000;
        long traps = 0;
        Parallel.For(0, 4, worker =>
        {
            for (int i = 0; i < Each; i++)
            {
                try
                {
                    Event(pool, (i + worker) % 97 == 0 ? "crash" : "count");
                }
                catch (TrapException)
                {
                    Interlocked.Increment(ref traps);
                }
            }
        });
        PoolCounts counts = pool.Counts;
        Assert.Equal(traps, counts.Trapped);
        Assert.Equal(4 * Each, counts.Started + counts.Reused);
        Assert.InRange(counts.Idle, 1, 3);
        // No instance was used by two threads at once: each counts its own events and ends at 50.
        MicroVm[] idle = [.. Enumerable.Range(0, counts.Idle).Select(i => pool.Rent(out _))];
        foreach (MicroVm vm in idle) Assert.Equal(vm.Calls + 1, vm.Call("count"));
        foreach (MicroVm vm in idle) pool.Return(vm);
    }
}
