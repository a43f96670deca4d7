// [[trigger.messaging]] on a stream of JetStream: acknowledged when it is handled and safe, given again when it is not,
// and never more in flight than was asked for.
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Node.Tests.Nats;

public sealed class StreamTriggerTests
{
    private const string Trigger = "subject = \"in.>\"\nstream = \"IN\"\n";

    private static Task Idle(EdgeNode node, long handled) => Wait.Until(() => node.Queues[0].Counts.Handled >= handled && node.Queues[0].Counts.Waiting == 0, () => $"{node.Queues[0].Counts}");

    [Fact]
    public async Task Messages_AreHandledInTheirOrder_AndAcknowledged()
    {
        await using var site = new NatsSite();
        await site.Stream("IN", "in.>");
        for (int i = 0; i < 100; i++) await site.Put("in.before", $"{i}"); // the node was not there yet
        await using EdgeNode node = await site.Start(NatsSite.App(Trigger));
        await using Heard outs = await Heard.On(site.Client, "out");
        for (int i = 100; i < 500; i++) await site.Put("in.after", $"{i}");
        await Idle(node, 500);
        await site.Until("IN", c => c is { NumAckPending: 0, NumPending: 0 });
        ConsumerInfo consumer = await site.Consumer("IN");
        Assert.Equal((500UL, 0L), (consumer.AckFloor.StreamSeq, consumer.NumRedelivered));
        Assert.StartsWith("mote-test-node-test-handler-", consumer.Name, StringComparison.Ordinal);
        Assert.Equal(Enumerable.Range(100, 400).Select(i => $"{i}"), outs.Texts.TakeLast(400));
        Assert.Equal(500, node.Queues[0].Counts.Received);
    }

    [Fact]
    public async Task Batches_AreAcknowledgedMessageByMessage()
    {
        await using var site = new NatsSite();
        File.WriteAllBytes(Path.Combine(site.Site.Folder, "handler.wasm"), Batches.BatchHandlerGuest.Wasm);
        await site.Stream("IN", "in.>");
        await site.Stream("LETTERS", "dead-letter.>");
        for (int i = 0; i < 400; i++) await site.Put("in.a", i switch { 50 => "!poison", 120 or 333 => $"e{i}", _ => $"{i}" });
        await using EdgeNode node = await site.Start(NatsSite.App(Trigger + "retries = 1\nbatch = 64\nbatch-wait = \"20ms\""));
        await Wait.Until(() => node.Queues[0].Counts is { Handled: 397, Failed: 3, Waiting: 0 }, () => $"{node.Queues[0].Counts}: {string.Join(" | ", site.Log)}");
        await site.Until("IN", c => c is { NumAckPending: 0, NumPending: 0 });
        Assert.Equal(400UL, (await site.Consumer("IN")).AckFloor.StreamSeq);
        Assert.Equal(["!poison", "e120", "e333"], (await site.All("LETTERS")).Order(StringComparer.Ordinal));
        // Each of the three came twice, and all others once; some of them in a batch that had failed, one by one.
        Assert.Equal(403, node.Queues[0].Counts.Received);
        Assert.InRange(node.Queues[0].Counts.Batches, 400 / 64, 60);
    }

    [Fact]
    public async Task OnlyNewMessages_WhereThatIsAskedFor_AndANamedConsumer()
    {
        await using var site = new NatsSite();
        await site.Stream("IN", "in.>");
        await site.Put("in.a", "old");
        await using EdgeNode node = await site.Start(NatsSite.App(Trigger + "deliver = \"new\"\ndurable = \"shared\"\nack-wait = \"5s\"\nmax-in-flight = 7"));
        await using Heard outs = await Heard.On(site.Client, "out");
        await site.Put("in.a", "new");
        await outs.Until(1);
        Assert.Equal(["new"], outs.Texts);
        ConsumerInfo consumer = await site.Consumer("IN");
        Assert.Equal(("shared", 7L, TimeSpan.FromSeconds(5)), (consumer.Name, consumer.Config.MaxAckPending, consumer.Config.AckWait));
    }

