// From compiled code on disk to a first answer, when nothing of the component is in memory yet.
using System.Diagnostics;
using Mote.Components;
using Mote.Components.Inspection;
using Mote.Components.Linking;
using Mote.Node;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Bench;

internal static class ColdStartBench
{
    public static Report Run(bool quick)
    {
        string folder = Directory.CreateTempSubdirectory("mote-bench-").FullName;
        try
        {
            return Run(folder, quick);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Report Run(string folder, bool quick)
    {
        using var host = new ComponentHost(new HostOptions { Runtime = new RuntimeOptions { PoolSlots = 100 }, KeyValueFile = Path.Combine(folder, "keyvalue.db") });
        Engine engine = host.Runtime.Engine;
        byte[] file = Guests.Read("small");
        string name = CodeCache.NameOf(file, engine);
        string cacheFolder = Path.Combine(folder, "code");
        new CodeCache(cacheFolder).Get(file, engine).Dispose();

        // The boot's one authentication: the first load of a cache that has not seen the entry yet, less a later one.
        var verify = new double[quick ? 15 : 51];
        for (int i = 0; i < verify.Length; i++)
        {
            var fresh = new CodeCache(cacheFolder);
            long start = Stopwatch.GetTimestamp();
            fresh.TryLoad(name, engine)!.Dispose();
            long first = Stopwatch.GetTimestamp();
            fresh.TryLoad(name, engine)!.Dispose();
            verify[i] = Math.Max(0, (first - start - (Stopwatch.GetTimestamp() - first)) * 1e9 / Stopwatch.Frequency);
        }

        var cache = new CodeCache(cacheFolder);
        cache.TryLoad(name, engine)!.Dispose();
        var component = new AppComponent("bench", "small", Grants.None, new MicroVmLimits { MemoryBytes = 16 << 20, Time = TimeSpan.FromSeconds(10) });

        // The floor: the same main module, mapped, instantiated and called with nothing between.
        ModuleDescription main = ComponentDescription.Of(file, engine).Modules[0];
        string image = Path.Combine(folder, "main.cwasm");
        using (Module module = Module.Compile(engine, file.AsSpan((int)main.Offset, main.Bytes))) File.WriteAllBytes(image, module.Serialize());

        int rounds = quick ? 25 : 101;
        Dictionary<string, double[]> r = Rounds.Measure(rounds, TimeSpan.FromMilliseconds(quick ? 30 : 60),
            new Subject("floor_small", n =>
            {
                for (long i = 0; i < n; i++) Floor(engine, image);
            }),
            new Subject("cold_small", n =>
            {
                for (long i = 0; i < n; i++)
                {
                    using CompiledComponent compiled = cache.TryLoad(name, engine)!;
                    using InstanceTemplate template = host.Capabilities.Linker.Link(compiled);
                    using MicroVm vm = host.Start(template, component);
                    if (SmallApi.Bind(template)!.Work(vm.Instance, 1) != 1) throw new InvalidOperationException("wrong answer");
                }
            }));

        var report = new Report("cold-start", rounds);
        foreach ((string key, double[] values) in r) report.Metric(key, values);
        report.Key("verify_ms", new Samples("", verify).Median / 1e6);
        report.Key("ratio_small_vs_floor", Rounds.Ratio("", r["cold_small"], r["floor_small"]).Median, 3);
        return report;
    }

    private static void Floor(Engine engine, string image)
    {
        using Module module = Module.DeserializeFile(engine, image);
        using var linker = new Linker(engine);
        linker.DefineUnknownImportsAsTraps(module);
        using InstancePre pre = linker.Prepare(module);
        using var store = new Store(engine);
        store.SetEpochDeadline(1000);
        Instance instance = pre.Instantiate(store);
        if (!instance.TryGetExport("bench:small/api#work", out Extern work)) throw new InvalidOperationException("no export");
        Span<ValRaw> values = stackalloc ValRaw[1];
        values[0].U64 = 1;
        work.AsFunc().CallUnchecked(values);
        if (values[0].U32 != 1) throw new InvalidOperationException("wrong answer");
    }
}
