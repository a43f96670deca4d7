// Readings of 200 bytes through broker, component and outbox, against the same without a component, the bare broker,
// Node-RED, and one fsync for each message.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mote.Backends.Sqlite;
using Mote.DataPlane;

namespace Mote.Bench;

internal static class TelemetryBench
{
    private const int Publishers = 4, Window = 64, BatchWindow = 200, DurablePublishers = 64;

    public static Report Run(bool quick)
    {
        int rounds = quick ? 3 : 7;
        TimeSpan slice = TimeSpan.FromSeconds(quick ? 1 : 3);
        string root = Directory.CreateTempSubdirectory("mote-bench-telemetry-").FullName;
        try
        {
            using ServerProcess batches = Start("node", Folder(root, "batches", 100, "telemetry-batch"));
            using ServerProcess node = Start("node", Folder(root, "node", 100)), pass = Start("pass", Folder(root, "pass", 100)), bare = Start("bare", root);
            using ServerProcess durable = Start("node", Folder(root, "durable", 0));
            byte[][] readings = Readings();
            double[] component = new double[rounds], without = new double[rounds], broker = new double[rounds], all = new double[rounds], one = new double[rounds], fsync = new double[rounds], p99 = new double[rounds], red = new double[rounds];
            double[] componentCpu = new double[rounds], withoutCpu = new double[rounds], batched = new double[rounds], batchedCpu = new double[rounds];
            using NodeRed? nodeRed = NodeRed.Start(root, bare.Port);
            Publish(node.Port, readings, TimeSpan.FromSeconds(1), Publishers, Window);
            Publish(pass.Port, readings, TimeSpan.FromSeconds(1), Publishers, Window);
            Publish(batches.Port, readings, TimeSpan.FromSeconds(1), Publishers, BatchWindow);
            for (int r = 0; r < rounds; r++)
            {
                component[r] = Publish(node, readings, slice, out componentCpu[r]);
                batched[r] = Publish(batches, readings, slice, out batchedCpu[r], BatchWindow);
                without[r] = Publish(pass, readings, slice, out withoutCpu[r]);
                broker[r] = Through(bare.Port, readings, slice);
                fsync[r] = Fsyncs(root, slice / 3);
                var took = new List<long>();
                all[r] = Publish(durable.Port, readings, slice, DurablePublishers, 1, took);
                p99[r] = took.Order().ElementAt(took.Count * 99 / 100) * 1e6 / Stopwatch.Frequency;
                one[r] = Publish(durable.Port, readings, slice / 2, 1, 1);
                if (nodeRed is not null) red[r] = nodeRed.Filter(readings, slice);
            }

            var report = new Report("telemetry", rounds);
            report.Metric("component", component, "msg/s");
            report.Metric("passthrough", without, "msg/s");
            report.Metric("component_cpu", componentCpu, "us/msg");
            report.Metric("passthrough_cpu", withoutCpu, "us/msg");
            report.Metric("component_batches", batched, "msg/s");
            report.Metric("component_batches_cpu", batchedCpu, "us/msg");
            report.Metric("bare_broker", broker, "msg/s");
            if (nodeRed is not null) report.Metric("node_red", red, "msg/s");
            report.Metric("fsync", fsync.Select(f => 1e6 / f), "us");
            report.Metric("durable_64_publishers", all, "msg/s");
            report.Metric("durable_64_publishers_p99", p99, "us");
            report.Metric("durable_1_publisher", one, "msg/s");
            report.Key("ratio_component_vs_passthrough", Rounds.Ratio("", component, without).Median, 0.8, atLeast: true);
            report.Key("ratio_vs_bare_broker", Rounds.Ratio("", component, broker).Median, 0.5, atLeast: true);
            if (nodeRed is not null) report.Key("speedup_vs_node_red", Rounds.Ratio("", component, red).Median, 10, atLeast: true);
            report.Key("ratio_durable_vs_fsync", Rounds.Ratio("", all, fsync).Median, 10, atLeast: true);
            report.Key("durable_p99_fsyncs", p99.Zip(fsync, (p, f) => p * f / 1e6).Order().ElementAt(rounds / 2), 3);
            report.Key("ratio_one_publisher_vs_fsync", Rounds.Ratio("", one, fsync).Median);
            report.Key("node_rss_mib", node.MiB("VmRSS"));
            Queued(report, Path.Combine(root, "million.db"), quick ? 100_000 : 1_000_000);
            return report;
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    /// <summary>Messages acknowledged in a second.</summary>
    public static double Publish(int port, TimeSpan time, bool durable) => durable ? Publish(port, Readings(), time, DurablePublishers, 1) : Publish(port, Readings(), time, Publishers, Window);

    /// <summary>One in a hundred is an alert.</summary>
    private static byte[][] Readings() => [.. Enumerable.Range(0, 100).Select(i => Reading(i == 99 ? 150 : 20 + (i / 10.0)))];

    private static byte[] Reading(double value)
    {
        string head = string.Create(CultureInfo.InvariantCulture, $"{{\"value\":{value},\"ts\":\"2026-11-23T06:00:00.000Z\",\"note\":\"");
        return Encoding.ASCII.GetBytes(head + new string('x', 200 - head.Length - 2) + "\"}");
    }

    private static string Folder(string root, string name, int threshold, string guest = "telemetry")
    {
        string folder = Directory.CreateDirectory(Path.Combine(root, name)).FullName;
        File.Copy(Guests.PathOf(guest), Path.Combine(folder, "telemetry.wasm"));
        File.WriteAllText(Path.Combine(folder, "threshold"), $"{threshold}");
        File.WriteAllText(Path.Combine(folder, "mote.toml"), $"""
            mote = 1
            [app]
            name = "telemetry"
            [[trigger.mqtt]]
            topic = "in/#"
            component = "filter"
            [component.filter]
            source = "telemetry.wasm"
            instance = "pooled"
            [component.filter.grants]
            publish = ["alerts"]
            [component.filter.variables]
            threshold = "{threshold}"
            """);
        return folder;
    }

    private static ServerProcess Start(string kind, string folder)
    {
        int port = ServerProcess.FreePort();
        return ServerProcess.Start(Environment.ProcessPath!, ["--telemetry", kind, folder, $"{port}"], port, path: null);
    }

    /// <summary>Messages acknowledged in a second, and what each cost the server.</summary>
    private static double Publish(ServerProcess server, byte[][] readings, TimeSpan time, out double cpuMicroseconds, int window = Window)
    {
        TimeSpan before = server.Cpu;
        double rate = Publish(server.Port, readings, time, Publishers, window);
        cpuMicroseconds = (server.Cpu - before).TotalMicroseconds / (rate * time.TotalSeconds);
        return rate;
    }

    /// <summary>Messages acknowledged in a second.</summary>
    private static double Publish(int port, byte[][] readings, TimeSpan time, int publishers, int window, List<long>? took = null)
    {
        long acknowledged = 0, start = Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, publishers).Select(p => new Thread(
            () =>
            {
                using var load = new MqttLoad(port, $"load-{p}");
                List<long>? mine = took is null ? null : [];
                long n = load.Publish($"in/{p}", readings, window, _ => Stopwatch.GetElapsedTime(start) < time, mine);
                Interlocked.Add(ref acknowledged, n);
                if (took is null) return;
                lock (took) took.AddRange(mine!);
            },
            256 * 1024))];
        foreach (Thread t in threads) t.Start();
        foreach (Thread t in threads) t.Join();
        return acknowledged / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Messages that come out of the bare broker in a second: publishers wait for the subscriber, so that none is dropped.</summary>
    private static double Through(int port, byte[][] readings, TimeSpan time)
    {
        using var subscriber = new MqttLoad(port, "subscriber");
        subscriber.Subscribe("in/#");
        long received = 0, sent = 0, start = Stopwatch.GetTimestamp();
        bool over = false;
        Thread[] threads = [.. Enumerable.Range(0, Publishers).Select(p => new Thread(() =>
        {
            using var load = new MqttLoad(port, $"load-{p}");
            load.Publish($"in/{p}", readings, Window, _ =>
            {
                while (Volatile.Read(ref sent) - Volatile.Read(ref received) > 500) Thread.Yield();
                if (Stopwatch.GetElapsedTime(start) >= time) return false;
                Interlocked.Increment(ref sent);
                return true;
            });
        }))];
        var reader = new Thread(() =>
        {
            while (!Volatile.Read(ref over) || Volatile.Read(ref received) < Volatile.Read(ref sent)) subscriber.Receive(1, () => Interlocked.Increment(ref received));
        });
        reader.Start();
        foreach (Thread t in threads) t.Start();
        foreach (Thread t in threads) t.Join();
        Volatile.Write(ref over, true);
        using (var last = new MqttLoad(port, "last"))
        {
            Interlocked.Increment(ref sent);
            last.Publish("in/last", readings, 1, n => n < 1);
        }

        reader.Join();
        return received / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Writes of 200 bytes, each with its fsync, in a second.</summary>
    private static double Fsyncs(string folder, TimeSpan time)
    {
        using FileStream file = new(Path.Combine(folder, "fsync"), FileMode.Create, FileAccess.Write, FileShare.None, 0);
        byte[] data = new byte[200];
        long start = Stopwatch.GetTimestamp(), n = 0;
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            file.Write(data);
            file.Flush(flushToDisk: true);
            n++;
        }

        return n / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>What many queued events cost in memory, and how long the next start takes to have the first of them.</summary>
    private static void Queued(Report report, string file, int count)
    {
        double before = 0;
        var c = new OutboxClass("default");
        byte[] data = Reading(1);
        using (var outbox = new SqliteOutbox(file, 1L << 40, Console.Error.WriteLine, TimeProvider.System))
        {
            using var window = new SemaphoreSlim(4096);
            for (int i = 0; i < count; i++)
            {
                if (i == count / 10) before = OwnMiB();
                window.Wait();
                outbox.Put([(c, new CloudEvent($"{i}", "/bench", CloudEvent.MessageType, DateTimeOffset.UtcNow, "alerts", "application/json", data))], _ => window.Release());
            }

            for (int i = 0; i < 4096; i++) window.Wait();
            report.Key("queued_events", outbox.Counts.Waiting, count, atLeast: true);
            report.Key("queued_rss_growth_mib", OwnMiB() - before, 16);
        }

        long start = Stopwatch.GetTimestamp();
        using var again = new SqliteOutbox(file, 1L << 40, Console.Error.WriteLine, TimeProvider.System);
        IReadOnlyList<OutboxEntry> first = again.Peek(100, 1 << 20);
        report.Key("restart_with_queued_s", Stopwatch.GetElapsedTime(start).TotalSeconds, 2);
        if (first.Count != 100 || again.Counts.Waiting != count) throw new MissingException($"the outbox has {again.Counts.Waiting} of {count} events after a restart");
    }

    private static double OwnMiB()
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmRSS", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0;
    }
}
