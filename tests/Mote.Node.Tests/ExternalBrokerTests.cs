// A node on a broker elsewhere: one in this process, and mosquitto where it is installed.
using System.Net;
using Mote.Tests.Servers;
using Mote.Triggers.Mqtt;
using MQTTnet;
using MQTTnet.Protocol;
using MQTTnet.Server;

namespace Mote.Node.Tests;

public sealed class ExternalBrokerTests : IAsyncDisposable
{
    private readonly TestSite _site = new();
    private readonly int _port = Loopback.FreePort();
    private MqttServer? _server;

    private string Address => $"127.0.0.1:{_port}";

    private async Task StartServer(Action<MqttServer>? configure = null)
    {
        _server = new MqttServerFactory().CreateMqttServer(new MqttServerOptionsBuilder()
            .WithDefaultEndpoint().WithDefaultEndpointPort(_port).WithDefaultEndpointBoundIPAddress(IPAddress.Loopback).WithDefaultEndpointBoundIPV6Address(IPAddress.None)
            .WithPersistentSessions().Build());
        configure?.Invoke(_server);
        await _server.StartAsync();
    }

    private async Task StopServer()
    {
        if (_server is null) return;
        await _server.StopAsync(new MqttServerStopOptions());
        _server.Dispose();
        _server = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopServer();
        _site.Dispose();
    }

    private Task<EdgeNode> StartNode(string manifest = TestSite.App)
    {
        _site.Config = _site.Config with { BrokerUrl = new Uri($"mqtt://{Address}") };
        return _site.Start(manifest);
    }

    private static Task Connected(EdgeNode node) => Wait.Until(() => ((ExternalBroker)node.Broker!).IsConnected, () => "the node is not connected");

