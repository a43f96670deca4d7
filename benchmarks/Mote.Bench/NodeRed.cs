// npm's Node-RED with the same filter as a function node, between an MQTT-in and an MQTT-out node of the same broker.
using System.Diagnostics;

namespace Mote.Bench;

internal sealed class NodeRed : IDisposable
{
    private readonly ServerProcess _process;
    private readonly int _broker;

    private NodeRed(ServerProcess process, int broker)
    {
        _process = process;
        _broker = broker;
    }

    /// <summary>Starts it; null where the machine has none.</summary>
    public static NodeRed? Start(string root, int broker)
    {
        if (Environment.GetEnvironmentVariable("MOTE_BENCH_NODE_RED") is not { Length: > 0 } script) return null;
        string folder = Directory.CreateDirectory(Path.Combine(root, "node-red")).FullName;
        File.WriteAllText(Path.Combine(folder, "flows.json"), $$"""
            [
              { "id": "t", "type": "tab", "label": "filter" },
              { "id": "b", "type": "mqtt-broker", "broker": "127.0.0.1", "port": "{{broker}}", "protocolVersion": "4", "keepalive": "60", "cleansession": true },
              { "id": "i", "type": "mqtt in", "z": "t", "topic": "in/#", "qos": "1", "datatype": "utf8", "broker": "b", "wires": [["f"]] },
              { "id": "f", "type": "function", "z": "t", "func": "return JSON.parse(msg.payload).value >= 100 ? { topic: 'alerts', payload: msg.payload } : null;", "outputs": 1, "wires": [["o"]] },
              { "id": "o", "type": "mqtt out", "z": "t", "qos": "1", "broker": "b", "wires": [] }
            ]
            """);
        File.WriteAllText(Path.Combine(folder, "settings.js"), "module.exports = { flowFile: 'flows.json', httpAdminRoot: false, uiHost: '127.0.0.1', logging: { console: { level: 'fatal' } } };");
        int port = ServerProcess.FreePort();
        return new NodeRed(ServerProcess.Start("node", [script, "--userDir", folder, "--port", $"{port}"], port, path: null), broker);
    }

    /// <summary>Messages that it filters in a second; of each hundred the last one is an alert, and at most four hundred are under way.</summary>
    public double Filter(byte[][] readings, TimeSpan time)
    {
        using var alerts = new MqttLoad(_broker, "alerts");
        alerts.Subscribe("alerts");
        using var load = new MqttLoad(_broker, "readings");
        long seen = 0, sent = 0;
        // It connects some time after its port is open: the first alert says that it is there.
        var first = new Thread(() => alerts.Receive(1));
        first.Start();
        do load.Publish("in/red", [readings[^1]], 1, n => n < 1);
        while (!first.Join(200));
        Thread.Sleep(300);
        bool over = false;
        var reader = new Thread(() =>
        {
            try
            {
                while (!Volatile.Read(ref over)) alerts.Receive(1, () => Interlocked.Increment(ref seen));
            }
            catch (Exception e) when (e is System.Net.Sockets.SocketException or MissingException or ObjectDisposedException)
            {
                // Closed from here.
            }
        });
        reader.Start();
        Thread.Sleep(300);
        long before = Volatile.Read(ref seen);
        long start = Stopwatch.GetTimestamp();
        load.Publish("in/red", readings, 64, n =>
        {
            while ((n / readings.Length) - (Volatile.Read(ref seen) - before) >= 4) Thread.Yield();
            if (n % readings.Length == 0 && Stopwatch.GetElapsedTime(start) >= time) return false;
            sent = n + 1;
            return true;
        });
        long patience = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref seen) - before < sent / readings.Length && Stopwatch.GetElapsedTime(patience).TotalSeconds < 10) Thread.Sleep(1);
        double rate = sent / Stopwatch.GetElapsedTime(start).TotalSeconds;
        Volatile.Write(ref over, true);
        alerts.Dispose();
        reader.Join();
        return rate;
    }

    public void Dispose() => _process.Dispose();
}
