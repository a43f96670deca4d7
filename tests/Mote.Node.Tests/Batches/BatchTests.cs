// Messages in batches to a real component: how large they are, what becomes of a batch that fails or of messages in it, and
// that everything that holds for single messages holds for those of a batch.
using System.Text;
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Triggers;
using MQTTnet;
using MQTTnet.Packets;

namespace Mote.Node.Tests.Batches;

public sealed class BatchTests : IDisposable
{
    private readonly BatchSite _batches = new();

    private TestSite Site => _batches.Site;

    public void Dispose() => _batches.Dispose();

    private static async Task<Client> Listener(EdgeNode node)
    {
        Client client = await Client.Connect(node.Broker!.Address);
        foreach (string topic in (string[])["out", "batches", "dead-letter/#"]) await client.Subscribe(topic);
        return client;
    }

    private static Task Idle(EdgeNode node, long handled, long failed = 0) =>
        Wait.Until(() => node.Queues[0].Counts is var c && c.Handled == handled && c.Failed == failed && c.Waiting == 0, () => node.Queues[0].Counts.ToString());

    [Fact]
    public async Task Batches_AreAsLargeAsTheyMayBe_AndAcknowledgedOneByOne()
    {
        await using EdgeNode node = await Site.Start(BatchSite.App("batch = 10\nbatch-wait = \"30s\""));
        await using Client client = await Client.Connect(node.Broker!.Address), listener = await Listener(node);
        await BatchSite.Publish(client, "in/a", Enumerable.Range(0, 30).Select(i => $"{i}"));
        await Idle(node, 30);
        await listener.Until(33);
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"{i}"), BatchSite.Outs(listener));
        Assert.Equal([10, 10, 10], BatchSite.Batches(listener).Select(b => b.Length));
        EventCounts counts = node.Queues[0].Counts;
        Assert.Equal((30L, 30L, 33L, 3L, 0L), (counts.Received, counts.Handled, counts.Published, counts.Batches, counts.Retried));
        Assert.Equal(30, node.Queues[0].Cold.Count + node.Queues[0].Warm.Count);
        // One that waits for others longer than a publisher should is on disk, and acknowledged.
        Assert.True((await client.Publish("in/a", "last")).IsSuccess);
        Assert.Equal((30L, 1L), (node.Queues[0].Counts.Handled, node.Queues[0].Counts.Waiting));
        Assert.Equal(1, node.Inbox!.Value.Waiting);
        await node.DrainAsync(Client.Patience); // a node that stops waits for no more
        Assert.Equal((31L, 0L), (node.Queues[0].Counts.Handled, node.Queues[0].Counts.Waiting));
    }

    [Fact]
    public async Task Batch_OfFewer_GoesWhenItsWaitIsOver()
    {
        await using EdgeNode node = await Site.Start(BatchSite.App("batch-wait = \"50ms\""));
        await using Client client = await Client.Connect(node.Broker!.Address), listener = await Listener(node);
        await BatchSite.Publish(client, "in/a", ["a", "b", "c"]);
        await Idle(node, 3);
        await listener.Until(4);
        Assert.Equal([["a", "b", "c"]], BatchSite.Batches(listener));
    }

    [Fact]
    public async Task Messages_ThatAreNamedAsFailures_FollowTheRetryPolicy_TheOthersAreHandled()
    {
        await using EdgeNode node = await Site.Start(BatchSite.App("batch = 5\nbatch-wait = \"30s\"\nretries = 2"));
        await using Client client = await Client.Connect(node.Broker!.Address), listener = await Listener(node);
        var letters = new List<MqttApplicationMessage>();
        listener.Mqtt.ApplicationMessageReceivedAsync += e =>
        {
            if (e.ApplicationMessage.Topic.StartsWith("dead-letter/", StringComparison.Ordinal)) letters.Add(e.ApplicationMessage);
            return Task.CompletedTask;
        };
        await BatchSite.Publish(client, "in/a", ["a", "e1", "b", "d2", "c"]);
        await Idle(node, 3, failed: 2);
        await Wait.Until(() => letters.Count == 2, () => $"{letters.Count} letters");
        Assert.Equal(["a", "b", "c"], BatchSite.Outs(listener));
        // The whole batch, and then each that failed by itself, as often as it is tried again.
        Assert.Equal(["a e1 b d2 c"], BatchSite.Batches(listener).Where(b => b.Length > 1).Select(b => string.Join(' ', b)));
        Assert.Equal((4L, 2L, 5L), (node.Queues[0].Counts.Retried, node.Queues[0].Counts.DeadLetters, node.Queues[0].Counts.Received));
        Assert.Equal(["d2", "e1"], letters.Select(l => l.ConvertPayloadToString()).Order());
        string Of(MqttApplicationMessage letter, string name) => letter.UserProperties.Single(p => p.Name == name).ReadValueAsString();
        Assert.All(letters, l => Assert.Equal(("in/a", "test/handler", "3", "answered with an error: asked for it"), (Of(l, "mote-topic"), Of(l, "mote-component"), Of(l, "mote-attempts"), Of(l, "mote-error"))));
    }

    /// <summary>A trap, an error for all, an answer that makes no sense, and a call that takes too long: only the message itself is lost to it.</summary>
    [Theory]
    [InlineData("!poison", "trapped: ")]
    [InlineData("Error", "answered with an error: asked for it")]
    [InlineData("impossible", "answered with an error: asked for it")]
    [InlineData("spin", "trapped: ")]
    public async Task Batch_ThatFailsAsAWhole_IsTriedOneByOne_InOrder_AndNothingGoesOutTwice(string poison, string why)
    {
        await using EdgeNode node = await Site.Start(BatchSite.App("batch = 20\nbatch-wait = \"30s\"\nretries = 0"));
        await using Client client = await Client.Connect(node.Broker!.Address), listener = await Listener(node);
        string[] texts = [.. Enumerable.Range(0, 20).Select(i => i == 7 ? poison : $"{i}")];
        await BatchSite.Publish(client, "in/a", texts);
        await Idle(node, 19, failed: 1);
        await listener.Until(19 + 19 + 1);
        Assert.Equal(texts.Where(t => t != poison), BatchSite.Outs(listener));
        Assert.Equal(poison, Encoding.UTF8.GetString(listener.Received.Single(m => m.Topic.StartsWith("dead-letter/", StringComparison.Ordinal)).Data));
        Assert.Equal((20L, 1L), (node.Queues[0].Counts.Retried, node.Queues[0].Counts.DeadLetters));
        Assert.Contains(Site.Log, l => l.Contains("a batch of 20 messages", StringComparison.Ordinal) && l.Contains("each is tried by itself", StringComparison.Ordinal));
        if (poison != "impossible") Assert.Contains(Site.Log, l => l.Contains("message on `in/a`: " + why, StringComparison.Ordinal));
        await BatchSite.Publish(client, "in/a", Enumerable.Range(0, 20).Select(i => $"then {i}"));
        await Idle(node, 39, failed: 1);
        Assert.Equal(2, node.Queues[0].Counts.Batches); // the second one is a batch again
    }

    [Fact]
    public async Task Order_OfAKeyStays_WhereSeveralBatchesAreInWork()
    {
        const int Keys = 7, Each = 150;
        await using EdgeNode node = await Site.Start(BatchSite.App("batch = 16\nbatch-wait = \"1ms\"\nkey = \"level:2\"\nretries = 0", "concurrency = 4"));
        await using Client listener = await Listener(node);
        var random = new Random(20261123);
        await Task.WhenAll(Enumerable.Range(0, Keys).Select(async k =>
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            // Now and then one that fails, after which a batch goes on one by one.
            int[] poisoned = [.. Enumerable.Range(0, 3).Select(_ => { lock (random) return random.Next(Each); })];
            await BatchSite.Publish(client, $"in/{k}", Enumerable.Range(0, Each).Select(i => poisoned.Contains(i) ? $"! {k} {i}" : $"{k} {i}"));
        }));
        await Wait.Until(() => node.Queues[0].Counts is { Received: Keys * Each, Waiting: 0 }, () => node.Queues[0].Counts.ToString());
        long handled = node.Queues[0].Counts.Handled;
        await Wait.Until(() => BatchSite.Outs(listener).Length >= handled, () => $"{BatchSite.Outs(listener).Length} of {handled} came");
        Assert.Equal(Keys * Each, handled + node.Queues[0].Counts.Failed);
        foreach (IGrouping<string, string[]> key in BatchSite.Outs(listener).Select(o => o.Split(' ')).GroupBy(o => o[0]))
        {
            int[] numbers = [.. key.Select(o => int.Parse(o[1], System.Globalization.CultureInfo.InvariantCulture))];
            Assert.Equal(numbers.Order().Distinct(), numbers);
        }
    }

    [Fact]
    public async Task WhatABatchMadeIsOnDisk_WithTheEndOfAllItsMessages()
    {
        Site.Config = Site.Config with { UpstreamUrl = new Uri("http://127.0.0.1:1/"), UpstreamTopics = ["out"] }; // nobody is there
        await using (EdgeNode node = await Site.Start(BatchSite.App("batch = 50\nbatch-wait = \"30s\"")))
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            await BatchSite.Publish(client, "in/a", Enumerable.Range(0, 49).Select(i => $"{i}")); // acknowledged when they are on disk
            Assert.Equal((49L, 0L), (node.Inbox!.Value.Waiting, node.Queues[0].Counts.Handled));
        }

        await using EdgeNode again = await Site.Start(BatchSite.App("batch = 49\nbatch-wait = \"30s\""));
        await Idle(again, 49);
        await Wait.Until(() => again.Inbox!.Value.Waiting == 0, () => $"{again.Inbox}");
        Assert.Equal((49L, 1L), (again.Upstream!.Counts.Waiting, again.Queues[0].Counts.Batches));
    }

    [Fact]
    public async Task Timer_OfAComponentThatTakesOnlyBatches_IsABatchOfOne()
    {
        string timer = BatchSite.App().Replace("[[trigger.mqtt]]\ntopic = \"in/#\"", "[[trigger.timer]]\nevery = \"100ms\"", StringComparison.Ordinal);
        await using EdgeNode node = await Site.Start(timer);
        await Wait.Until(() => node.Queues[0].Counts.Handled >= 3, () => node.Queues[0].Counts.ToString());
        Assert.Equal(node.Queues[0].Counts.Handled * 2, node.Queues[0].Counts.Published);
    }

    [Fact]
    public async Task Flow_GivesBatchesToo_AndTheFirstMessageIsOverWithThem()
    {
        File.WriteAllBytes(Path.Combine(Site.Folder, "single.wasm"), Handler.Wasm);
        await using EdgeNode node = await Site.Start("""
            mote = 1
            [app]
            name = "test"
            [[trigger.mqtt]]
            topic = "in/#"
            component = "single"
            [[trigger.flow]]
            topic = "out"
            component = "handler"
            batch = 8
            batch-wait = "30s"
            [component.single]
            source = "single.wasm"
            instance = "pooled"
            [component.single.grants]
            publish = ["out"]
            [component.handler]
            source = "handler.wasm"
            instance = "pooled"
            [component.handler.grants]
            publish = ["batches"]
            """);
        await using Client client = await Client.Connect(node.Broker!.Address), listener = await Listener(node);
        await BatchSite.Publish(client, "in/a", Enumerable.Range(0, 16).Select(i => $"{i}"));
        await listener.Until(2);
        Assert.Equal([8, 8], BatchSite.Batches(listener).Select(b => b.Length));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => $"{i}"), BatchSite.Batches(listener).SelectMany(b => b));
        MessageQueue single = node.Queues.Single(q => q.Component.Name == "single");
        await Wait.Until(() => single.Counts is { Handled: 16, Waiting: 0 }, () => single.Counts.ToString());
    }

    [Fact]
    public async Task Component_ThatIsReplaced_MayTakeBatchesThen_AndOneAtATimeAgain()
    {
        string manifest = BatchSite.App().Replace("publish = [", "publish = [\"alerts\", ", StringComparison.Ordinal);
        File.WriteAllBytes(Path.Combine(Site.Folder, "handler.wasm"), Handler.Wasm);
        await using EdgeNode node = await Site.Start(manifest);
        await using Client client = await Client.Connect(node.Broker!.Address), listener = await Listener(node);
        long handled = 0;
        for (int round = 0; round < 4; round++)
        {
            bool batches = round % 2 == 1;
            if (round > 0)
            {
                File.WriteAllBytes(Path.Combine(Site.Folder, "handler.wasm"), batches ? BatchHandlerGuest.Wasm : Handler.Wasm);
                node.Replace(AppManifest.Load(Site.Folder, _ => null), ["handler"]);
            }

            Assert.Equal(batches, node.Queues[0].Batches is not null);
            await BatchSite.Publish(client, "in/a", Enumerable.Range(0, 200).Select(i => $"{round} {i}"));
            await Idle(node, handled += 200);
        }

        await Wait.Until(() => BatchSite.Outs(listener).Length == 800, () => $"{BatchSite.Outs(listener).Length}");
        Assert.Equal(Enumerable.Range(0, 800).Select(i => $"{i / 200} {i % 200}"), BatchSite.Outs(listener));
        Assert.Equal(400, BatchSite.Batches(listener).Sum(b => b.Length));
    }

    [Theory]
    [InlineData("batch = 5", "batch = 5")]
    [InlineData("batch-wait = \"1s\"", "batch-wait")]
    public async Task Trigger_ThatSpeaksOfBatches_OfAComponentWithoutThem_IsAnErrorAtItsLine(string keys, string at)
    {
        File.WriteAllBytes(Path.Combine(Site.Folder, "handler.wasm"), Handler.Wasm);
        string manifest = BatchSite.App(keys);
        ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => Site.Start(manifest));
        Assert.Equal(manifest.Split('\n').ToList().FindIndex(l => l.StartsWith(at, StringComparison.Ordinal)) + 1, e.Line);
        Assert.Contains("wasi:messaging/incoming-handler", e.Message, StringComparison.Ordinal);
        Assert.Contains("let it export mote:messaging/batch-handler@0.1.0", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EgressBudget_CountsWhatABatchSent_OnceAlsoWhereItIsTriedOneByOne()
    {
        // Each message is sent twice: as `out` with 3 and 50 bytes, and as a part of `batches` with 7 and 51.
        await using EdgeNode node = await Site.Start(BatchSite.App("batch = 10\nbatch-wait = \"30s\"\nretries = 0", "egress = \"1000B/d\""));
        await using Client client = await Client.Connect(node.Broker!.Address), listener = await Listener(node);
        await BatchSite.Publish(client, "in/a", Enumerable.Range(0, 10).Select(i => (i == 9 ? "!" : $"{i}").PadRight(50)));
        await Idle(node, 9, failed: 1);
        // Of 9 messages by themselves: 9 * (53 + 58) = 999, and before that the batch had sent 9 * 53 until it failed.
        await listener.Until(18);
        Assert.Equal((9, 9), (BatchSite.Outs(listener).Length, BatchSite.Batches(listener).Length));
    }

    [Fact]
    public async Task Ledger_SharesWhatABatchMade_AmongTheTopicsThatItCameFrom()
    {
        await using Collector collector = await Collector.StartAsync(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0), null, _ => { });
        Site.Config = Site.Config with { UpstreamUrl = collector.Url, UpstreamTopics = ["batches"] };
        await using EdgeNode node = await Site.Start(BatchSite.App("batch = 4\nbatch-wait = \"30s\""));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await Task.WhenAll(client.Publish("in/a", new string('a', 100)), client.Publish("in/b", new string('b', 300)), client.Publish("in/a", new string('a', 100)), client.Publish("in/c", ""));
        await Idle(node, 4);
        var rows = node.Ledger().Apps.Single().Topics.ToDictionary(r => r.Topic!);
        const long Out = 500 + 4 + 7; // with newlines and the topic
        Assert.Equal((1L, Out), (rows["batches"].MessagesOut, rows["batches"].BytesOut));
        Assert.Equal(Out, rows.Values.Sum(r => r.BytesMade));
        Assert.Equal((2L, 1L, 1L), (rows["in/a"].MessagesIn, rows["in/b"].MessagesIn, rows["in/c"].MessagesIn));
        // By what came: 208, 304 and 4 bytes.
        Assert.InRange(rows["in/a"].BytesMade, (Out * 208 / 516) - 1, (Out * 208 / 516) + 1);
        Assert.InRange(rows["in/b"].BytesMade, (Out * 304 / 516) - 1, (Out * 304 / 516) + 1);
        Assert.InRange(rows["in/c"].BytesMade, 2, 5);
    }
}