    [Fact]
    public async Task PoisonMessage_IsGivenAgain_ThenALetter_AndOthersPass()
    {
        await using var site = new NatsSite();
        await site.Stream("IN", "in.>");
        await site.Stream("LETTERS", "dead-letter.>");
        await using EdgeNode node = await site.Start(NatsSite.App(Trigger + "retries = 2"));
        await using Heard outs = await Heard.On(site.Client, "out");
        await site.Put("in.a", "!poison"); // the reason of a trap has several lines
        for (int i = 0; i < 20; i++) await site.Put("in.b", $"{i}");
        await outs.Until(20);
        await Wait.Until(() => node.Queues[0].Counts is { Handled: 20, Failed: 1, Retried: 2, DeadLetters: 1, Waiting: 0 }, () => $"{node.Queues[0].Counts}: {string.Join(" | ", site.Log)}");
        await site.Until("IN", c => c is { NumAckPending: 0, NumPending: 0 });
        Assert.Equal(["!poison"], await site.All("LETTERS"));
        Assert.Equal(20, outs.Messages.Count);
    }

    [Fact]
    public async Task InFlight_IsNeverMoreThanWasAskedFor()
    {
        await using var site = new NatsSite();
        await site.Stream("IN", "in.>");
        for (int i = 0; i < 8; i++) await site.Put("in.a", "s"); // each takes its 500 ms and fails
        for (int i = 0; i < 50; i++) await site.Put("in.a", "fine");
        await using EdgeNode node = await site.Start(NatsSite.App(Trigger + "max-in-flight = 5"));
        long most = 0;
        while (node.Queues[0].Counts.Handled < 50)
        {
            most = Math.Max(most, (await site.Consumer("IN")).NumAckPending);
            Assert.InRange(node.Queues[0].Counts.Waiting, 0, 5);
        }

        Assert.Equal(5, most);
    }

    [Fact]
    public async Task MessageThatWaitsLong_IsNotGivenTwice()
    {
        await using var site = new NatsSite();
        await site.Stream("IN", "in.>");
        for (int i = 0; i < 6; i++) await site.Put("in.a", "s"); // 3 s, and the server waits 1 s for a sign of life
        await site.Put("in.a", "last");
        await using EdgeNode node = await site.Start(NatsSite.App(Trigger + "retries = 0\nack-wait = \"1s\""));
        await Idle(node, 1);
        await site.Until("IN", c => c is { NumAckPending: 0, NumPending: 0 });
        Assert.Equal((7L, 6L, 0L), (node.Queues[0].Counts.Received, node.Queues[0].Counts.Failed, (await site.Consumer("IN")).NumRedelivered));
    }

    [Fact]
    public async Task NodeThatStops_GivesBackWhatItDidNotHandle_AndGoesOnWithIt()
    {
        await using var site = new NatsSite();
        await site.Stream("IN", "in.>");
        await site.Stream("OUT", "out");
        const int Count = 2000;
        // nats-server 2.9 may keep one message that is given back when the last subscription has just gone, until its ack-wait is over.
        string app = NatsSite.App(Trigger + "ack-wait = \"3s\"");
        for (int i = 0; i < Count; i++) await site.Put("in.a", $"{i}");
        for (int start = 0; start < 3; start++)
        {
            await using EdgeNode node = await site.Start(app);
            await Wait.Until(() => node.Queues[0].Counts.Handled > 100, () => $"{node.Queues[0].Counts}");
        }

        await using EdgeNode last = await site.Start(app);
        await site.Until("IN", c => c is { NumAckPending: 0, NumPending: 0 });
        List<string> all = await site.All("OUT");
        Assert.Equal(Count, all.Distinct().Count());
        // What a stop found unhandled came again at once; what was handled did not, but for an acknowledgement on its way.
        Assert.InRange(all.Count, Count, Count + 10);
    }

