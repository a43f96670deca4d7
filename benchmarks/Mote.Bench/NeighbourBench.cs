// A healthy app under a moderate, fixed load: alone, and while another app, which may run one microVM at a time, is asked
// again and again for something hostile. In turn.
using System.Diagnostics;
using System.Globalization;
using Mote.Packaging;

namespace Mote.Bench;

internal static class NeighbourBench
{
    /// <summary>Paths of guests/http: a loop without end, all of the memory, a stack without end, handles, lines of log, a wait without end.</summary>
    private static readonly (string Kind, string Path)[] s_hostile =
        [("spin", "/spin"), ("memory", "/memory"), ("recurse", "/recurse"), ("handles", "/handles"), ("flood", "/flood?1000000000"), ("forever", "/forever")];

    public static Report Run(bool quick)
    {
        int rounds = quick ? 3 : 9;
        TimeSpan slice = TimeSpan.FromSeconds(quick ? 1.2 : 3);
        string folder = Directory.CreateTempSubdirectory("mote-bench-neighbour-").FullName;
        try
        {
            Write(folder);
            int port = ServerProcess.FreePort();
            using ServerProcess node = ServerProcess.Start(Environment.ProcessPath!, ["--node", folder, $"{port}"], port, "/hello", TimeSpan.FromMinutes(1));
            SteadyLoad.Run(port, "/hello", slice);
            var report = new Report("neighbour", rounds);
            var keys = new List<(string Kind, double Ratio)>();
            long lost = 0;
            foreach ((string kind, string path) in s_hostile)
            {
                var alone = new double[rounds];
                var beside = new double[rounds];
                var asked = new double[rounds];
                for (int r = 0; r < rounds; r++)
                {
                    LoadResult a = SteadyLoad.Run(port, "/hello", slice);
                    using var hostile = new HostileClient(port, path);
                    LoadResult b = SteadyLoad.Run(port, "/hello", slice);
                    asked[r] = hostile.Stop() / slice.TotalSeconds;
                    (alone[r], beside[r]) = (a.P99, b.P99);
                    lost += a.Lost + b.Lost;
                }

                report.Metric($"{kind}_alone_p99", alone, "us");
                report.Metric($"{kind}_beside_p99", beside, "us");
                report.Metric($"{kind}_answers_per_second", asked, "rps");
                keys.Add((kind, Rounds.Ratio(kind, beside, alone).Median));
            }

            report.Key("requests_per_second", SteadyLoad.PerSecond);
            report.Key("lost", lost, 0);
            foreach ((string kind, double ratio) in keys) report.Key($"ratio_p99_{kind}_vs_alone", ratio, 2);
            report.Key("ratio_p99_hostile_vs_alone", keys.Max(k => k.Ratio), 2);
            return report;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Two apps of one node, of the same component: one answers /hello, the other everything else.</summary>
    private static void Write(string folder)
    {
        File.WriteAllBytes(Path.Combine(folder, "app.wasm"), Guests.Read("http"));
        Write("good", "/hello", "");
        Write("hostile", "/...", """
            [component.app.limits]
            memory = "64MiB"
            time = "300ms"
            concurrency = 1
            """);

        void Write(string name, string route, string limits) => File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(folder, name)).FullName, AppManifest.FileName), $"""
            mote = 1
            [app]
            name = "{name}"
            [[trigger.http]]
            route = "{route}"
            component = "app"
            [component.app]
            source = "../app.wasm"
            {limits}
            """);
    }

    /// <summary>Asks for something hostile, and again as soon as there is an answer.</summary>
    private sealed class HostileClient : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _stop;
        private long _answers;

        public HostileClient(int port, string path)
        {
            _thread = new Thread(() =>
            {
                using var client = new SmallClient(port, path);
                while (!_stop)
                {
                    client.Ask(); // 504 mostly, and 500
                    _answers++;
                }
            });
            _thread.Start();
        }

        /// <summary>Ends it, and gives how many answers came.</summary>
        public long Stop()
        {
            _stop = true;
            _thread.Join();
            return _answers;
        }

        public void Dispose() => Stop();
    }
}

/// <summary>What a steady load measured.</summary>
/// <param name="P99">99th percentile of the latency, microseconds.</param>
/// <param name="Lost">Requests without an answer of 200.</param>
internal readonly record struct LoadResult(double P99, long Lost);

/// <summary>
/// Requests at times that are set beforehand, over a few connections with a thread each. One that could not be sent in time,
/// because the answer before it was late, counts from when it should have been; that a thread woke late does not, for that
/// is the client's.
/// </summary>
internal static class SteadyLoad
{
    private const int Connections = 8;
    private const int PerConnection = 400;

    public const int PerSecond = Connections * PerConnection;

    public static LoadResult Run(int port, string path, TimeSpan time)
    {
        long begin = Stopwatch.GetTimestamp(), end = begin + (long)(time.TotalSeconds * Stopwatch.Frequency);
        var times = new List<long>[Connections];
        long lost = 0;
        Thread[] threads = [.. Enumerable.Range(0, Connections).Select(i => new Thread(
            () =>
            {
                var own = times[i] = new List<long>((int)(time.TotalSeconds * PerConnection) + 1);
                long interval = Stopwatch.Frequency / PerConnection, answeredAt = 0;
                using var client = new SmallClient(port, path);
                for (long due = begin + (i * interval / Connections); due < end; due += interval)
                {
                    while (Stopwatch.GetTimestamp() < due) Thread.Sleep(1);
                    long from = answeredAt > due ? due : Stopwatch.GetTimestamp();
                    if (!client.Ask()) Interlocked.Increment(ref lost);
                    answeredAt = Stopwatch.GetTimestamp();
                    own.Add(answeredAt - from);
                }
            },
            256 * 1024))];
        foreach (Thread t in threads) t.Start();
        foreach (Thread t in threads) t.Join();
        long[] all = [.. times.SelectMany(t => t).Order()];
        return new LoadResult(all[(int)(all.Length * 0.99)] * 1e6 / Stopwatch.Frequency, lost);
    }
}

/// <summary>A client of few instructions, on one connection: the machine's processors are the server's.</summary>
internal sealed class SmallClient(int port, string path) : IDisposable
{
    private readonly byte[] _request = System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    private readonly byte[] _buffer = new byte[16 * 1024];
    private System.Net.Sockets.Socket? _socket;

    /// <summary>Sends the request; true where the answer has the status 200. What a client of this sort asks for is answered in one piece.</summary>
    public bool Ask()
    {
        try
        {
            if (_socket is null)
            {
                _socket = new(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { NoDelay = true };
                _socket.Connect(System.Net.IPAddress.Loopback, port);
            }

            _socket.Send(_request);
            int n = _socket.Receive(_buffer);
            if (n > 0) return _buffer.AsSpan(0, n).StartsWith("HTTP/1.1 200"u8);
        }
        catch (System.Net.Sockets.SocketException)
        {
            // Not answered.
        }

        Dispose();
        return false;
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }
}
