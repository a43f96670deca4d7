// The process's memory mappings: guests are refused before they run out, and what one is counted with is not too little.
using Mote.Components;
using Mote.Components.Linking;

namespace Mote.Runtime.Tests;

public sealed class MappingBudgetTests
{
    [Fact]
    public void BudgetUsedUp_RefusesCountsAndRecovers()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 20, Mappings = new MappingBudget(5 * MappingBudget.PerGuest) });
        using InstanceTemplate template = engine.Link(Guests.Everything);
        var vms = new List<MicroVm>();
        for (int i = 0; i < 5; i++) vms.Add(engine.Start(template));

        for (int i = 1; i <= 3; i++)
        {
            CapacityException e = Assert.Throws<CapacityException>(() => engine.Start(template));
            Assert.Contains($"{5 * MappingBudget.PerGuest} of vm.max_map_count", e.Message, StringComparison.Ordinal);
            Assert.Equal(i, engine.Mappings.Refused);
        }

        // Those that run are not harmed, and each that goes makes room for one.
        Assert.All(vms, vm => Assert.Equal(1, vm.Call("count")));
        vms[0].Dispose();
        vms[0].Dispose();
        vms[0] = engine.Start(template);
        Assert.Throws<CapacityException>(() => engine.Start(template));
        foreach (MicroVm vm in vms) vm.Dispose();
        Assert.Equal(0, engine.Mappings.Taken);
        Assert.Equal(4, engine.Mappings.Refused);
    }

    [Fact]
    public void BudgetUsedUp_RefusesToLoad_AndLetsGoOfWhatItHad()
    {
        using var engine = new RuntimeEngine(new RuntimeOptions { PoolSlots = 20, Mappings = new MappingBudget(MappingBudget.PerGuest) });
        LoadedComponent<string> Load()
        {
            InstanceTemplate template = engine.Link(Guests.Everything);
            return new LoadedComponent<string>(template, new MicroVmPool(template, Guests.App(), engine, 0, new InstancePolicy()), "", engine.Mappings);
        }

        using (Load()) Assert.Throws<CapacityException>(Load);
        Assert.Equal(0, engine.Mappings.Taken);
        Load().Dispose();
        Assert.Equal(1, engine.Mappings.Refused);
    }

    [Fact]
    public void ManyAtOnce_NeverBeyondTheLimit()
    {
        var budget = new MappingBudget(10 * MappingBudget.PerGuest);
        int held = 0, most = 0, got = 0;
        Parallel.For(0, 20_000, _ =>
        {
            if (!budget.TryTake()) return;
            int now = Interlocked.Increment(ref held);
            int seen;
            while (now > (seen = Volatile.Read(ref most)) && Interlocked.CompareExchange(ref most, now, seen) != seen)
            {
            }

            Interlocked.Increment(ref got);
            Interlocked.Decrement(ref held);
            budget.Give();
        });
        Assert.InRange(most, 1, 10);
        Assert.Equal(0, budget.Taken);
        Assert.Equal(20_000, got + budget.Refused);
    }

    /// <summary>What it counts with holds: a budget that counts too little would let the process run out.</summary>
    [Theory]
    [InlineData(ProfileKind.Server)]
    [InlineData(ProfileKind.SmallDevice)]
    public void MappingsOfAGuest_AreNoMoreThanItIsCountedWith(ProfileKind profile)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux lists a process's mappings");
        const int Count = 60;
        string folder = Directory.CreateTempSubdirectory("mote-mappings-").FullName;
        try
        {
            using var engine = new RuntimeEngine(new RuntimeOptions { Profile = profile, PoolSlots = Count + 10, CacheFolder = folder });
            byte[] file = Guests.Everything;
            engine.Compile(file).Dispose();
            // The first of each has the process make what all of them share.
            var limits = new MicroVmLimits { MemoryBytes = 4 << 20 };
            using (InstanceTemplate first = engine.Link(file))
            {
                using MicroVm vm = engine.Start(first, limits);
                vm.Call("grow", 8);
            }

            double before = Mappings();
            var templates = new List<InstanceTemplate>();
            for (int i = 0; i < Count; i++) templates.Add(engine.Link(file));
            double perModule = (Mappings() - before) / Count;

            before = Mappings();
            var vms = new List<MicroVm>();
            for (int i = 0; i < Count; i++)
            {
                vms.Add(engine.Start(templates[i], limits));
                vms[i].Call("grow", 8);
                vms[i].Call("grow-table", 500);
            }

            double perMicroVm = (Mappings() - before) / Count;
            foreach (MicroVm vm in vms) vm.Dispose();
            foreach (InstanceTemplate template in templates)
            {
                template.Dispose();
                template.Component.Dispose();
            }

            TestContext.Current.TestOutputHelper?.WriteLine($"{profile}: {perModule:0.00} mappings a loaded module, {perMicroVm:0.00} a live microVM, {Mappings()} in all at the end");
            // The rest of the process (the garbage collector, threads) maps now and then; so much is allowed for it.
            const double Else = 0.5;
            Assert.InRange(perModule, 0.5, MappingBudget.PerGuest + Else);
            Assert.InRange(perMicroVm, 0, MappingBudget.PerGuest + Else);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int Mappings() => File.ReadLines("/proc/self/maps").Count();
}
