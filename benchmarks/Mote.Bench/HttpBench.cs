// Requests through a fresh microVM each, against raw Kestrel and against workerd, in turn, under the same load.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mote.Bench;

internal static class HttpBench
{
    private const int Megabytes = 100;

    public static Report Run(bool quick)
    {
        string mote = Guests.Program, guest = Guests.PathOf("hello");
        int rounds = quick ? 3 : 7;
        TimeSpan slice = TimeSpan.FromSeconds(quick ? 2 : 5);
        string? js = Guests.Optional("http-js"), jsPool = Guests.Optional("http-js-pooled");
        using ServerProcess kestrel = Kestrel();
        using ServerProcess fresh = Mote(mote, guest);
        using ServerProcess? jsFresh = js is null ? null : Mote(mote, js);
        using ServerProcess? jsPooled = jsPool is null ? null : Mote(mote, jsPool, "--pooled");
        using ServerProcess? workerd = Workerd();
        var subjects = new List<(string Name, ServerProcess Server)> { ("kestrel", kestrel), ("mote", fresh) };
        if (jsFresh is not null) subjects.Add(("mote_js", jsFresh));
        if (jsPooled is not null) subjects.Add(("mote_js_pooled", jsPooled));
        if (workerd is not null) subjects.Add(("workerd", workerd));

        Dictionary<string, WrkResult[]> results = subjects.ToDictionary(s => s.Name, _ => new WrkResult[rounds]);
        foreach ((_, ServerProcess server) in subjects) Wrk.Run(server.Port, "/hello", TimeSpan.FromSeconds(1));
        for (int r = 0; r < rounds; r++)
        {
            foreach ((string name, ServerProcess server) in subjects) results[name][r] = Wrk.Run(server.Port, "/hello", slice);
        }

        var echoes = new Dictionary<string, double[]> { ["kestrel"] = new double[rounds], ["mote"] = new double[rounds] };
        double before = fresh.MiB("VmRSS");
        for (int r = 0; r < rounds; r++)
        {
            echoes["kestrel"][r] = Echo(kestrel.Port);
            echoes["mote"][r] = Echo(fresh.Port);
        }

        var report = new Report("http", rounds);
        foreach ((string name, _) in subjects)
        {
            report.Metric($"{name}_requests_per_second", results[name].Select(w => w.PerSecond), "rps");
            report.Metric($"{name}_p99", results[name].Select(w => w.P99), "us");
        }

        foreach ((string name, double[] seconds) in echoes) report.Metric($"{name}_echo_{Megabytes}mb", seconds.Select(s => s * 1000), "ms");
        long errors = subjects.Sum(s => results[s.Name].Sum(w => w.Errors));
        report.Key("errors", errors, 0);
        report.Key("ratio_fresh_vs_kestrel", Ratio(results["mote"], results["kestrel"], w => w.PerSecond), 0.75, atLeast: true);
        report.Key("ratio_p99_vs_kestrel", Ratio(results["mote"], results["kestrel"], w => w.P99), 3);
        if (workerd is not null)
        {
            report.Key("ratio_rps_vs_workerd", Ratio(results["mote"], results["workerd"], w => w.PerSecond), 2, atLeast: true);
            report.Key("ratio_rss_vs_workerd", before / workerd.MiB("VmRSS"), 0.25);
            report.Key("workerd_rss_mib", workerd.MiB("VmRSS"));
        }

        report.Key("mote_rss_mib", before);
        report.Key("ratio_echo_100mb_vs_kestrel", new Samples("", echoes["kestrel"].Zip(echoes["mote"], (k, m) => k / m)).Median, 0.4, atLeast: true);
        report.Key("echo_rss_growth_mib", fresh.MiB("VmRSS") - before);
        return report;
    }

    /// <summary>Kestrel in a process of its own.</summary>
    public static ServerProcess Kestrel()
    {
        int port = ServerProcess.FreePort();
        return ServerProcess.Start(Environment.ProcessPath!, ["--kestrel", $"{port}"], port);
    }

    private static ServerProcess Mote(string program, string guest, params string[] more)
    {
        int port = ServerProcess.FreePort();
        return ServerProcess.Start(program, ["serve", guest, "--listen", $"127.0.0.1:{port}", .. more], port);
    }

    private static ServerProcess? Workerd()
    {
        if (Environment.GetEnvironmentVariable("MOTE_BENCH_WORKERD") is not { Length: > 0 } program) return null;
        int port = ServerProcess.FreePort();
        string folder = Directory.CreateTempSubdirectory("mote-bench-workerd-").FullName;
        string config = Path.Combine(folder, "config.capnp");
        File.WriteAllText(config, $$"""
            using Workerd = import "/workerd/workerd.capnp";
            const config :Workerd.Config = (
              services = [ (name = "main", worker = .hello) ],
              sockets = [ (name = "http", address = "127.0.0.1:{{port}}", http = (), service = "main") ]
            );
            const hello :Workerd.Worker = (
              modules = [ (name = "hello.js", esModule = "export default { async fetch(request) { return new Response('Hello from a microVM\\n', { headers: { 'content-type': 'text/plain' } }); } };") ],
              compatibilityDate = "2024-09-23",
            );
            """);
        return ServerProcess.Start(program, ["serve", config], port);
    }

    private static double Ratio(WrkResult[] a, WrkResult[] b, Func<WrkResult, double> of) => new Samples("", a.Zip(b, (x, y) => of(x) / of(y))).Median;

    /// <summary>Seconds until a body has come back whole.</summary>
    private static double Echo(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        var chunk = new byte[1 << 20];
        new Random(1).NextBytes(chunk);
        long start = Stopwatch.GetTimestamp();
        socket.Send(Encoding.ASCII.GetBytes($"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {(long)Megabytes * chunk.Length}\r\n\r\n"));
        var sender = new Thread(() =>
        {
            for (int i = 0; i < Megabytes; i++)
            {
                for (int sent = 0; sent < chunk.Length;) sent += socket.Send(chunk.AsSpan(sent));
            }
        });
        sender.Start();
        var buffer = new byte[1 << 18];
        long received = 0;
        for (int n; (n = socket.Receive(buffer)) > 0;) received += n;
        sender.Join();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (received < (long)Megabytes * chunk.Length) throw new InvalidOperationException($"only {received} bytes came back");
        return seconds;
    }
}
