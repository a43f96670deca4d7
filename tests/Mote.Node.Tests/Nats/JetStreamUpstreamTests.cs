// The outbox into a stream of JetStream: each event once, in order, whatever happens to the server.
using System.Globalization;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Node.Tests.Nats;

public sealed class JetStreamUpstreamTests
{
    private static NatsSite Site(string subject)
    {
        var site = new NatsSite();
        site.Site.Config = site.Site.Config with { MessagingClients = new(), UpstreamUrl = new Uri("nats:subject"), UpstreamSubject = subject, UpstreamTopics = ["out", "counts"] };
        return site;
    }

    [Fact]
    public async Task Event_IsAMessageOfTheStream_WithItsAttributesAndId()
    {
        await using NatsSite site = Site("edge.{topic}");
        await site.Stream("EVENTS", "edge.>");
        await using EdgeNode node = await site.Start(TestSite.App);
        Assert.Equal($"edge.{{topic}} on NATS at 127.0.0.1:{site.Server.Port}", node.Upstream!.Address);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await using Heard heard = await Heard.On(site.Client, "edge.>");
        Assert.True((await client.Publish("in/a", "hello")).IsSuccess);
        await heard.Until(1);
        NatsMsg<byte[]> m = heard.Messages.First();
        Assert.Equal(("edge.out", "hello"), (m.Subject, Encoding.UTF8.GetString(m.Data!)));
        string Of(string name) => m.Headers![name].ToString();
        Assert.Equal(("1.0", "/nodes/test-node/apps/test/components/handler", "dev.mote.message", "out"), (Of("ce-specversion"), Of("ce-source"), Of("ce-type"), Of("ce-subject")));
        Assert.Equal(Of("ce-id"), Of("Nats-Msg-Id"));
        await Wait.Until(() => node.Upstream.Counts is { Sent: 1, Waiting: 0 }, () => $"{node.Upstream.Counts}");
    }

    [Fact]
    public async Task Backlog_OverAServerThatIsKilled_ArrivesOnceAndInOrder()
    {
        await using NatsSite site = Site("edge.events");
        await site.Stream("EVENTS", "edge.events");
        await using EdgeNode node = await site.Start(TestSite.App);
        await using Client client = await Client.Connect(node.Broker!.Address);
        const int Count = 3000;
        int next = 0;
        for (int kill = 0; kill < 3; kill++)
        {
            // Killed while events go, and away for a while of which every third event is.
            for (int i = 0; i < Count / 6; i++) await client.Publish("in/a", $"{next++}", qos: 1);
            site.Server.Kill();
            for (int i = 0; i < Count / 6; i++) await client.Publish("in/a", $"{next++}", qos: 1);

            // An outage that ends before an attempt to send has failed is no matter for the upstream; this one is.
            if (kill == 2) await Wait.Until(() => site.Log.Any(l => l.Contains("does not take events", StringComparison.Ordinal)), () => string.Join(" | ", site.Log));
            site.Server.Start();
        }

        await Wait.Until(() => node.Upstream!.Counts is { Waiting: 0 }, () => $"{node.Upstream!.Counts}: {string.Join(" | ", site.Log)}");
        List<string> all = await site.All("EVENTS");
        Assert.Equal(Enumerable.Range(0, Count).Select(i => i.ToString(CultureInfo.InvariantCulture)), all);
        Assert.Contains(site.Log, l => l.Contains("takes events again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WithoutAStream_EventsWait_AndItSaysWhatIsMissing()
    {
        await using NatsSite site = Site("edge.events");
        await using EdgeNode node = await site.Start(TestSite.App);
        await using Client client = await Client.Connect(node.Broker!.Address);
        for (int i = 0; i < 5; i++) await client.Publish("in/a", $"{i}");
        await Wait.Until(() => node.Upstream!.Counts.LastError is not null, () => "it does not notice");
        Assert.Contains("nats stream add", node.Upstream!.Counts.LastError, StringComparison.Ordinal);
        Assert.Equal(5, node.Upstream.Counts.Waiting);
        await site.Stream("EVENTS", "edge.events");
        await Wait.Until(() => node.Upstream.Counts is { Sent: 5, Waiting: 0 }, () => $"{node.Upstream.Counts}");
        Assert.Equal(["0", "1", "2", "3", "4"], await site.All("EVENTS"));
    }

    [Fact]
    public async Task EventThatTheStreamNeverTakes_IsCounted_AndOthersPass()
    {
        await using NatsSite site = Site("edge.events");
        await site.JetStream.CreateStreamAsync(new StreamConfig("EVENTS", ["edge.events"]) { MaxMsgSize = 1000 }, TestContext.Current.CancellationToken);
        await using EdgeNode node = await site.Start(TestSite.App);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Publish("in/a", "before");
        await client.Publish("in/a", new string('x', 2000));
        await client.Publish("in/a", "after");
        await Wait.Until(() => node.Upstream!.Counts is { Sent: 2, Refused: 1, Waiting: 0 }, () => $"{node.Upstream!.Counts}");
        Assert.Equal(["before", "after"], await site.All("EVENTS"));
        Assert.Contains(site.Log, l => l.Contains("refuses events", StringComparison.Ordinal));
    }
}
