// Events to an MQTT broker: mosquitto, and a broker in this process where a test says what it answers.
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Mote.DataPlane;
using Mote.Tests.Servers;
using Mote.Triggers.Mqtt;
using MQTTnet;
using MQTTnet.Packets;
using MQTTnet.Protocol;
using MQTTnet.Server;

namespace Mote.Node.Tests.Upstreams;

public sealed class MqttUpstreamTests : IDisposable
{
    private readonly UpstreamSite _site = new();
    private readonly ConcurrentQueue<string> _log = new();
    private readonly int _port = Loopback.FreePort();

    public void Dispose() => _site.Dispose();

    private UpstreamPump Pump(IOutbox outbox, bool is311 = false, string prefix = "", TimeProvider? time = null) => new(
        new MqttUpstream(new MqttEndpoint(new Uri($"mqtt://127.0.0.1:{_port}"), is311), "node-upstream", prefix, _log.Enqueue), outbox, time ?? new NoWaiting(), _log.Enqueue);

    private async Task<(Client Client, ConcurrentQueue<MqttApplicationMessage> Messages)> Listen(string filter = "#")
    {
        Client client = await Client.Connect($"127.0.0.1:{_port}");
        var messages = new ConcurrentQueue<MqttApplicationMessage>();
        client.Mqtt.ApplicationMessageReceivedAsync += e =>
        {
            messages.Enqueue(e.ApplicationMessage);
            return Task.CompletedTask;
        };
        await client.Subscribe(filter);
        return (client, messages);
    }

    private static string? Property(MqttApplicationMessage m, string name) => m.UserProperties?.SingleOrDefault(p => p.Name == name)?.ReadValueAsString();

    private static async Task Flushed(UpstreamPump pump) => Assert.True(await pump.FlushAsync(Client.Patience, TestContext.Current.CancellationToken), $"{pump.Counts}");

