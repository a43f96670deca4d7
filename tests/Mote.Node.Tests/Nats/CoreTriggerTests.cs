// [[trigger.messaging]] on core NATS, and messages that components send to NATS.
using System.Text;
using Mote.Packaging.Nats;
using Mote.Packaging.Toml;
using NATS.Client.Core;

namespace Mote.Node.Tests.Nats;

public sealed class CoreTriggerTests
{
    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    [Fact]
    public async Task Message_OnAMatchingSubject_GoesThroughTheComponent()
    {
        await using var site = new NatsSite();
        await using EdgeNode node = await site.Start(NatsSite.App("subject = \"plant.*.vibration.>\""));
        Assert.Null(node.Broker); // nothing needs one
        await using Heard outs = await Heard.On(site.Client, "out");
        foreach (string subject in (string[])["plant.a.vibration", "plant.a.b.vibration.x", "plant.vibration.x"]) await site.Client.PublishAsync(subject, Bytes("no"), cancellationToken: TestContext.Current.CancellationToken);
        await site.Client.PublishAsync("plant.a.vibration.x", Bytes("one"), cancellationToken: TestContext.Current.CancellationToken);
        await site.Client.PublishAsync("plant.b.vibration.x.y", Bytes("two"), cancellationToken: TestContext.Current.CancellationToken);
        await outs.Until(2);
        await Wait.Until(() => node.Queues[0].Counts is { Handled: 2, Waiting: 0 }, () => $"{node.Queues[0].Counts}");
        Assert.Equal(["one", "two"], outs.Texts);
        Assert.Equal(("messaging", "nats"), (node.Queues[0].Trigger, node.Queues[0].MessagingSystem));
    }

    [Fact]
    public async Task QueueGroup_OfTwoNodes_GivesEachMessageToOne()
    {
        await using var site = new NatsSite();
        using var second = new TestSite();
        second.Config = site.Site.Config with { DataFolder = Path.Combine(second.Folder, "data"), Name = "second" };
        // With time enough: an event that is out of time when its count has reached the server is handled again, and counts twice.
        string app = NatsSite.App("subject = \"in\"\nqueue = \"workers\"").Replace("500ms", "30s", StringComparison.Ordinal);
        await using EdgeNode one = await site.Start(app), two = await second.Start(app);
        await Wait.Until(() => two.NatsIsReady, () => "the second node is not ready");
        await using Heard outs = await Heard.On(site.Client, "out");
        for (int i = 0; i < 200; i++) await site.Client.PublishAsync("in", Bytes($"{i}"), cancellationToken: TestContext.Current.CancellationToken);
        await outs.Until(200);
        Assert.Equal(200, outs.Texts.Distinct().Count());
        await Wait.Until(() => one.Queues[0].Counts.Handled + two.Queues[0].Counts.Handled == 200, () => $"{one.Queues[0].Counts} {two.Queues[0].Counts}");
        Assert.True(one.Queues[0].Counts.Handled > 0 && two.Queues[0].Counts.Handled > 0);
        Assert.Equal(200, outs.Messages.Count);
    }

