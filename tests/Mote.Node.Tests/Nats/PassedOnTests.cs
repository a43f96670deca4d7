// Requests that one component passes on to another inside the node: whoever asked is answered, by the broker it asked by.
using System.Text;
using MQTTnet;
using NATS.Client.Core;

namespace Mote.Node.Tests.Nats;

public sealed class PassedOnTests
{
    private const string App = """
        mote = 1
        [app]
        name = "test"
        [[trigger.messaging]]
        subject = "ask"
        component = "forwarder"
        [[trigger.flow]]
        topic = "inner"
        component = "responder"
        retries = 0
        [component.forwarder]
        source = "forwarder.wasm"
        [component.forwarder.grants]
        publish = ["inner"]
        [component.responder]
        source = "responder.wasm"
        [component.responder.limits]
        time = "500ms"
        queue = 1
        """;

    [Fact]
    public async Task Request_ThatWaitedOnDisk_IsAnsweredByTheBrokerItCameBy()
    {
        await using var site = new NatsSite();
        await File.WriteAllBytesAsync(Path.Combine(site.Site.Folder, "forwarder.wasm"), PassedOn.Forwarder, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(Path.Combine(site.Site.Folder, "responder.wasm"), PassedOn.BusyResponder, TestContext.Current.CancellationToken);
        // The components' own broker is MQTT.
        site.Site.Config = site.Site.Config with { MessagingClients = new() };
        await using EdgeNode node = await site.Start(App);
        // One is in work and one waits: what comes behind them goes to the disk, and comes from there.
        for (int i = 0; i < 4; i++) await site.Client.PublishAsync("ask", "s"u8.ToArray(), cancellationToken: TestContext.Current.CancellationToken);
        NatsMsg<byte[]> answer = await site.Client.RequestAsync<byte[], byte[]>("ask", "?"u8.ToArray(), replyOpts: new NatsSubOpts { Timeout = Client.Patience }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("ok", Encoding.UTF8.GetString(answer.Data!));
        Assert.True(node.Inbox!.Value.BytesWritten > 0, "nothing was on disk: this shows nothing");
    }

    [Fact]
    public async Task RequestOverMqtt_IsAnsweredOverMqtt_WhereTheComponentsOwnBrokerIsNats()
    {
        await using var site = new NatsSite();
        await File.WriteAllBytesAsync(Path.Combine(site.Site.Folder, "handler.wasm"), Responder.Wasm, TestContext.Current.CancellationToken);
        await using EdgeNode node = await site.Start(TestSite.AppOnce);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("answers/1");
        await client.Mqtt.PublishAsync(new MqttApplicationMessage { Topic = "in/a", Payload = new("?"u8.ToArray()), ResponseTopic = "answers/1" }, TestContext.Current.CancellationToken);
        await client.Until(1);
        Assert.Equal(["ok"], client.Texts);
    }
}
