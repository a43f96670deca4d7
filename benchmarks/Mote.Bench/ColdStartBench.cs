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

    /// <summary>A guest and what it is measured with.</summary>
    /// <param name="Name">Its file and its rows.</param>
    /// <param name="Bind">Finds its `work`.</param>
    /// <param name="Target">Most times the floor.</param>
    private sealed record Guest(string Name, Func<InstanceTemplate, Func<ComponentInstance, uint, uint>> Bind, double Target)
    {
        /// <summary>Its `work` as its main module exports it.</summary>
        public string CoreExport => $"bench:{Name}/api#work";
    }

    private static Report Run(string folder, bool quick)
    {
        using var host = new ComponentHost(new HostOptions { Runtime = new RuntimeOptions { PoolSlots = 100 }, KeyValueFile = Path.Combine(folder, "keyvalue.db") });
        Engine engine = host.Runtime.Engine;
        string cacheFolder = Path.Combine(folder, "code");
        var small = new Guest("small", static t => SmallApi.Bind(t)!.Work, 3);
        var guests = new List<Guest> { small };
        if (Guests.Optional("js") is not null) guests.Add(new Guest("js", static t => JsApi.Bind(t)!.Work, 1.3));

        var names = new Dictionary<Guest, string>();
        foreach (Guest guest in guests)
        {
            byte[] file = Guests.Read(guest.Name);
            names[guest] = CodeCache.NameOf(file, engine);
            new CodeCache(cacheFolder).Get(file, engine).Dispose();
        }

        // The boot's one authentication: the first load of a cache that has not seen the entry yet, less a later one.
        Dictionary<Guest, double[]> verify = guests.ToDictionary(g => g, g => Verify(cacheFolder, names[g], engine, quick));
        var cache = new CodeCache(cacheFolder);
        var subjects = new List<Subject>();
        foreach (Guest guest in guests)
        {
            cache.TryLoad(names[guest], engine)!.Dispose();
            var component = new AppComponent("bench", guest.Name, Grants.None, new MicroVmLimits { Time = TimeSpan.FromSeconds(10) });

            // The floor: the same main module, mapped, instantiated and called with nothing between.
            byte[] file = Guests.Read(guest.Name);
            ModuleDescription main = ComponentDescription.Of(file, engine).Modules[0];
            string image = Path.Combine(folder, $"{guest.Name}.cwasm");
            using (Module module = Module.Compile(engine, file.AsSpan((int)main.Offset, main.Bytes))) File.WriteAllBytes(image, module.Serialize());

            subjects.Add(new Subject($"floor_{guest.Name}", n =>
            {
                for (long i = 0; i < n; i++) Floor(engine, image, guest.CoreExport);
            }));
            subjects.Add(new Subject($"cold_{guest.Name}", n =>
            {
                for (long i = 0; i < n; i++)
                {
                    using CompiledComponent compiled = cache.TryLoad(names[guest], engine)!;
                    using InstanceTemplate template = host.Capabilities.Linker.Link(compiled);
                    using MicroVm vm = host.Start(template, component);
                    if (guest.Bind(template)(vm.Instance, 1) != 1) throw new InvalidOperationException("wrong answer");
                }
            }));
        }

        int rounds = quick ? 25 : 101;
        Dictionary<string, double[]> r = Rounds.Measure(rounds, TimeSpan.FromMilliseconds(quick ? 30 : 60), [.. subjects]);
        var report = new Report("cold-start", rounds);
        foreach ((string key, double[] values) in r) report.Metric(key, values);
        foreach (Guest guest in guests)
        {
            report.Key(guest == small ? "verify_ms" : $"verify_{guest.Name}_ms", new Samples("", verify[guest]).Median / 1e6);
            report.Key($"ratio_{guest.Name}_vs_floor", Rounds.Ratio("", r[$"cold_{guest.Name}"], r[$"floor_{guest.Name}"]).Median, guest.Target);
        }

        return report;
    }

    private static double[] Verify(string cacheFolder, string name, Engine engine, bool quick)
    {
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

        return verify;
    }

    private static void Floor(Engine engine, string image, string export)
    {
        using Module module = Module.DeserializeFile(engine, image);
        using var linker = new Linker(engine);
        linker.DefineUnknownImportsAsTraps(module);
        using InstancePre pre = linker.Prepare(module);
        using var store = new Store(engine);
        store.SetEpochDeadline(1000);
        Instance instance = pre.Instantiate(store);
        if (!instance.TryGetExport(export, out Extern work)) throw new InvalidOperationException($"no export `{export}`");
        Span<ValRaw> values = stackalloc ValRaw[1];
        values[0].U64 = 1;
        work.AsFunc().CallUnchecked(values);
        if (values[0].U32 != 1) throw new InvalidOperationException("wrong answer");
    }
}