    [Fact]
    public async Task Server_KilledWhileMessagesFlow_LosesNothing()
    {
        await using var site = new NatsSite();
        await site.Stream("IN", "in.>");
        await site.Stream("OUT", "out");
        await using EdgeNode node = await site.Start(NatsSite.App(Trigger + "ack-wait = \"2s\""));
        var acknowledged = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        Task publisher = Task.Run(async () =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                try
                {
                    (await site.JetStream.PublishAsync("in.a", Encoding.UTF8.GetBytes($"{i}"), cancellationToken: stop.Token)).EnsureSuccess();
                    acknowledged.Add($"{i}");
                }
                catch (Exception e) when (e is NATS.Client.Core.NatsException or OperationCanceledException)
                {
                    // The server is away: what it did not acknowledge may be there or not.
                }
            }
        }, CancellationToken.None);
        for (int kill = 1; kill <= 3; kill++)
        {
            await Wait.Until(() => acknowledged.Count > kill * 200, () => $"{acknowledged.Count} are acknowledged: {string.Join(" | ", site.Log)}");
            site.Server.Kill();
            await Wait.Until(() => !node.NatsIsReady, () => "the node does not notice");
            Assert.NotNull(node.Status().DataPlane!.Nats!.Fault);
            site.Server.Start();
        }

        await Wait.Until(() => node.Status().DataPlane!.Nats!.Fault is null, () => $"{node.Status().DataPlane!.Nats}");
        await Wait.Until(() => acknowledged.Count > 800, () => $"{acknowledged.Count} are acknowledged: {string.Join(" | ", site.Log)}");
        await stop.CancelAsync();
        await publisher;
        await site.Until("IN", c => c is { NumAckPending: 0, NumPending: 0 });
        HashSet<string> missing = [.. acknowledged];
        missing.ExceptWith(await site.All("OUT"));
        Assert.True(missing.Count == 0, $"{missing.Count} of {acknowledged.Count} did not come out: {string.Join(", ", missing.Take(5))}");
    }

    [Fact]
    public async Task Stream_ThatIsNotThereYet_IsWaitedFor_AndSaid()
    {
        await using var site = new NatsSite();
        await using EdgeNode node = await site.Site.Start(NatsSite.App(Trigger));
        await Wait.Until(() => site.Log.Any(l => l.Contains("there is no such stream: nats stream add IN", StringComparison.Ordinal)), () => string.Join(" | ", site.Log));
        await site.Stream("IN", "in.>");
        await site.Put("in.a", "at last");
        await Idle(node, 1);
        await site.JetStream.DeleteStreamAsync("IN", TestContext.Current.CancellationToken);
        await Wait.Until(() => !node.NatsIsReady, () => $"it does not notice: {string.Join(" | ", site.Log)}");
        await site.Stream("IN", "in.>");
        await site.Put("in.a", "again");
        await Idle(node, 2);
    }

    [Fact]
    public async Task Message_IsAcknowledgedWhenItsResultsAreInTheOutbox()
    {
        await using var site = new NatsSite();
        await site.Stream("IN", "in.>");
        var events = new ConcurrentQueue<DataPlane.CloudEvent>();
        await using Collector collector = await Collector.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), null, events.Enqueue);
        site.Site.Config = site.Site.Config with { UpstreamUrl = collector.Url, UpstreamTopics = ["out"] };
        await using EdgeNode node = await site.Start(NatsSite.App(Trigger));
        for (int i = 0; i < 50; i++) await site.Put("in.a", $"{i}");
        await site.Until("IN", c => c is { NumAckPending: 0, NumPending: 0 });
        await Wait.Until(() => events.Count == 50, () => $"{events.Count} events came");
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i}"), events.Select(e => Encoding.UTF8.GetString(e.Data.Span)));
    }
}
