// What a microVM's start costs above a bare core instance, and whether a million of them leave anything behind.
using System.Diagnostics;
using System.Globalization;
using Mote.Components;
using Mote.Components.Inspection;
using Mote.Components.Linking;
using Mote.Node;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Bench;

internal static class InstantiateBench
{
    private const int Million = 1_000_000;

    public static Report Run(bool quick)
    {
        using var host = new ComponentHost(new HostOptions { Runtime = new RuntimeOptions { PoolSlots = 100 }, KeyValueFile = Path.Combine(Path.GetTempPath(), "mote-bench-keyvalue.db") });
        using var small = new Guest(host, "small");
        using var adapted = new Guest(host, "adapted");
        Check(small, adapted);

        int rounds = quick ? 15 : 51;
        TimeSpan slice = TimeSpan.FromMilliseconds(quick ? 60 : 150);
        Dictionary<string, double[]> r = Rounds.Measure(rounds, slice,
            new Subject("core_small", small.CoreInstances),
            new Subject("microvm_small", small.MicroVms),
            new Subject("core_adapted", adapted.CoreInstances),
            new Subject("microvm_adapted", adapted.MicroVms));

        var report = new Report("instantiate", rounds);
        foreach ((string name, double[] values) in r) report.Metric(name, values);
        double[] resident = Drift(small, quick ? Million / 4 : Million);
        report.Metric("rss_before", [resident[0]], "mib");
        for (int i = 1; i < resident.Length; i++) report.Metric($"rss_after_{i}_of_{resident.Length - 1}", [resident[i]], "mib");
        report.Key("bypassed_modules_small", small.Template.Component.BypassedModules);
        report.Key("merged_modules_adapted", adapted.Template.Component.MergedModules);
        report.Key("ratio_small_component_vs_core", Rounds.Ratio("", r["microvm_small"], r["core_small"]).Median, 1.3);
        report.Key("ratio_adapter_component_vs_core", Rounds.Ratio("", r["microvm_adapted"], r["core_adapted"]).Median, 3);
        report.Key("rss_drift_percent_1m", 100 * (resident[^1] - resident[0]) / resident[0], 5);
        return report;
    }

    private static void Check(Guest small, Guest adapted)
    {
        using MicroVm a = small.Start(), b = adapted.Start();
        SmallApi api = SmallApi.Bind(small.Template)!;
        api.Work(a.Instance, 0);
        if (api.Work(a.Instance, 3) < 3 || AdaptedApi.Bind(adapted.Template)!.Work(b.Instance, 3) != 3) throw new InvalidOperationException("a guest gives the wrong answer");
    }

    /// <summary>
    /// Makes and ends microVMs, each of which answers one call. Resident memory before, and after each fifth of them:
    /// a leak rises with each; what rises once is the runtime settling.
    /// </summary>
    private static double[] Drift(Guest guest, int count)
    {
        const int Parts = 5;
        SmallApi api = SmallApi.Bind(guest.Template)!;
        // What is made once is made now. The collector commits its 4 MiB regions in its first few collections.
        for (int i = 0; i < 4; i++) Some(Million / 40);
        var resident = new double[Parts + 1];
        for (int i = 0; i < resident.Length; i++)
        {
            resident[i] = ResidentMib();
            if (i < Parts) Some(count / Parts);
        }

        return resident;

        void Some(int n)
        {
            for (int i = 0; i < n; i++)
            {
                using MicroVm vm = guest.Start();
                api.Work(vm.Instance, 1);
            }

            GC.Collect();
        }
    }

    private static double ResidentMib()
    {
        // VmRSS of this process, in kB.
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmRSS", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    /// <summary>A component with its limits, and its main module on its own.</summary>
    private sealed class Guest : IDisposable
    {
        private readonly ComponentHost _host;
        private readonly AppComponent _component;
        private readonly Module _main;
        private readonly Linker _linker;
        private readonly InstancePre _pre;

        public Guest(ComponentHost host, string name)
        {
            _host = host;
            Template = host.Load(Guests.PathOf(name));
            _component = new AppComponent("bench", name, Grants.None, new MicroVmLimits { MemoryBytes = 16 << 20, Time = TimeSpan.FromSeconds(10) });
            byte[] file = Guests.Read(name);
            ModuleDescription main = ComponentDescription.Of(file, host.Runtime.Engine).Modules[0];
            _main = Module.Compile(host.Runtime.Engine, file.AsSpan((int)main.Offset, main.Bytes));
            _linker = new Linker(host.Runtime.Engine);
            _linker.DefineUnknownImportsAsTraps(_main);
            _pre = _linker.Prepare(_main);
        }

        public InstanceTemplate Template { get; }

        public MicroVm Start() => _host.Start(Template, _component);

        public void MicroVms(long n)
        {
            for (long i = 0; i < n; i++) Start().Dispose();
        }

        /// <summary>The floor: a store, an instance of the main module, and an end to both.</summary>
        public void CoreInstances(long n)
        {
            for (long i = 0; i < n; i++)
            {
                using var store = new Store(_host.Runtime.Engine);
                _pre.Instantiate(store);
            }
        }

        public void Dispose()
        {
            Template.Dispose();
            _pre.Dispose();
            _linker.Dispose();
            _main.Dispose();
        }
    }
}
