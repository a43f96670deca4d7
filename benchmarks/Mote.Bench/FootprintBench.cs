// What a node holds: with broker and store on, after a few requests, and after a load.
namespace Mote.Bench;

internal static class FootprintBench
{
    public static Report Run(bool quick)
    {
        string folder = Directory.CreateTempSubdirectory("mote-bench-footprint-").FullName;
        try
        {
            File.Copy(Guests.PathOf("http"), Path.Combine(folder, "http.wasm"));
            File.Copy(Guests.PathOf("kv"), Path.Combine(folder, "kv.wasm"));
            File.WriteAllText(Path.Combine(folder, "mote.toml"), """
                mote = 1
                [app]
                name = "footprint"
                [[trigger.http]]
                route = "/..."
                component = "http"
                [[trigger.http]]
                route = "/count"
                component = "kv"
                [component.http]
                source = "http.wasm"
                [component.http.grants]
                publish = ["alerts"]
                [component.kv]
                source = "kv.wasm"
                [component.kv.grants]
                keyvalue = ["default"]
                """);
            int rounds = quick ? 1 : 3;
            double[] rss = new double[rounds], anon = new double[rounds], first = new double[rounds], after = new double[rounds];
            for (int r = 0; r < rounds; r++)
            {
                // The second start: the first one compiles.
                if (r == 0) Start(folder).Dispose();
                using ServerProcess node = Start(folder);
                first[r] = node.Ready.TotalMilliseconds;
                Wrk.Run(node.Port, "/count", TimeSpan.FromSeconds(1), connections: 1);
                Ask(node.Port, 1000);
                Thread.Sleep(TimeSpan.FromSeconds(10));
                rss[r] = node.MiB("VmRSS");
                anon[r] = node.MiB("RssAnon");
                Wrk.Run(node.Port, "/hello", TimeSpan.FromSeconds(quick ? 5 : 35));
                Thread.Sleep(TimeSpan.FromSeconds(quick ? 20 : 60));
                after[r] = node.MiB("VmRSS");
            }

            var report = new Report("footprint", rounds);
            report.Metric("idle_rss", rss, "mib");
            report.Metric("first_answer", first, "ms");
            report.Key("idle_rss_mib", new Samples("", rss).Median, 40);
            report.Key("idle_anon_mib", new Samples("", anon).Median, 20);
            report.Key("first_answer_ms", new Samples("", first).Median, 100);
            report.Key("rss_after_load_mib", new Samples("", after).Median, 64);
            return report;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ServerProcess Start(string folder)
    {
        int port = ServerProcess.FreePort();
        return ServerProcess.Start(Guests.Program, ["up", folder, "--http", $"127.0.0.1:{port}", "--listen", "127.0.0.1:0"], port);
    }

    private static void Ask(int port, int requests)
    {
        using var client = new HttpClient();
        for (int i = 0; i < requests; i++) client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/hello")).GetAwaiter().GetResult();
    }
}
