// Thousands of apps at zero, each asked once; and what an app at zero and a live microVM hold.
using Mote.Components.Linking;
using Mote.Node;
using Mote.Runtime;

namespace Mote.Bench;

internal static class BurstBench
{
    public static Report Run(bool quick)
    {
        int apps = quick ? 200 : 5000, rounds = quick ? 1 : 3;
        string folder = Directory.CreateTempSubdirectory("mote-bench-burst-").FullName;
        try
        {
            NodeServer.Write(folder, apps, Guests.Read("hello"), different: true);
            int port = ServerProcess.FreePort();
            using ServerProcess node = ServerProcess.Start(Environment.ProcessPath!, ["--node", folder, $"{port}"], port, "/app-0/hello", TimeSpan.FromMinutes(10));
            Thread.Sleep(TimeSpan.FromSeconds(10)); // what answered the first request is back at zero
            var seconds = new double[rounds];
            var back = new double[rounds];
            int lost = 0;
            for (int r = 0; r < rounds; r++)
            {
                double before = node.MiB("VmRSS");
                (seconds[r], int l) = NodeServer.AskEach(port, apps);
                lost += l;
                Thread.Sleep(TimeSpan.FromSeconds(30));
                back[r] = node.MiB("VmRSS") - before;
            }

            var report = new Report("burst", rounds);
            report.Metric("burst", seconds.Select(s => s * 1000), "ms");
            report.Metric("rss_back", back, "mib");
            report.Key("apps", apps);
            report.Key($"seconds_{apps}_apps", new Samples("", seconds).Median, 2.0 * apps / 5000);
            report.Key("lost", lost, 0);
            report.Key("rss_back_mib", back.Max(), 20);
            return report;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

internal static class DensityBench
{
    public static Report Run(bool quick)
    {
        int few = 100, many = quick ? 2000 : 10_000;
        double a = Idle(few), b = Idle(many);
        var report = new Report("density", 1);
        report.Key("apps", many);
        report.Key("rss_mib_of_all", b);
        report.Key("bytes_per_idle_app", (b - a) * 1048576 / (many - few), 10240);
        report.Key("bytes_per_live_microvm", Live(quick ? 200 : 900));
        return report;
    }

    /// <summary>Resident memory of a node with so many apps at zero, MiB.</summary>
    private static double Idle(int apps)
    {
        string folder = Directory.CreateTempSubdirectory("mote-bench-density-").FullName;
        try
        {
            NodeServer.Write(folder, apps, Guests.Read("hello"), different: false);
            int port = ServerProcess.FreePort();
            using ServerProcess node = ServerProcess.Start(Environment.ProcessPath!, ["--node", folder, $"{port}"], port, "/app-0/hello", TimeSpan.FromMinutes(5));
            Thread.Sleep(TimeSpan.FromSeconds(12));
            return node.MiB("VmRSS");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Resident bytes that each more live microVM adds: a small component that has answered once.</summary>
    private static double Live(int count)
    {
        using var host = new ComponentHost(new HostOptions { Runtime = new RuntimeOptions { PoolSlots = 1000 }, KeyValueFile = Path.Combine(Path.GetTempPath(), $"mote-bench-{Environment.ProcessId}.db") });
        using InstanceTemplate template = host.Load(Guests.PathOf("small"));
        SmallApi api = SmallApi.Bind(template)!;
        var component = new AppComponent("bench", "small", Grants.None, new MicroVmLimits { MemoryBytes = 16 << 20 });
        var live = new List<MicroVm>(count + 1);
        Add();
        double before = Resident();
        for (int i = 0; i < count; i++) Add();
        double after = Resident();
        foreach (MicroVm vm in live) vm.Dispose();
        return (after - before) / count;

        void Add()
        {
            MicroVm vm = host.Start(template, component);
            vm.Call(api, static (instance, a) => a.Work(instance, 1));
            live.Add(vm);
        }
    }

    private static double Resident() => double.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) * Environment.SystemPageSize;
}
