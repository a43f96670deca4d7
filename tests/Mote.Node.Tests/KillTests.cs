// A node that is killed at random moments while it takes messages and sends what its component makes of them: whatever a
// publisher has an acknowledgement for arrives upstream. MOTE_LONG=1 kills 1,000 times.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mote.Packaging;

namespace Mote.Node.Tests;

public sealed class KillTests
{
    private static readonly bool s_long = Environment.GetEnvironmentVariable("MOTE_LONG") == "1";

    [Fact]
    public async Task Kill9_AtRandomMoments_LosesNothingThatWasAcknowledged()
    {
        string? program = Environment.GetEnvironmentVariable("MOTE_BINARY");
        Assert.SkipUnless(File.Exists(program), "MOTE_BINARY names no published mote (./test makes one)");
        int kills = s_long ? 1000 : 12;
        int seed = Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        string folder = Directory.CreateTempSubdirectory("mote-kill-tests-").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(folder, "handler.wasm"), Handler.Wasm);
            File.WriteAllText(Path.Combine(folder, AppManifest.FileName), TestSite.App);
            string events = Path.Combine(folder, "events.jsonl");
            Collector collector = await Collector.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), events, null);
            int collectorPort = collector.Url.Port, port = FreePort();
            File.WriteAllText(Path.Combine(folder, "node.toml"), $"""
                [node]
                data = "data"
                [broker]
                listen = "127.0.0.1:{port}"
                [upstream]
                url = "http://127.0.0.1:{collectorPort}/"
                topics = ["out"]
                """);
            var acknowledged = new ConcurrentBag<string>();
            int next = 0;
            for (int kill = 0; kill < kills; kill++)
            {
                using Process node = Start(program!, folder);
                // The collector is away for a third of the time: then what is acknowledged waits on disk.
                if (kill % 3 == 1) await collector.DisposeAsync();
                using var stop = new CancellationTokenSource();
                Task[] publishers = [.. Enumerable.Range(0, 4).Select(_ => Publish(port, acknowledged, () => $"m-{Interlocked.Increment(ref next)}", stop.Token))];
                await Wait.Until(() => acknowledged.Count > kill * 5 || node.HasExited, () => "nothing is acknowledged");
                Assert.False(node.HasExited, "the node ended by itself");
                await Task.Delay(random.Next(0, 60), TestContext.Current.CancellationToken);
                node.Kill();
                await node.WaitForExitAsync(TestContext.Current.CancellationToken);
                await stop.CancelAsync();
                await Task.WhenAll(publishers);
                if (kill % 3 == 1) collector = await Collector.StartAsync(new IPEndPoint(IPAddress.Loopback, collectorPort), events, null);
            }

            using Process last = Start(program!, folder);
            HashSet<string> missing = [.. acknowledged];
            await Wait.Until(
                () =>
                {
                    missing.ExceptWith(ArrivedIn(events));
                    return missing.Count == 0;
                },
                () => $"{missing.Count} of {acknowledged.Count} acknowledged messages never came, {missing.FirstOrDefault()} among them");
            last.Kill();
            await collector.DisposeAsync();
            Assert.True(acknowledged.Count > (kills - 1) * 5); // as each round has waited for
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task Publish(int port, ConcurrentBag<string> acknowledged, Func<string> next, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using Client client = await Client.Connect($"127.0.0.1:{port}");
                while (!stop.IsCancellationRequested)
                {
                    string id = next();
                    if ((await client.Publish("in/a", id).WaitAsync(stop)).IsSuccess) acknowledged.Add(id);
                }
            }
            catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or OperationCanceledException or SocketException or InvalidOperationException)
            {
                // It is not there yet, or not any more.
                await Task.Delay(5, CancellationToken.None);
            }
        }
    }

    /// <summary>The data of the events in the collector's file; its last line may be half of one.</summary>
    private static IEnumerable<string> ArrivedIn(string file)
    {
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            int at = line.IndexOf("\"data_base64\":\"", StringComparison.Ordinal);
            if (at < 0) continue;
            at += 15;
            int end = line.IndexOf('"', at);
            if (end > 0) yield return System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(line[at..end]));
        }
    }

    private static Process Start(string program, string folder) =>
        Process.Start(new ProcessStartInfo(program, ["up", folder]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