    /// <summary>The node is connected, and its subscriptions are there.</summary>
    private static async Task Ready(EdgeNode node)
    {
        await ((ExternalBroker)node.Broker!).WaitForConnectionAsync(TestContext.Current.CancellationToken).WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
        await Connected(node);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Messages_OfEachQualityOfService_AreHandled(int qos)
    {
        await StartServer();
        await using EdgeNode node = await StartNode(TestSite.App.Replace("topic = \"in/#\"", $"topic = \"in/#\"\nqos = {qos}", StringComparison.Ordinal));
        await Ready(node);
        await using Client client = await Client.Connect(Address);
        await client.Subscribe("out");
        for (int i = 0; i < 20; i++) await client.Publish("in/a", $"message {i}", qos);
        await client.Until(20);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"message {i}"), client.Texts);
    }

    [Fact]
    public async Task Batches_AreAcknowledgedMessageByMessage()
    {
        int acknowledged = 0;
        await StartServer(server => server.InterceptingInboundPacketAsync += e =>
        {
            if (e.Packet is MQTTnet.Packets.MqttPubAckPacket && e.ClientId.StartsWith("mote-", StringComparison.Ordinal)) Interlocked.Increment(ref acknowledged);
            return Task.CompletedTask;
        });
        File.WriteAllBytes(Path.Combine(_site.Folder, "handler.wasm"), Batches.BatchHandlerGuest.Wasm);
        await using (EdgeNode node = await StartNode(Batches.BatchSite.App("batch = 20\nbatch-wait = \"30s\"\nretries = 0")))
        {
            await Ready(node);
            await using Client client = await Client.Connect(Address);
            await client.Subscribe("out");
            await Batches.BatchSite.Publish(client, "in/a", Enumerable.Range(0, 60).Select(i => i is 25 ? "!poison" : $"{i}"));
            await client.Until(59);
            Assert.Equal(Enumerable.Range(0, 60).Where(i => i != 25).Select(i => $"{i}"), client.Texts);
            await Wait.Until(() => Volatile.Read(ref acknowledged) == 60, () => $"{acknowledged} of 60 are acknowledged");
            Assert.Equal((59L, 1L, 3L), (node.Queues[0].Counts.Handled, node.Queues[0].Counts.Failed, node.Queues[0].Counts.Batches));
        }

        await using EdgeNode again = await StartNode(Batches.BatchSite.App());
        await Ready(again);
        await using Client other = await Client.Connect(Address);
        await other.Publish("in/a", "new");
        await Wait.Until(() => again.Queues[0].Counts.Handled == 1, () => again.Queues[0].Counts.ToString());
        Assert.Equal(1, again.Queues[0].Counts.Received); // of the others, none came again
    }

    [Fact]
    public async Task Broker_ThatComesLater_IsNoError()
    {
        await using EdgeNode node = await StartNode();
        await Wait.Until(() => _site.Log.Any(l => l.Contains("trying again", StringComparison.Ordinal)), () => "nothing is said");
        await StartServer();
        await Ready(node);
        await using Client client = await Client.Connect(Address);
        await client.Subscribe("out");
        await client.Publish("in/a", "message");
        await client.Until(1);
    }

    [Fact]
    public async Task Broker_ThatGoesAndComes_IsConnectedToAgain()
    {
        await StartServer();
        await using EdgeNode node = await StartNode();
        await Ready(node);
        for (int round = 0; round < 3; round++)
        {
            await StopServer();
            await Wait.Until(() => !((ExternalBroker)node.Broker!).IsConnected, () => "it does not notice");
            await StartServer();
            await Connected(node);
            await using Client client = await Client.Connect(Address);
            await client.Subscribe("out");
            // The subscriptions follow the connection; a message before them is nobody's.
            await Wait.Until(() =>
            {
                client.Publish("in/a", $"message {round}").Wait();
                return client.Texts.Contains($"message {round}");
            }, () => "nothing comes");
        }
    }

    [Fact]
    public async Task Broker_ThatRefusesTheConnection_IsQuoted()
    {
        await StartServer(s => s.ValidatingConnectionAsync += e =>
        {
            e.ReasonCode = MqttConnectReasonCode.BadUserNameOrPassword;
            return Task.CompletedTask;
        });
        await using EdgeNode node = await StartNode();
        await Wait.Until(() => _site.Log.Any(l => l.Contains("BadUserNameOrPassword", StringComparison.Ordinal)), () => string.Join('\n', _site.Log));
    }

    [Fact]
    public async Task Broker_ThatRefusesASubscription_IsQuoted()
    {
        await StartServer(s => s.InterceptingSubscriptionAsync += e =>
        {
            if (e.TopicFilter.Topic != "in/#") return Task.CompletedTask;
            e.Response.ReasonCode = MqttSubscribeReasonCode.NotAuthorized;
            e.ProcessSubscription = false;
            return Task.CompletedTask;
        });
        await using EdgeNode node = await StartNode();
        await Wait.Until(() => _site.Log.Any(l => l.Contains("in/#", StringComparison.Ordinal) && l.Contains("NotAuthorized", StringComparison.Ordinal)), () => string.Join('\n', _site.Log));
    }

    [Fact]
    public async Task Messages_WhileTheNodeIsAway_WaitForIt()
    {
        await StartServer();
        await using (EdgeNode node = await StartNode()) await Ready(node);
        await using Client client = await Client.Connect(Address);
        await client.Subscribe("out");
        for (int i = 0; i < 20; i++) await client.Publish("in/a", $"message {i}");
        await using EdgeNode again = await StartNode();
        await client.Until(20);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"message {i}"), client.Texts.Distinct());
    }

    [Fact]
    public async Task Component_ThatTraps_IsReadyForTheNext_AndTheBadMessageDoesNotComeAgain()
    {
        await StartServer();
        await using EdgeNode node = await StartNode(TestSite.AppOnce);
        await Ready(node);
        await using Client client = await Client.Connect(Address);
        await client.Subscribe("out");
        foreach (string bad in (string[])["!", "e", "l", "z"])
        {
            await client.Publish("in/x", bad);
            await client.Publish("in/x", $"after {bad}");
        }

        await client.Until(4);
        Assert.Equal(["after !", "after e", "after l", "after z"], client.Texts);
        await Wait.Until(() => node.Report().Handled == 4, () => $"{node.Report()}");
        Assert.Equal(4, node.Report().Failed);
        Assert.Equal(8, node.Report().MessagesIn);
    }

    [Fact]
    public async Task Result_ThatTheBrokerRefuses_IsTheMessagesEnd()
    {
        await StartServer(s => s.InterceptingPublishAsync += e =>
        {
            if (e.ApplicationMessage.Topic != "out") return Task.CompletedTask;
            e.Response.ReasonCode = MqttPubAckReasonCode.NotAuthorized;
            e.ProcessPublish = false;
            return Task.CompletedTask;
        });
        await using EdgeNode node = await StartNode();
        await Ready(node);
        await using Client client = await Client.Connect(Address);
        await client.Publish("in/a", "message");
        await Wait.Until(() => node.Report().Failed == 1, () => $"{node.Report()}");
        Assert.Contains(_site.Log, l => l.Contains("NotAuthorized", StringComparison.Ordinal));
        Assert.True(((ExternalBroker)node.Broker!).IsConnected);
    }

    /// <summary>The reason of a trap has lines; mosquitto ends the connection of who sends such a text.</summary>
    [Fact]
    public async Task DeadLetter_OfATrap_IsTakenByMosquitto()
    {
        using var mosquitto = new Mosquitto(_site.Folder, _port);
        await using EdgeNode node = await StartNode();
        await Ready(node);
        await using Client client = await Client.Connect(Address);
        await client.Subscribe("dead-letter/#");
        await client.Subscribe("out");
        await client.Publish("in/a", "!");
        await client.Publish("in/a", "fine");
        await client.Until(2);
        Assert.Equal(["!", "fine"], client.Texts.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(_site.Log, l => l.Contains("disconnected", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Mosquitto_Restarted_LosesNothingThatItAcknowledged()
    {
        const string Persistent = "persistence true\npersistence_location {0}/\nmax_queued_messages 0\n";
        using var first = new Mosquitto(_site.Folder, _port, Persistent);
        Mosquitto? second = null;
        try
        {
            await using EdgeNode node = await StartNode();
            await Ready(node);
            await using Client before = await Client.Connect(Address, "observer", keep: true);
            await before.Subscribe("out");
            var acknowledged = new HashSet<string>();
            Task flood = Task.Run(async () =>
            {
                try
                {
                    for (int i = 0; i < 100_000; i++)
                    {
                        if ((await before.Publish("in/a", $"message {i}")).IsSuccess) acknowledged.Add($"message {i}");
                    }
                }
                catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or OperationCanceledException)
                {
                    // mosquitto is gone.
                }
            }, CancellationToken.None);
            await before.Until(200);
            await first.Terminate();
            await flood.WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
            Assert.True(acknowledged.Count >= 200);
            await Wait.Until(() => !((ExternalBroker)node.Broker!).IsConnected, () => "it does not notice");

            second = new Mosquitto(_site.Folder, _port, Persistent);
            await Connected(node);
            await using Client after = await Client.Connect(Address, "observer", keep: true);
            await after.Publish("in/a", "message of the end");
            acknowledged.Add("message of the end");
            string[] Missing() => [.. acknowledged.Except(before.Texts.Concat(after.Texts))];
            await Wait.Until(() => Missing().Length == 0, () => $"{Missing().Length} of {acknowledged.Count} that were acknowledged did not come out: {string.Join(", ", Missing().Take(5))}; {node.Report()}");
        }
        finally
        {
            second?.Dispose();
        }
    }

    [Fact]
    public async Task Mosquitto_ThatStandsStill_GetsTheResultsThatItDidNotTakeInTime()
    {
        using var mosquitto = new Mosquitto(_site.Folder, _port, "max_queued_messages 0\n");
        await using EdgeNode node = await StartNode();
        await Ready(node);
        await using Client client = await Client.Connect(Address, "observer", keep: true);
        await client.Subscribe("out");
        int acknowledged = 0;
        using var stop = new CancellationTokenSource();
        Task flood = Task.Run(async () =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                if ((await client.Publish("in/a", $"message {i}")).IsSuccess) acknowledged++;
            }
        }, CancellationToken.None);
        await client.Until(200);
        // A component waits for its result to be taken, and no longer than ten seconds; the connection holds.
        await mosquitto.Signal("STOP");
        await stop.CancelAsync();
        await Wait.Until(() => node.Queues[0].Counts.NotDelivered > 0, () => $"{node.Queues[0].Counts}");
        await mosquitto.Signal("CONT");
        await flood.WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
        await Wait.Until(
            () => Volatile.Read(ref acknowledged) <= node.Queues[0].Counts.Handled,
            () => $"{acknowledged} were acknowledged: {node.Queues[0].Counts}; {string.Join(" | ", _site.Log)}");
    }
}
