// The embedded broker's connections, byte by byte: packets in pieces and many at once, acknowledgements in their order,
// what is no MQTT, and who else gets a message that components get.
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mote.Node.Tests;

public sealed class BrokerWireTests : IDisposable
{
    private static readonly int s_seed = Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } seed ? int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture) : 1;

    private readonly TestSite _site = new();

    public void Dispose() => _site.Dispose();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static byte[] Connect(string id, ushort keepAlive = 0) =>
        Packet(0x10, [0, 4, .. "MQTT"u8, 4, 2, (byte)(keepAlive >> 8), (byte)keepAlive, 0, (byte)id.Length, .. Encoding.ASCII.GetBytes(id)]);

    private static byte[] Publish(string topic, ushort id, byte[] data) =>
        Packet(0x32, [0, (byte)topic.Length, .. Encoding.ASCII.GetBytes(topic), (byte)(id >> 8), (byte)id, .. data]);

    private static byte[] Packet(byte type, byte[] body)
    {
        var packet = new List<byte> { type };
        for (int rest = body.Length; ; rest >>= 7)
        {
            packet.Add((byte)((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0)));
            if (rest < 0x80) break;
        }

        packet.AddRange(body);
        return [.. packet];
    }

    private static async Task<Socket> Open(EdgeNode node)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPEndPoint.Parse(node.Broker!.Address), Token);
        return socket;
    }

    private static async Task<byte[]> Read(Socket socket, int count)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
        patience.CancelAfter(Client.Patience);
        byte[] bytes = new byte[count];
        for (int n = 0; n < count;)
        {
            int read = await socket.ReceiveAsync(bytes.AsMemory(n), patience.Token);
            if (read == 0) return bytes[..n];
            n += read;
        }

        return bytes;
    }

    [Fact]
    public async Task Packets_InPiecesOfAnySize_AreHandled_AndAcknowledgedInOrder()
    {
        await using EdgeNode node = await _site.Start();
        int messages = 0;
        Random random = new(s_seed);
        foreach (int piece in (int[])[1, 2, 7, 100, 8191, 8192, 8193, 1 << 20])
        {
            using Socket socket = await Open(node);
            ushort count = (ushort)(piece == 1 ? 20 : 200);
            var all = new List<byte>(Connect($"piece-{piece}"));
            for (ushort id = 1; id <= count; id++)
            {
                // Over the first buffer's size, too; and the lengths of 1, 2 and 3 bytes.
                int size = piece == 1 ? random.Next(300) : id % 50 == 0 ? 20_000 : random.Next(300);
                byte[] data = new byte[size];
                if (size > 0) data[0] = (byte)'x';
                all.AddRange(Publish("in/pieces", id, data));
            }

            byte[] bytes = [.. all];
            Task<byte[]> answers = Read(socket, 4 + (4 * count));
            for (int at = 0; at < bytes.Length; at += piece) await socket.SendAsync(bytes.AsMemory(at, Math.Min(piece, bytes.Length - at)), Token);
            byte[] got = await answers;
            Assert.Equal([0x20, 2, 0, 0], got[..4]);
            for (int i = 0; i < count; i++) Assert.Equal((0x40, 2, i + 1), (got[4 + (4 * i)], got[5 + (4 * i)], BinaryPrimitives.ReadUInt16BigEndian(got.AsSpan(6 + (4 * i)))));
            messages += count;
        }

        Assert.Equal(messages, node.Report().MessagesIn);
    }

    [Fact]
    public async Task Acknowledgements_KeepTheirOrder_WhereALaterMessageIsOverFirst()
    {
        // The first topic's component takes its full 500 ms; the other's is done at once.
        await using EdgeNode node = await _site.Start(TestSite.AppOnce.Replace("[component.handler]", """
            [[trigger.mqtt]]
            topic = "quick/#"
            component = "quick"
            [component.quick]
            source = "handler.wasm"
            [component.quick.grants]
            keyvalue = ["default"]
            publish = ["out", "counts", "alerts"]
            [component.handler]
            """, StringComparison.Ordinal));
        using Socket socket = await Open(node);
        await socket.SendAsync((byte[])[.. Connect("order"), .. Publish("in/slow", 7, [(byte)'s']), .. Publish("quick/x", 8, [(byte)'x'])], Token);
        Assert.Equal([0x20, 2, 0, 0, 0x40, 2, 0, 7, 0x40, 2, 0, 8], await Read(socket, 12));
    }

    [Fact]
    public async Task Subscriber_GetsWhatComponentsGet_FromItsSubscriptionToItsEnd_AndAfterAnother()
    {
        await using EdgeNode node = await _site.Start();
        await using Client publisher = await Client.Connect(node.Broker!.Address);
        Assert.True((await publisher.Publish("in/x", "before")).IsSuccess);
        for (int round = 0; round < 3; round++)
        {
            await using Client subscriber = await Client.Connect(node.Broker.Address, "watcher");
            await subscriber.Subscribe("in/+");
            Assert.True((await publisher.Publish("in/x", $"while {round}")).IsSuccess);
            await subscriber.Until(1);
            await subscriber.Mqtt.UnsubscribeAsync(new MQTTnet.MqttClientUnsubscribeOptionsBuilder().WithTopicFilter("in/+").Build(), Token);
            Assert.True((await publisher.Publish("in/x", $"after {round}")).IsSuccess);
            await subscriber.Subscribe("in/x");
            Assert.True((await publisher.Publish("in/x", $"again {round}")).IsSuccess);
            await subscriber.Until(2);
            Assert.Equal([$"while {round}", $"again {round}"], subscriber.Texts);
        }

        Assert.Equal(10, node.Report().MessagesIn);
    }

    [Fact]
    public async Task Retained_IsKeptForWhoComesLater_AndGoesToComponentsAsWell()
    {
        await using EdgeNode node = await _site.Start();
        await using Client publisher = await Client.Connect(node.Broker!.Address);
        await publisher.Mqtt.PublishAsync(new MQTTnet.MqttApplicationMessage { Topic = "in/x", Payload = new("kept"u8.ToArray()), Retain = true, QualityOfServiceLevel = MQTTnet.Protocol.MqttQualityOfServiceLevel.AtLeastOnce }, Token);
        await using Client late = await Client.Connect(node.Broker.Address);
        await late.Subscribe("in/#");
        await late.Until(1);
        Assert.Equal(1, node.Report().MessagesIn);
    }

    [Fact]
    public async Task PublisherThatOnlyPublishes_IsNotTakenForSilent()
    {
        await using EdgeNode node = await _site.Start();
        using Socket socket = await Open(node);
        await socket.SendAsync(Connect("talker", keepAlive: 1), Token);
        Assert.Equal(4, (await Read(socket, 4)).Length);
        // Silent clients are ended after 1.5 s. Acknowledgements only: no answer to a ping that it has not sent.
        long start = Environment.TickCount64;
        for (ushort id = 1; Environment.TickCount64 - start < 3500; id++)
        {
            await socket.SendAsync(Publish("in/x", id, [(byte)'x']), Token);
            Assert.Equal([0x40, 2, (byte)(id >> 8), (byte)id], await Read(socket, 4));
            await Task.Delay(20, Token);
        }

        // And one that does send one gets its answer.
        await socket.SendAsync((byte[])[0xc0, 0], Token);
        Assert.Equal([0xd0, 0], await Read(socket, 2));
        // Then it is silent.
        Assert.Empty(await Read(socket, 1));
    }

    [Fact]
    public async Task Length_ThatIsPromised_CostsNoMemory_AndOneOverTheLimitEndsTheConnection()
    {
        await using EdgeNode node = await _site.Start();
        using Socket over = await Open(node);
        await over.SendAsync((byte[])[.. Connect("over"), 0x32, 0xff, 0xff, 0xff, 0x7f], Token);
        Assert.Equal(4, (await Read(over, 5)).Length); // CONNACK, and the end
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var sockets = new List<Socket>();
        for (int i = 0; i < 50; i++)
        {
            Socket socket = await Open(node);
            sockets.Add(socket);
            await socket.SendAsync((byte[])[.. Connect($"promise-{i}"), 0x32, 0x80, 0x80, 0x80, 0x08, 0, 4], Token); // 16 MiB
            await Read(socket, 4);
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 8 << 20);
        foreach (Socket socket in sockets) socket.Dispose();
        await using Client client = await Client.Connect(node.Broker!.Address);
        Assert.True((await client.Publish("in/x", "still here")).IsSuccess);
    }

    [Fact]
    public async Task WhatIsNoMqtt_EndsItsOwnConnectionOnly()
    {
        await using EdgeNode node = await _site.Start();
        byte[][] valid = [Connect("fuzz"), Publish("in/x", 1, [(byte)'x', 1, 2, 3]), Packet(0x82, [0, 1, 0, 1, (byte)'a', 1]), Packet(0xa2, [0, 2, 0, 1, (byte)'a']), [0xc0, 0], [0xe0, 0], [0x40, 2, 0, 1], [0x62, 2, 0, 1]];
        Random random = new(s_seed);
        for (int i = 0; i < 200; i++)
        {
            using Socket socket = await Open(node);
            var bytes = new List<byte>();
            if (random.Next(4) > 0) bytes.AddRange(Connect($"fuzz-{i}"));
            for (int n = random.Next(6); n >= 0; n--)
            {
                byte[] packet = [.. valid[random.Next(valid.Length)]];
                for (int flips = random.Next(3); flips > 0; flips--) packet[random.Next(packet.Length)] ^= (byte)(1 << random.Next(8));
                bytes.AddRange(packet.AsSpan(0, random.Next(5) == 0 ? random.Next(packet.Length) : packet.Length));
            }

            try
            {
                await socket.SendAsync(bytes.ToArray(), Token);
                socket.Shutdown(SocketShutdown.Send);
                while ((await Read(socket, 64)).Length == 64)
                {
                }
            }
            catch (SocketException)
            {
                // It was ended before all was sent.
            }
        }

        await using Client client = await Client.Connect(node.Broker!.Address);
        Assert.True((await client.Publish("in/x", "still here")).IsSuccess);
        await Wait.Until(() => node.Queues[0].Counts.Waiting == 0, () => node.Queues[0].Counts.ToString());
    }
}