    [Fact]
    public async Task QueueThatIsFull_DropsAndCounts()
    {
        await using var site = new NatsSite();
        await using EdgeNode node = await site.Start(NatsSite.App("subject = \"in\"", "queue = 4"));
        for (int i = 0; i < 50; i++) await site.Client.PublishAsync("in", Bytes("s"), cancellationToken: TestContext.Current.CancellationToken); // each takes its 500 ms
        await Wait.Until(() => node.Report().MessagesDropped >= 45, () => $"{node.Report()}");
        Assert.Contains(site.Log, l => l.Contains("does not keep up", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Failure_IsTriedAgain_ThenALetterOnNats()
    {
        await using var site = new NatsSite();
        await using EdgeNode node = await site.Start(NatsSite.App("subject = \"in\"\nretries = 2"));
        await using Heard letters = await Heard.On(site.Client, "dead-letter.>");
        await site.Client.PublishAsync("in", Bytes("error"), headers: new NatsHeaders { ["a"] = "b", ["Nats-Msg-Id"] = "7" }, cancellationToken: TestContext.Current.CancellationToken);
        await letters.Until(1);
        NatsMsg<byte[]> letter = Assert.Single(letters.Messages);
        Assert.Equal(("dead-letter.test.handler", "error"), (letter.Subject, Encoding.UTF8.GetString(letter.Data!)));
        Assert.Equal(["in", "test/handler", "3", "b"], ((string[])["mote-topic", "mote-component", "mote-attempts", "a"]).Select(h => letter.Headers![h].ToString()));
        Assert.False(letter.Headers!.ContainsKey("Nats-Msg-Id"));
        await Wait.Until(() => node.Queues[0].Counts is { Failed: 1, Retried: 2, DeadLetters: 1, Waiting: 0 }, () => $"{node.Queues[0].Counts}");
    }

    [Fact]
    public async Task Request_IsAnsweredByTheBrokerItCameBy()
    {
        await using var site = new NatsSite();
        await File.WriteAllBytesAsync(Path.Combine(site.Site.Folder, "handler.wasm"), Responder.Wasm, TestContext.Current.CancellationToken);
        // The component's own broker is MQTT: the answer goes to NATS all the same.
        site.Site.Config = site.Site.Config with { MessagingClients = new() };
        await using EdgeNode node = await site.Start(NatsSite.App("subject = \"ask\"\nqueue = \"answering\""));
        for (int i = 0; i < 5; i++) Assert.Equal("ok", Encoding.UTF8.GetString((await site.Client.RequestAsync<byte[], byte[]>("ask", Bytes("?"), cancellationToken: TestContext.Current.CancellationToken)).Data!));
        await site.Client.PublishAsync("ask", Bytes("nobody waits"), cancellationToken: TestContext.Current.CancellationToken);
        await Wait.Until(() => node.Queues[0].Counts is { Handled: 5, Failed: 1, Waiting: 0 }, () => $"{node.Queues[0].Counts}: {string.Join(" | ", site.Log)}");
    }

    [Fact]
    public async Task Stores_AreInNatsKV_WhereTheOperatorSaysSo()
    {
        await using var site = new NatsSite();
        using var second = new TestSite();
        site.Site.Config = site.Site.Config with { KeyValue = new Packaging.KeyValueConfig(new Uri("nats:kv")) };
        second.Config = site.Site.Config with { DataFolder = Path.Combine(second.Folder, "data"), Name = "second" };
        // With time enough: an event that is out of time when its count has reached the server is handled again, and counts twice.
        string app = NatsSite.App("subject = \"in\"\nqueue = \"workers\"").Replace("500ms", "30s", StringComparison.Ordinal);
        await using EdgeNode one = await site.Start(app), two = await second.Start(app);
        await Wait.Until(() => two.NatsIsReady, () => "the second node is not ready");
        await using Heard counts = await Heard.On(site.Client, "counts");
        for (int i = 0; i < 100; i++) await site.Client.PublishAsync("in", Bytes("count"), cancellationToken: TestContext.Current.CancellationToken);
        await counts.Until(100);
        // Two nodes have counted together, and no number came twice.
        Assert.Equal(Enumerable.Range(1, 100).Select(i => (long)i), counts.Messages.Select(m => BitConverter.ToInt64(m.Data!)).Order());
    }

    [Fact]
    public async Task WhatMqttBrings_GoesToNats_WhereTheOperatorSaysSo()
    {
        await using var site = new NatsSite();
        await using EdgeNode node = await site.Start(TestSite.App);
        await using Heard outs = await Heard.On(site.Client, "out");
        await using Client mqtt = await Client.Connect(node.Broker!.Address);
        Assert.True((await mqtt.Publish("in/a", "over the bridge")).IsSuccess);
        await outs.Until(1);
        Assert.Equal(["over the bridge"], outs.Texts);
    }

    [Fact]
    public async Task WhatAStreamKeeps_IsThereWhenTheEventIsOver()
    {
        await using var site = new NatsSite();
        await site.Stream("OUT", "out");
        await using EdgeNode node = await site.Start(TestSite.App);
        await using Client mqtt = await Client.Connect(node.Broker!.Address);
        for (int i = 0; i < 20; i++) Assert.True((await mqtt.Publish("in/a", $"{i}")).IsSuccess);
        // The broker has acknowledged it, so the stream has it.
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i}"), await site.All("OUT"));
    }

    [Fact]
    public async Task StreamThatTakesNoMore_HoldsTheEventUp()
    {
        await using var site = new NatsSite();
        await site.JetStream.CreateStreamAsync(new NATS.Client.JetStream.Models.StreamConfig("OUT", ["out"]) { MaxMsgs = 3, Discard = NATS.Client.JetStream.Models.StreamConfigDiscard.New }, TestContext.Current.CancellationToken);
        await site.Stream("IN", "in");
        await using EdgeNode node = await site.Start(NatsSite.App("subject = \"in\"\nstream = \"IN\""));
        for (int i = 0; i < 5; i++) await site.Put("in", $"{i}");
        await Wait.Until(() => node.Queues[0].Counts is { Handled: 3, NotDelivered: >= 2 }, () => $"{node.Queues[0].Counts}: {string.Join(" | ", site.Log)}");
        await site.JetStream.PurgeStreamAsync("OUT", new NATS.Client.JetStream.Models.StreamPurgeRequest(), TestContext.Current.CancellationToken);
        await Wait.Until(() => node.Queues[0].Counts is { Handled: 5, Waiting: 0 }, () => $"{node.Queues[0].Counts}: {string.Join(" | ", site.Log)}");
        Assert.Equal(["3", "4"], (await site.All("OUT")).Order());
    }

    [Fact]
    public async Task TriggerWithoutNats_IsAnErrorAtItsLine()
    {
        using var site = new TestSite();
        ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => site.Start(NatsSite.App("subject = \"in\"")));
        Assert.Equal(4, e.Line);
        Assert.Contains("[nats]", e.Message, StringComparison.Ordinal);
        site.Config = site.Config with { MessagingClients = new MessagingClients { Named = new Dictionary<string, MessageBrokerKind> { ["hub"] = MessageBrokerKind.Nats } } };
        Assert.Contains("`hub`", (await Assert.ThrowsAsync<ConfigException>(() => site.Start())).Message, StringComparison.Ordinal);
    }
}
