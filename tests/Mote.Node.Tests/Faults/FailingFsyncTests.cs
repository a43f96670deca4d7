// A node on a disk whose fsync fails, always or now and then, and whose power is cut in the middle of that: whatever was
// acknowledged arrives upstream, and the node lives, says what is wrong, and goes on when the disk does.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Mote.Packaging;
using Mote.Tests.Servers;

namespace Mote.Node.Tests.Faults;

public sealed class FailingFsyncTests : IDisposable
{
    private static readonly bool s_long = Environment.GetEnvironmentVariable("MOTE_LONG") == "1";
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-fsync-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task FailingFsync_LosesNothingThatWasAcknowledged_AndIsSaid_AndPasses()
    {
        string? program = Environment.GetEnvironmentVariable("MOTE_BINARY");
        Assert.SkipUnless(File.Exists(program), "MOTE_BINARY names no published mote (./test makes one)");
        int seed = Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var disk = new FailingDisk(Path.Combine(_folder, "data"), Directory.CreateDirectory(Path.Combine(_folder, "disk")).FullName);
        File.WriteAllBytes(Path.Combine(_folder, "handler.wasm"), Handler.Wasm);
        File.WriteAllText(Path.Combine(_folder, AppManifest.FileName), TestSite.App);
        int port = Loopback.FreePort(), collectorPort = Loopback.FreePort(), metricsPort = Loopback.FreePort();
        File.WriteAllText(Path.Combine(_folder, "node.toml"), $"""
            [node]
            data = "data"
            [broker]
            listen = "127.0.0.1:{port}"
            [upstream]
            url = "http://127.0.0.1:{collectorPort}/"
            topics = ["out"]
            [telemetry]
            metrics = "127.0.0.1:{metricsPort}"
            """);
        var acknowledged = new ConcurrentBag<string>();
        int next = 0;
        Process node = NodeProcess.Start(program!, _folder, disk.Environment);
        try
        {
            // The upstream is away all the time: what is acknowledged is on disk or nowhere.
            for (int round = 0; round < (s_long ? 150 : 8); round++)
            {
                using var stop = new CancellationTokenSource();
                Task[] publishers = [.. Enumerable.Range(0, 4).Select(_ => NodeProcess.Publish(port, acknowledged, () => $"m-{Interlocked.Increment(ref next)}", stop.Token))];
                await More(8);
                disk.Fail(100);
                if (round == 0) await SaysSo(program!, port, metricsPort, node, acknowledged);
                else await Task.Delay(random.Next(0, 30), TestContext.Current.CancellationToken);
                disk.Fail(random.Next(5, 40));
                await More(8);
                // A kill leaves what the kernel has in memory; a power cut does not. In between the disk is ill all the same.
                bool power = round % 2 == 1;
                if (power && random.Next(2) == 0) disk.Fail(0);
                if (power) await More(1);
                node.Kill();
                await node.WaitForExitAsync(TestContext.Current.CancellationToken);
                node.Dispose();
                await stop.CancelAsync();
                await Task.WhenAll(publishers);
                if (power) disk.CutPower();
                disk.Fail(0);
                node = NodeProcess.Start(program!, _folder, disk.Environment);
            }

            await using Collector collector = await Collector.StartAsync(new IPEndPoint(IPAddress.Loopback, collectorPort), Path.Combine(_folder, "events.jsonl"), null);
            HashSet<string> missing = [.. acknowledged];
            await Wait.Until(
                () =>
                {
                    missing.ExceptWith(NodeProcess.ArrivedIn(Path.Combine(_folder, "events.jsonl")));
                    return missing.Count == 0;
                },
                () => $"{missing.Count} of {acknowledged.Count} acknowledged messages never came, {missing.FirstOrDefault()} among them");
        }
        finally
        {
            node.Kill();
            await node.WaitForExitAsync(CancellationToken.None);
            node.Dispose();
        }

        async Task More(int messages)
        {
            int wanted = acknowledged.Count + messages;
            await Wait.Until(() => acknowledged.Count >= wanted || node.HasExited, () => "nothing is acknowledged");
            Assert.False(node.HasExited, "the node ended by itself");
        }
    }

    /// <summary>With every fsync failing: nothing new is acknowledged, and doctor and metrics say why; until it is over.</summary>
    private async Task SaysSo(string program, int port, int metricsPort, Process node, ConcurrentBag<string> acknowledged)
    {
        string said = "";
        await Wait.Until(() => (said = Doctor(program)).Contains("FAIL  disk", StringComparison.Ordinal), () => $"mote doctor says: {said}");
        Assert.Contains("the disk does not confirm what is written (fsync fails)", said, StringComparison.Ordinal);
        int before = acknowledged.Count;
        using (var http = new HttpClient())
        {
            Assert.Contains("mote_disk_up 0", await http.GetStringAsync(new Uri($"http://127.0.0.1:{metricsPort}/metrics"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
            // A message of a publisher with patience, beside the four that are at it all the time.
            await using (Client client = await Client.Connect($"127.0.0.1:{port}"))
            {
                bool taken = false;
                try
                {
                    taken = (await client.Publish("in/a", "while it fails").WaitAsync(Client.Patience)).IsSuccess;
                }
                catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or OperationCanceledException)
                {
                    // Refused, as 3.1.1 has it: by the end of the connection.
                }

                Assert.False(taken, "a message was acknowledged that is not on disk");
            }

            Assert.Equal(before, acknowledged.Count);
            Assert.False(node.HasExited, "the node ended by itself");
            File.Delete(Path.Combine(_folder, "disk", "fault"));
            await Wait.Until(() => (said = Doctor(program)).Contains("ok    disk", StringComparison.Ordinal), () => $"mote doctor says: {said}");
            Assert.Contains("mote_disk_up 1", await http.GetStringAsync(new Uri($"http://127.0.0.1:{metricsPort}/metrics"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
    }

    private string Doctor(string program)
    {
        using Process p = Process.Start(new ProcessStartInfo(program, ["doctor", _folder]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string text = p.StandardOutput.ReadToEnd();
        p.WaitForExit();
        return text;
    }
}
