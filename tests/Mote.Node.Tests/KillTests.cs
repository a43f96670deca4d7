// A node that is killed at random moments while it takes messages and sends what its component makes of them: whatever a
// publisher has an acknowledgement for arrives upstream. MOTE_LONG=1 kills 1,000 times.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Mote.Packaging;
using Mote.Tests.Servers;

namespace Mote.Node.Tests;

public sealed class KillTests
{
    private static readonly bool s_long = Environment.GetEnvironmentVariable("MOTE_LONG") == "1";

    [Fact]
    public Task Kill9_AtRandomMoments_LosesNothingThatWasAcknowledged() => Kill9(Handler.Wasm, TestSite.App, publishers: 4, kills: s_long ? 1000 : 12);

    /// <summary>In the middle of batches: each message of one comes again, or what was made of it is on disk.</summary>
    [Fact]
    public Task Kill9_AmongBatches_LosesNothingThatWasAcknowledged() => Kill9(Batches.BatchHandlerGuest.Wasm, Batches.BatchSite.App("batch = 8"), publishers: 12, kills: s_long ? 1000 : 8);

    private static async Task Kill9(byte[] component, string manifest, int publishers, int kills)
    {
        string? program = Environment.GetEnvironmentVariable("MOTE_BINARY");
        Assert.SkipUnless(File.Exists(program), "MOTE_BINARY names no published mote (./test makes one)");
        int seed = Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        string folder = Directory.CreateTempSubdirectory("mote-kill-tests-").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(folder, "handler.wasm"), component);
            File.WriteAllText(Path.Combine(folder, AppManifest.FileName), manifest);
            string events = Path.Combine(folder, "events.jsonl");
            Collector collector = await Collector.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), events, null);
            int collectorPort = collector.Url.Port, port = Loopback.FreePort();
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
                using Process node = NodeProcess.Start(program!, folder);
                // The collector is away for a third of the time: then what is acknowledged waits on disk.
                if (kill % 3 == 1) await collector.DisposeAsync();
                using var stop = new CancellationTokenSource();
                Task[] publishing = [.. Enumerable.Range(0, publishers).Select(_ => NodeProcess.Publish(port, acknowledged, () => $"m-{Interlocked.Increment(ref next)}", stop.Token))];
                await Wait.Until(() => acknowledged.Count > kill * 5 || node.HasExited, () => "nothing is acknowledged");
                Assert.False(node.HasExited, "the node ended by itself");
                await Task.Delay(random.Next(0, 60), TestContext.Current.CancellationToken);
                node.Kill();
                await node.WaitForExitAsync(TestContext.Current.CancellationToken);
                await stop.CancelAsync();
                await Task.WhenAll(publishing);
                if (kill % 3 == 1) collector = await Collector.StartAsync(new IPEndPoint(IPAddress.Loopback, collectorPort), events, null);
            }

            using Process last = NodeProcess.Start(program!, folder);
            HashSet<string> missing = [.. acknowledged];
            await Wait.Until(
                () =>
                {
                    missing.ExceptWith(NodeProcess.ArrivedIn(events));
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
}
