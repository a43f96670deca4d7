// Messages that a component fails at: tried again, then given to the dead-letter topic, and never in the way of others.
using System.Text;
using MQTTnet;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Mote.Node.Tests;

public sealed class RetryTests
{
    [Fact]
    public async Task PoisonMessage_GoesToTheDeadLetterTopic_WithTheReason_AndOthersPass()
    {
        using var site = new TestSite();
        await using EdgeNode node = await site.Start(TestSite.App.Replace("component = \"handler\"", "component = \"handler\"\nretries = 3", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address), other = await Client.Connect(node.Broker.Address);
        var letters = new List<MqttApplicationMessage>();
        client.Mqtt.ApplicationMessageReceivedAsync += e =>
        {
            if (e.ApplicationMessage.Topic.StartsWith("dead-letter/", StringComparison.Ordinal)) letters.Add(e.ApplicationMessage);
            return Task.CompletedTask;
        };
        await client.Subscribe("dead-letter/#");
        await client.Subscribe("out");
        Task<MqttClientPublishResult> poison = client.Publish("in/poison", "!poison");
        for (int i = 0; i < 20; i++) Assert.True((await other.Publish("in/a", $"fine {i}")).IsSuccess); // while it is tried again
        Assert.True((await poison).IsSuccess); // and the publisher may forget it when it is a dead letter
        await client.Until(21);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"fine {i}"), client.Received.Where(m => m.Topic == "out").Select(m => Encoding.UTF8.GetString(m.Data)));
        MqttApplicationMessage letter = Assert.Single(letters);
        Assert.Equal(("dead-letter/test/handler", "!poison"), (letter.Topic, letter.ConvertPayloadToString()));
        string Of(string name) => letter.UserProperties.Single(p => p.Name == name).ReadValueAsString();
        Assert.Equal(("in/poison", "test/handler", "4"), (Of("mote-topic"), Of("mote-component"), Of("mote-attempts")));
        Assert.StartsWith("trapped: ", Of("mote-error"), StringComparison.Ordinal);
        Assert.Equal((20L, 1L, 3L, 1L, 0L), (node.Queues[0].Counts.Handled, node.Queues[0].Counts.Failed, node.Queues[0].Counts.Retried, node.Queues[0].Counts.DeadLetters, node.Queues[0].Counts.Waiting));
    }

    [Fact]
    public async Task DeadLetter_GoesUpstream_WhereTheOperatorSaysSo()
    {
        using var site = new TestSite();
        var events = new List<DataPlane.CloudEvent>();
        await using Collector collector = await Collector.StartAsync(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0), null, events.Add);
        site.Config = site.Config with { UpstreamUrl = collector.Url, UpstreamTopics = ["dead-letter/#"] };
        await using EdgeNode node = await site.Start(TestSite.App.Replace("component = \"handler\"", "component = \"handler\"\nretries = 0", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Publish("in/a", "error");
        await Wait.Until(() => collector.Counts.Stored == 1, () => "nothing came");
        Assert.Equal(("dead-letter/test/handler", "error"), (events[0].Subject, Encoding.UTF8.GetString(events[0].Data.Span)));
    }

    [Fact]
    public async Task DeadLetter_DoesNotComeBackToItsOwnComponent()
    {
        using var site = new TestSite();
        await using EdgeNode node = await site.Start(TestSite.App.Replace("component = \"handler\"", "component = \"handler\"\nretries = 1\ndead-letter = \"in/dead\"", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Publish("in/a", "!poison");
        await client.Publish("in/a", "fine");
        await Wait.Until(() => node.Queues[0].Counts is { Handled: 1, Waiting: 0 }, () => node.Queues[0].Counts.ToString());
        Assert.Equal((2L, 1L, 1L, 1L), (node.Queues[0].Counts.Received, node.Queues[0].Counts.Failed, node.Queues[0].Counts.Retried, node.Queues[0].Counts.DeadLetters));
    }
}
