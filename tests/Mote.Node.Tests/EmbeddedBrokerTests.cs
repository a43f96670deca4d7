// A node with the broker in it: messages in, components, messages out.
using System.Buffers.Binary;
using System.Diagnostics;
using Mote.Packaging.Toml;
using MQTTnet;
using MQTTnet.Protocol;

namespace Mote.Node.Tests;

public sealed class EmbeddedBrokerTests : IDisposable
{
    private readonly TestSite _site = new();

    public void Dispose() => _site.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Message_IsHandled_AndWhatTheComponentSendsArrives(int qos)
    {
        await using EdgeNode node = await _site.Start();
        await using Client subscriber = await Client.Connect(node.Broker!.Address), publisher = await Client.Connect(node.Broker!.Address);
        await subscriber.Subscribe("out", qos);
        for (int i = 0; i < 20; i++) await publisher.Publish("in/a", $"message {i}", qos);
        await subscriber.Until(20);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"message {i}"), subscriber.Texts);
        await Wait.Until(() => node.Report().Handled == 20, () => $"{node.Report()}");
        NodeReport report = node.Report();
        Assert.Equal((20, 20, 0, 0), (report.MessagesIn, report.Published, report.Failed, report.MessagesDropped));
        Assert.Equal(1, report.MicroVmsStarted);
    }

    [Fact]
    public async Task Topics_WithWildcards_ReachTheComponentsThatWantThem()
    {
        string two = TestSite.App.Replace("topic = \"in/#\"", "topic = \"plant/+/vibration\"", StringComparison.Ordinal);
        await using EdgeNode node = await _site.Start(two);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        foreach (string topic in (string[])["plant/1/vibration", "plant/2/temperature", "plant/vibration", "plant/1/2/vibration", "$SYS/1/vibration", "plant//vibration", "Plant/1/vibration"]) await client.Publish(topic, topic);
        await client.Publish("plant/9/vibration", "over");
        await Wait.Until(() => client.Texts.Contains("over"), () => string.Join(", ", client.Texts));
        Assert.Equal(["plant/1/vibration", "plant//vibration", "over"], client.Texts);
    }

    [Fact]
    public async Task Topics_ThatBeginWithADollar_AreNotMatchedByWildcards()
    {
        await using EdgeNode node = await _site.Start(TestSite.App.Replace("topic = \"in/#\"", "topic = \"#\"", StringComparison.Ordinal).Replace("publish = [", "publish = [\"$never\", ", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Publish("$private/x", "e");
        await client.Publish("public", "e");
        await Wait.Until(() => node.Report().Failed >= 1, () => "nothing was handled");
        Assert.Equal(1, node.Report().MessagesIn);
    }

    [Fact]
    public async Task Component_ThatTraps_Fails_OrDoesNotEnd_IsReadyForTheNext()
    {
        await using EdgeNode node = await _site.Start(TestSite.AppOnce);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        foreach (string bad in (string[])["!", "e", "s", "d"])
        {
            await client.Publish("in/x", bad);
            await client.Publish("in/x", $"after {bad}");
        }

        await client.Until(4);
        Assert.Equal(["after !", "after e", "after s", "after d"], client.Texts);
        await Wait.Until(() => node.Report().Handled == 5, () => $"{node.Report()}");
        Assert.Equal((3, 2), (node.Report().Failed, node.Report().MicroVmsTrapped));
        string log = string.Join('\n', _site.Log);
        Assert.Contains("unreachable", log, StringComparison.Ordinal);
        Assert.Contains("asked for it", log, StringComparison.Ordinal);
        Assert.Contains("limit of 500 ms", log, StringComparison.Ordinal);
        Assert.Contains("publish = [\"secret\"]", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Message_ThatMqttCannotCarry_IsTheComponentsFault_AndHarmsNobody()
    {
        await using EdgeNode node = await _site.Start(TestSite.AppOnce);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        foreach (string odd in (string[])["l", "z"])
        {
            await client.Publish("in/x", odd);
            await client.Publish("in/x", $"after {odd}");
        }

        await Wait.Until(() => client.Texts.Contains("after z"), () => $"connected: {client.Mqtt.IsConnected}, came: {string.Join(", ", client.Texts)}");
        Assert.True(client.Mqtt.IsConnected);
        Assert.Equal(["after l", "after z"], client.Texts);
        Assert.Equal(2, node.Report().Failed);
    }

    [Fact]
    public async Task Flood_LosesNothingThatWasAcknowledged_AndTheQueueStaysBounded()
    {
        await using EdgeNode node = await _site.Start(TestSite.AppOnce + "\nqueue = 16\n");
        const int Publishers = 4, Each = 1500;
        byte[] data = new byte[2048];
        data[0] = (byte)'e'; // answers with an error: nothing goes out, only the way in is loaded
        long acknowledged = 0, waiting = 0;
        await Task.WhenAll(Enumerable.Range(0, Publishers).Select(async p =>
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            var window = new SemaphoreSlim(64);
            Task[] all = [.. Enumerable.Range(0, Each).Select(async i =>
            {
                await window.WaitAsync();
                if ((await client.Publish($"in/{p}", data)).IsSuccess) Interlocked.Increment(ref acknowledged);
                waiting = Math.Max(waiting, node.Queues.Single().Counts.Waiting);
                window.Release();
            })];
            await Task.WhenAll(all);
        }));
        Assert.Equal(Publishers * Each, acknowledged);
        await Wait.Until(() => node.Report().Failed == acknowledged, () => $"{node.Report()}");
        Assert.Equal(acknowledged, node.Report().MessagesIn);
        Assert.Equal(0, node.Report().MessagesDropped);
        // 256 are under way at any time: 16 in the queue, one with the guest, a few on their way to the
        // dead-letter topic, and one for each publisher; all others are on disk.
        Assert.InRange(waiting, 1, 16 + 1 + 4 + Publishers);
    }

    [Fact]
    public async Task Publisher_WithoutQualityOfService_OfAFullQueue_IsHeldBack()
    {
        await using EdgeNode node = await _site.Start(TestSite.AppOnce + "\nqueue = 1\n");
        await using Client client = await Client.Connect(node.Broker!.Address), other = await Client.Connect(node.Broker.Address);
        // Each takes 500 ms until it is ended: one runs, one waits in the queue, and the connection of the third is not read
        // on before there is room. What is kept on disk instead is what somebody waits for an acknowledgement of.
        for (int i = 0; i < 3; i++) await client.Publish("in/x", "s", qos: 0);
        Assert.True((await client.Publish("in/x", "fine")).IsSuccess);
        Assert.True(node.Report().Failed >= 1, $"{node.Report()}");
        await Wait.Until(() => node.Report() is { Failed: 3, Handled: 1 }, () => $"{node.Report()}");
    }

    [Fact]
    public async Task Message_OfTheLargestSize_IsTaken_AndALargerOneRefused()
    {
        await using EdgeNode node = await _site.Start(TestSite.App.Replace("time = \"500ms\"", "time = \"30s\"", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address), other = await Client.Connect(node.Broker!.Address);
        await other.Subscribe("out");
        byte[] largest = new byte[16 << 20];
        new Random(1).NextBytes(largest);
        largest[0] = (byte)'x';
        Assert.True((await client.Publish("in/x", largest)).IsSuccess);
        await other.Until(1);
        Assert.Equal(largest, other.Received.First().Data);
        await IsRefused(client.Publish("in/x", new byte[(16 << 20) + 1]));
        Assert.Equal(1, node.Report().MessagesIn);
        await other.Publish("in/x", "tiny");
        await other.Until(2);
        Assert.Contains(_site.Log, l => l.Contains("16777216 bytes", StringComparison.Ordinal));
    }

    [Fact]
    public async Task QualityOfService2_IsRefusedWithTheReason()
    {
        await using EdgeNode node = await _site.Start();
        await using Client client = await Client.Connect(node.Broker!.Address);
        await IsRefused(client.Publish("in/x", "two", 2));
        Assert.Equal(0, node.Report().MessagesIn);
        Assert.Contains(_site.Log, l => l.Contains("quality of service 2", StringComparison.Ordinal));
        await using Client subscriber = await Client.Connect(node.Broker!.Address);
        Assert.Equal(MqttClientSubscribeResultCode.GrantedQoS1, (await subscriber.Subscribe("out", 2)).Items.Single().ResultCode);
    }

    private static async Task IsRefused(Task<MqttClientPublishResult> publish)
    {
        try
        {
            Assert.False((await publish).IsSuccess);
        }
        catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or OperationCanceledException)
        {
            // The connection was closed, which says it too.
        }
    }

    [Fact]
    public async Task SharedSubscriptions_AndTheNodesOwnName_AreRefused()
    {
        await using EdgeNode node = await _site.Start();
        await using Client client = await Client.Connect(node.Broker!.Address);
        Assert.Equal(MqttClientSubscribeResultCode.SharedSubscriptionsNotSupported, (await client.Subscribe("$share/group/out")).Items.Single().ResultCode);
        await using (Client impostor = await Client.Connect(node.Broker!.Address, "mote-node")) Assert.False(impostor.Mqtt.IsConnected);
        await client.Subscribe("out");
        await client.Publish("in/x", "here");
        await client.Until(1);
    }

    [Fact]
    public async Task State_SurvivesARestart()
    {
        for (int round = 0; round < 3; round++)
        {
            await using EdgeNode node = await _site.Start();
            await using Client client = await Client.Connect(node.Broker!.Address);
            await client.Subscribe("counts");
            for (int i = 0; i < 5; i++) await client.Publish("in/x", "c");
            await client.Until(5);
            Assert.Equal(Enumerable.Range((round * 5) + 1, 5).Select(n => (long)n), client.Received.Select(m => BinaryPrimitives.ReadInt64LittleEndian(m.Data)));
        }
    }

    [Fact]
    public async Task SecondNode_OnTheSameFolder_IsRefused_AndTheFirstGoesOn()
    {
        await using (EdgeNode node = await _site.Start())
        {
            ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => _site.Start());
            Assert.Contains("in use by another process", e.Message, StringComparison.Ordinal);
            Assert.Contains("`data` under [node]", e.Message, StringComparison.Ordinal);
            await using Client client = await Client.Connect(node.Broker!.Address);
            await client.Subscribe("out");
            await client.Publish("in/x", "here");
            await client.Until(1);
        }

        await (await _site.Start()).DisposeAsync(); // given up, it can be taken
    }

    [Fact]
    public async Task Broker_WhoseAddressIsTaken_SaysSo_AndTheFolderIsFree()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        string address = taken.LocalEndpoint.ToString()!;
        _site.Config = _site.Config with { BrokerListen = address };
        Exception e = await Assert.ThrowsAsync<Mote.Capabilities.Messaging.MessagingException>(() => _site.Start());
        Assert.Contains(address, e.Message, StringComparison.Ordinal);
        Assert.Contains("`listen` under [broker]", e.Message, StringComparison.Ordinal);
        _site.Config = _site.Config with { BrokerListen = "127.0.0.1:0" };
        await (await _site.Start()).DisposeAsync();
    }

    [Fact]
    public async Task App_ThatCannotRun_IsRefusedBeforeAnythingIsTaken()
    {
        File.Delete(Path.Combine(_site.Folder, "handler.wasm"));
        ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => _site.Start());
        Assert.Contains("there is no file", e.Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_site.Folder, "handler.wasm"), "no wasm");
        Assert.Contains("handler.wasm", (await Assert.ThrowsAsync<ComponentFileException>(() => _site.Start())).Message, StringComparison.Ordinal);
        File.WriteAllBytes(Path.Combine(_site.Folder, "handler.wasm"), Mote.Wasmtime.Wat.ToWasm("(component)"));
        Assert.Contains("wasi:messaging/incoming-handler", (await Assert.ThrowsAsync<ConfigException>(() => _site.Start())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Drain_FinishesEverythingThatWasAcknowledged()
    {
        await using EdgeNode node = await _site.Start(TestSite.App + "\nqueue = 64\n");
        await using Client client = await Client.Connect(node.Broker!.Address);
        long acknowledged = 0;
        using var stop = new CancellationTokenSource();
        Task flood = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    if ((await client.Publish("in/x", "e")).IsSuccess) acknowledged++;
                    else return;
                }
                catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or OperationCanceledException)
                {
                    return;
                }
            }
        }, CancellationToken.None);
        await Wait.Until(() => Volatile.Read(ref acknowledged) > 50, () => "nothing is acknowledged");
        await node.DrainAsync(Client.Patience);
        await Task.Delay(200, TestContext.Current.CancellationToken); // whatever is still taken now must be handled as well
        await stop.CancelAsync();
        await flood.WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
        await Wait.Until(() => node.Queues.All(q => q.Counts.Waiting == 0), () => "not idle");
        Assert.True(node.Report().Failed >= acknowledged, $"{acknowledged} were acknowledged, {node.Report().Failed} were handled");
    }

    [Fact]
    public async Task Drain_FinishesWhatComponentsSendEachOther()
    {
        string chain = TestSite.App + """

            [[trigger.mqtt]]
            topic = "out"
            component = "second"
            [component.second]
            source = "handler.wasm"
            [component.second.grants]
            publish = ["out"]
            [component.second.limits]
            queue = 1000
            """;
        // The second sends to `out` what it gets there, so it gets its own again; 'e' messages end the circle.
        await using EdgeNode node = await _site.Start(chain.Replace("[component.second.grants]\npublish = [\"out\"]\n", "", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address);
        for (int i = 0; i < 100; i++) await client.Publish("in/x", "message");
        await node.DrainAsync(Client.Patience);
        Assert.Equal(100, node.Queues.Single(q => q.Component.Name == "handler").Counts.Handled);
        Assert.Equal(100, node.Queues.Single(q => q.Component.Name == "second").Counts.Received);
        Assert.Equal(0, node.Queues.Sum(q => q.Counts.Waiting));
    }
}
