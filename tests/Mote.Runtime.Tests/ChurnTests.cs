// Very many instances come and go, and resident memory stays where it was.
using System.Diagnostics;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Runtime.Tests;

/// <summary>Resident memory is the whole process's: nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class ChurnTests
{
    [Fact]
    public void FiftyThousandInstances_LeaveNothingBehind()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 10 });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVmPool pool = PoolTests.Pool(engine, template, new InstancePolicy());
        for (int i = 0; i < 5_000; i++) PoolTests.Event(pool);
        long before = Resident();
        for (int i = 0; i < 50_000; i++)
        {
            if (i % 100 == 0) Assert.Throws<TrapException>(() => PoolTests.Event(pool, "crash"));
            else PoolTests.Event(pool);
        }

        long growth = Resident() - before;
        // One page kept for each would be 200 MB.
        Assert.True(growth < 40L << 20, $"grew by {growth >> 20} MiB");
    }

    [Fact]
    public void FiftyThousandInstances_OnDemand_LeaveNothingBehind()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { Profile = ProfileKind.SmallDevice });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        using MicroVmPool pool = PoolTests.Pool(engine, template, new InstancePolicy());
        for (int i = 0; i < 2_000; i++) PoolTests.Event(pool);
        long before = Resident();
        for (int i = 0; i < 20_000; i++) PoolTests.Event(pool);
        long growth = Resident() - before;
        Assert.True(growth < 40L << 20, $"grew by {growth >> 20} MiB");
    }

    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using var me = Process.GetCurrentProcess();
        return me.WorkingSet64;
    }
}
