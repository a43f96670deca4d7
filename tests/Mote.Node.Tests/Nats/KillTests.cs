// A node that is killed at random moments between two streams of a real nats-server: what the first one has comes out of
// the second, through the component and the outbox, which the upstream's stream knows repeats of.
using System.Diagnostics;
using Mote.Packaging;

namespace Mote.Node.Tests.Nats;

public sealed class KillTests
{
    [Fact]
    public async Task Kill9_BetweenTwoStreams_LosesNothing()
    {
        string? program = Environment.GetEnvironmentVariable("MOTE_BINARY");
        Assert.SkipUnless(File.Exists(program), "MOTE_BINARY names no published mote (./test makes one)");
        bool isLong = Environment.GetEnvironmentVariable("MOTE_LONG") == "1";
        int kills = isLong ? 200 : 6;
        int seed = Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using var site = new NatsSite();
        await site.Stream("IN", "in.>");
        await site.Stream("EVENTS", "events.>");
        string folder = site.Site.Folder;
        File.WriteAllText(Path.Combine(folder, AppManifest.FileName), NatsSite.App("subject = \"in.>\"\nstream = \"IN\"\nack-wait = \"1s\""));
        File.WriteAllText(Path.Combine(folder, "node.toml"), $"""
            [nats]
            url = "{site.Server.Url}"
            [messaging.clients]
            default = "nats"
            [upstream]
            url = "nats:events.{"{topic}"}"
            topics = ["out"]
            """);
        int next = 0;
        for (int kill = 0; kill < kills; kill++)
        {
            using Process node = Start(program!, folder);
            for (int i = 0; i < 100; i++) await site.Put("in.a", $"m-{next++}");
            long before = await Count(site);
            DateTime end = DateTime.UtcNow + Client.Patience;
            while (await Count(site) == before && DateTime.UtcNow < end) await Task.Delay(5, TestContext.Current.CancellationToken);
            Assert.False(node.HasExited, "the node ended by itself");
            Assert.True(await Count(site) > before, "nothing comes out");
            await Task.Delay(random.Next(0, 30), TestContext.Current.CancellationToken);
            node.Kill();
            await node.WaitForExitAsync(TestContext.Current.CancellationToken);
            if (kill % 3 == 2)
            {
                site.Server.Kill();
                site.Server.Start();
            }
        }

        using Process last = Start(program!, folder);
        await site.Until("IN", c => c is { NumAckPending: 0, NumPending: 0 });
        HashSet<string> missing = [.. Enumerable.Range(0, next).Select(i => $"m-{i}")];
        for (DateTime end = DateTime.UtcNow + Client.Patience; missing.Count > 0; missing.ExceptWith(await site.All("EVENTS")))
        {
            Assert.True(DateTime.UtcNow < end, $"{missing.Count} of {next} never came, {missing.First()} among them");
        }

        last.Kill();
    }

    private static async Task<long> Count(NatsSite site)
    {
        while (true)
        {
            try
            {
                return (await site.JetStream.GetStreamAsync("EVENTS", cancellationToken: TestContext.Current.CancellationToken)).Info.State.Messages;
            }
            catch (NATS.Client.Core.NatsException)
            {
                await Task.Delay(10, TestContext.Current.CancellationToken); // the server begins
            }
        }
    }

    private static Process Start(string program, string folder)
    {
        Process process = Process.Start(new ProcessStartInfo(program, ["up", folder]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder })!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