    [Fact]
    public async Task Event_ArrivesInBinaryMode_OnItsTopicBehindThePrefix()
    {
        using var mosquitto = new Mosquitto(_site.Folder, _port);
        (Client client, ConcurrentQueue<MqttApplicationMessage> messages) = await Listen();
        await using Client c = client;
        byte[] every = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        CloudEvent e = UpstreamSite.Event(1) with { Data = every, Subject = "line/ж", ContentType = "application/x-bytes", TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
        await using UpstreamPump pump = Pump(_site.Outbox(e), prefix: "plant-7/");
        await Flushed(pump);
        await Wait.Until(() => !messages.IsEmpty, () => "nothing came");
        MqttApplicationMessage m = messages.Single();
        Assert.Equal(("plant-7/line/ж", "application/x-bytes", MqttQualityOfServiceLevel.AtLeastOnce), (m.Topic, m.ContentType, m.QualityOfServiceLevel));
        Assert.Equal(every, System.Buffers.BuffersExtensions.ToArray(m.Payload));
        Assert.Equal(("1.0", "boot-1", e.Source, e.Type, "2023-11-14T22:13:20.123Z", "line/ж", e.TraceParent, null), (Property(m, "specversion"), Property(m, "id"), Property(m, "source"), Property(m, "type"), Property(m, "time"), Property(m, "subject"), Property(m, "traceparent"), Property(m, "tracestate")));
        Assert.Equal((1L, 0L), (pump.Counts.Sent, pump.Counts.Retries));
    }

    [Fact]
    public async Task Event_WithMqtt311_ArrivesAsJson()
    {
        using var mosquitto = new Mosquitto(_site.Folder, _port);
        (Client client, ConcurrentQueue<MqttApplicationMessage> messages) = await Listen("alerts");
        await using Client c = client;
        await using UpstreamPump pump = Pump(_site.Outbox(UpstreamSite.Event(7) with { Data = "warm"u8.ToArray() }), is311: true);
        await Flushed(pump);
        await Wait.Until(() => !messages.IsEmpty, () => "nothing came");
        byte[] json = System.Buffers.BuffersExtensions.ToArray(messages.Single().Payload);
        CloudEvent read = Assert.Single(CloudEvent.FromJsonBatch(Encoding.UTF8.GetBytes($"[{Encoding.UTF8.GetString(json)}]"))!);
        Assert.Equal(("boot-7", "alerts", "warm"), (read.Id, read.Subject, Encoding.UTF8.GetString(read.Data.Span)));
    }

    [Fact]
    public async Task ManyEvents_ArriveInOrder_AndGapsOnATopicOfTheirOwn()
    {
        using var mosquitto = new Mosquitto(_site.Folder, _port, "max_queued_messages 0\n");
        (Client client, ConcurrentQueue<MqttApplicationMessage> messages) = await Listen();
        await using Client c = client;
        var bulk = new OutboxClass("bulk", 0, MaxBytes: 256 << 10);
        await using UpstreamPump pump = Pump(_site.Outbox(1 << 30, [.. Enumerable.Range(0, 3000).Select(i => (bulk, UpstreamSite.Event(i, 100)))]), prefix: "p/");
        await Flushed(pump);
        long sent = pump.Counts.Sent;
        Assert.InRange(sent, 500, 2999);
        await Wait.Until(() => messages.Count > sent, () => $"{messages.Count} of {sent} and a gap came");
        MqttApplicationMessage gap = messages.First();
        Assert.Equal(("p/mote/gaps/bulk", CloudEvent.GapType), (gap.Topic, Property(gap, "type")));
        Assert.Equal(Enumerable.Range(3000 - (int)sent, (int)sent).Select(i => $"boot-{i}"), messages.Skip(1).Select(m => Property(m, "id")));
    }

    [Fact]
    public async Task Broker_KilledAgainAndAgain_GetsEverythingAtLeastOnce_InOrder()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_site.Folder, "m")).FullName;
        const string Config = "persistence true\npersistence_location {0}/\nmax_queued_messages 0\nautosave_on_changes true\nautosave_interval 1\n";
        var seen = new ConcurrentQueue<string>();
        var outbox = _site.Outbox([.. Enumerable.Range(0, 2000).Select(i => UpstreamSite.Event(i, 200))]);
        UpstreamPump? pump = null;
        try
        {
            for (int round = 0; round < 4; round++)
            {
                using var mosquitto = new Mosquitto(folder, _port, Config);
                await using Client client = await Client.Connect($"127.0.0.1:{_port}");
                client.Mqtt.ApplicationMessageReceivedAsync += e =>
                {
                    seen.Enqueue(Property(e.ApplicationMessage, "id")!);
                    return Task.CompletedTask;
                };
                await client.Subscribe("alerts");
                pump ??= Pump(outbox);
                int before = seen.Count;
                await Wait.Until(() => seen.Count > before + 300 || pump.Counts.Waiting == 0, () => $"{pump.Counts}");
                if (round == 3)
                {
                    await Flushed(pump);
                    await Wait.Until(() => seen.Contains("boot-1999"), () => $"{seen.Count} came");
                }
            }

            Assert.Equal((2000L, 0L), (pump!.Counts.Sent, pump.Counts.Refused));
            Assert.True(pump.Counts.Retries > 0);
            // The listener's own connection breaks as well, so it may miss some; what it saw came in order but for repeats.
            int highest = -1;
            foreach (int n in seen.Select(id => int.Parse(id.AsSpan(5), System.Globalization.CultureInfo.InvariantCulture)))
            {
                Assert.True(n > highest - 70, $"{n} came after {highest}");
                highest = Math.Max(highest, n);
            }
        }
        finally
        {
            if (pump is not null) await pump.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task EventThatIsTooLarge_IsRefusedAndCounted_AndTheOthersArriveInOrder(bool is311)
    {
        // A client of 3.1.1 is not told of the limit: mosquitto closes the connection over a packet that is beyond it.
        using var mosquitto = new Mosquitto(_site.Folder, _port, "max_packet_size 20000\n");
        (Client client, ConcurrentQueue<MqttApplicationMessage> messages) = await Listen();
        await using Client c = client;
        // The second one that is beyond the limit is smaller than the first: what is known of that one does not decide it.
        int[] sizes = [5, 30_000, 5, 5, 25_000, 5, 10_000, 5];
        await using UpstreamPump pump = Pump(_site.Outbox([.. sizes.Select((bytes, i) => UpstreamSite.Event(i, bytes))]), is311);
        await Flushed(pump);
        int[] taken = [0, 2, 3, 5, 6, 7];
        Assert.Equal((6L, 2L), (pump.Counts.Sent, pump.Counts.Refused));
        await Wait.Until(() => messages.Select(Id).Distinct().Count() == 6, () => string.Join(' ', messages.Select(Id)));
        Assert.Equal(taken.Select(i => $"boot-{i}"), messages.Select(Id).Distinct());
        Assert.Contains(_log, l => l.Contains("refuses events", StringComparison.Ordinal) && l.Contains(" bytes, and the broker", StringComparison.Ordinal));
        // A bounded number of attempts for each; an innocent one beside it may be sent again as well.
        Assert.InRange(pump.Counts.Retries, is311 ? 1 : 0, is311 ? 2 * (OversizeDoubt.Attempts + 8) : 0);

        string Id(MqttApplicationMessage m)
        {
            if (!is311) return Property(m, "id")!;
            return CloudEvent.FromJsonBatch(Encoding.UTF8.GetBytes($"[{Encoding.UTF8.GetString(System.Buffers.BuffersExtensions.ToArray(m.Payload))}]"))!.Single().Id;
        }
    }

    [Fact]
    public async Task LargeEvent_OverALinkThatBreaks_IsNotRefusedForIt()
    {
        // With 3.1.1, again and again, in the middle of the event: the broker itself has no limit.
        using var mosquitto = new Mosquitto(_site.Folder, _port);
        await using var link = new FlappingLink(_port);
        link.CutAfter(5000, long.MaxValue);
        await using var pump = new UpstreamPump(new MqttUpstream(new MqttEndpoint(new Uri($"mqtt://127.0.0.1:{link.Port}"), Is311: true), "node", "", _log.Enqueue), _site.Outbox(UpstreamSite.Event(1, 30_000)), new NoWaiting(), _log.Enqueue);
        await Wait.Until(() => pump.Counts.Retries >= 2 * OversizeDoubt.Attempts, () => $"{pump.Counts}");
        link.BeWell();
        await Flushed(pump);
        Assert.Equal((1L, 0L), (pump.Counts.Sent, pump.Counts.Refused));
    }

    [Fact]
    public async Task Broker_ThatRefusesSome_CostsThoseOnly_AndOneThatForbidsIsWaitedFor()
    {
        bool allowed = false;
        MqttServer server = new MqttServerFactory().CreateMqttServer(new MqttServerOptionsBuilder()
            .WithDefaultEndpoint().WithDefaultEndpointPort(_port).WithDefaultEndpointBoundIPAddress(IPAddress.Loopback).WithDefaultEndpointBoundIPV6Address(IPAddress.None).Build());
        var taken = new ConcurrentQueue<string>();
        server.InterceptingPublishAsync += e =>
        {
            string id = Property(e.ApplicationMessage, "id")!;
            int n = int.Parse(id.AsSpan(5), System.Globalization.CultureInfo.InvariantCulture);
            if (n == 50 && !Volatile.Read(ref allowed)) e.Response.ReasonCode = MqttPubAckReasonCode.NotAuthorized;
            else if (n % 10 == 3) e.Response.ReasonCode = MqttPubAckReasonCode.PayloadFormatInvalid;
            else taken.Enqueue(id);
            e.ProcessPublish = false;
            return Task.CompletedTask;
        };
        await server.StartAsync();
        try
        {
            await using UpstreamPump pump = Pump(_site.Outbox([.. Enumerable.Range(0, 100).Select(i => UpstreamSite.Event(i))]));
            await Wait.Until(() => pump.Counts.Retries > 2, () => $"{pump.Counts}");
            Assert.Equal((45L, 5L, 50L), (pump.Counts.Sent, pump.Counts.Refused, pump.Counts.Waiting));
            Assert.Contains(_log, l => l.Contains("NotAuthorized", StringComparison.Ordinal) && l.Contains("[upstream] in node.toml", StringComparison.Ordinal));
            Assert.Contains(_log, l => l.Contains("PayloadFormatInvalid", StringComparison.Ordinal) && l.Contains("dropped and counted", StringComparison.Ordinal));
            Volatile.Write(ref allowed, true);
            await Flushed(pump);
            Assert.Equal((90L, 10L), (pump.Counts.Sent, pump.Counts.Refused));
            Assert.Equal(90, taken.Distinct().Count());
        }
        finally
        {
            await server.StopAsync();
            server.Dispose();
        }
    }

    [Fact]
    public async Task Event_ThatIsTooLargeForTheBroker_OrHasNoTopic_DoesNotBlockTheOthers()
    {
        using var mosquitto = new Mosquitto(_site.Folder, _port, "max_packet_size 20000\n");
        CloudEvent[] events =
        [
            UpstreamSite.Event(0), UpstreamSite.Event(1, 30_000), UpstreamSite.Event(2) with { Subject = "a/#" }, UpstreamSite.Event(3) with { Subject = new string('x', 70_000) },
            UpstreamSite.Event(4) with { Subject = "two\nlines" }, UpstreamSite.Event(5) with { Subject = "\uffff" }, // mosquitto ends the connection for either
            UpstreamSite.Event(6) with { ContentType = "no\u0007type", TraceParent = "\u0001" },
        ];
        await using UpstreamPump pump = Pump(_site.Outbox(events));
        await Flushed(pump);
        Assert.Equal((2L, 5L, 0L), (pump.Counts.Sent, pump.Counts.Refused, pump.Counts.Retries));
        Assert.Contains(_log, l => l.Contains("20000", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WrongPassword_IsSaid_AndEventsWait()
    {
        string passwords = Path.Combine(_site.Folder, "passwords");
        File.WriteAllText(passwords, "");
        using var mosquitto = new Mosquitto(_site.Folder, _port, $"allow_anonymous false\npassword_file {passwords}\n");
        await using UpstreamPump pump = Pump(_site.Outbox(UpstreamSite.Event(1)));
        await Wait.Until(() => pump.Counts.Retries > 1, () => $"{pump.Counts}");
        Assert.Equal(1, pump.Counts.Waiting);
        Assert.Contains("NotAuthorized", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Node_WithAnMqttUpstream_SendsThroughItsOutbox()
    {
        using var mosquitto = new Mosquitto(_site.Folder, _port);
        (Client client, ConcurrentQueue<MqttApplicationMessage> messages) = await Listen("site/#");
        await using Client observer = client;
        using var site = new TestSite();
        site.Config = site.Config with { UpstreamUrl = new Uri($"mqtt://127.0.0.1:{_port}"), UpstreamBroker = new Packaging.UpstreamBroker(new Packaging.MqttSettings(), "site/"), UpstreamTopics = ["out"] };
        await using EdgeNode node = await site.Start();
        await using Client publisher = await Client.Connect(node.Broker!.Address);
        for (int i = 0; i < 20; i++) await publisher.Publish("in/a", $"message {i}");
        await Wait.Until(() => messages.Count >= 20, () => $"{messages.Count} came; {string.Join(" | ", site.Log)}");
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"message {i}"), messages.Select(m => Encoding.UTF8.GetString(System.Buffers.BuffersExtensions.ToArray(m.Payload))));
        Assert.All(messages, m => Assert.Equal("site/out", m.Topic));
    }
}
