// Retained messages of the embedded broker are bounded by their number and their bytes; what is beyond that is refused in
// words, where the protocol has them, and counted.
using System.Net;
using System.Text;
using MQTTnet;
using MQTTnet.Formatter;
using MQTTnet.Protocol;

namespace Mote.Node.Tests;

public sealed class RetainedTests : IDisposable
{
    private readonly TestSite _site = new();

    public void Dispose() => _site.Dispose();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Task<MqttClientPublishResult> Retain(IMqttClient client, string topic, string text, MqttQualityOfServiceLevel qos = MqttQualityOfServiceLevel.AtLeastOnce) =>
        client.PublishAsync(new MqttApplicationMessage { Topic = topic, Payload = new(Encoding.UTF8.GetBytes(text)), Retain = true, QualityOfServiceLevel = qos }, Token);

    /// <summary>What somebody who comes now is given.</summary>
    private static async Task<string[]> KeptBy(EdgeNode node, int count)
    {
        await using Client late = await Client.Connect(node.Broker!.Address);
        await late.Subscribe("k/#");
        await late.Publish("k/end", "end"); // behind all that is retained
        await late.Until(count + 1);
        return [.. late.Received.Select(m => m.Topic).Where(t => t != "k/end").Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task MoreThanMayBe_AreRefusedWithQuotaExceeded_AndThereIsRoomAgainWhenOneGoes()
    {
        _site.Config = _site.Config with { BrokerMaxRetained = 3, Telemetry = new() { Metrics = new IPEndPoint(IPAddress.Loopback, 0) } };
        await using EdgeNode node = await _site.Start();
        await using Client client = await Client.Connect(node.Broker!.Address);
        for (int i = 0; i < 3; i++) Assert.True((await Retain(client.Mqtt, $"k/{i}", "x")).IsSuccess);
        MqttClientPublishResult refused = await Retain(client.Mqtt, "k/3", "x");
        Assert.Equal(MqttClientPublishReasonCode.QuotaExceeded, refused.ReasonCode);
        Assert.Contains("max-retained", refused.ReasonString, StringComparison.Ordinal);
        Assert.True(client.Mqtt.IsConnected); // MQTT 5 has an answer: nobody's connection ends for it
        Assert.Contains(_site.Log, l => l.Contains("k/3", StringComparison.Ordinal) && l.Contains("max-retained", StringComparison.Ordinal));
        Assert.True((await Retain(client.Mqtt, "k/1", "in its place")).IsSuccess);
        Assert.True((await client.Publish("k/3", "not retained")).IsSuccess);
        Assert.Equal(["k/0", "k/1", "k/2"], await KeptBy(node, 3));

        BrokerStatus broker = node.Status().DataPlane!.Broker!;
        Assert.Equal((3L, 1L), (broker.Retained, broker.RetainedRefused));
        using var http = new HttpClient();
        Dictionary<string, double> samples = TelemetryTests.Parse(await http.GetStringAsync(node.MetricsUrl, Token));
        Assert.Equal((3, 1), (samples["mote_broker_retained"], samples["mote_broker_retained_refused_total"]));

        Assert.True((await Retain(client.Mqtt, "k/0", "")).IsSuccess);
        Assert.True((await Retain(client.Mqtt, "k/3", "x")).IsSuccess);
        Assert.Equal(["k/1", "k/2", "k/3"], await KeptBy(node, 3));
    }

    [Fact]
    public async Task MoreBytesThanMayBe_AreRefused_AndLessInThePlaceOfMoreIsNot()
    {
        _site.Config = _site.Config with { BrokerMaxRetainedBytes = 1000 };
        await using EdgeNode node = await _site.Start();
        await using Client client = await Client.Connect(node.Broker!.Address);
        Assert.True((await Retain(client.Mqtt, "k/a", new string('x', 600))).IsSuccess);
        Assert.Equal(MqttClientPublishReasonCode.QuotaExceeded, (await Retain(client.Mqtt, "k/b", new string('x', 600))).ReasonCode);
        Assert.Equal(MqttClientPublishReasonCode.QuotaExceeded, (await Retain(client.Mqtt, "k/a", new string('x', 1100))).ReasonCode);
        Assert.True((await Retain(client.Mqtt, "k/a", "less")).IsSuccess);
        Assert.True((await Retain(client.Mqtt, "k/b", new string('x', 600))).IsSuccess);
        Assert.Equal(2, node.Status().DataPlane!.Broker!.RetainedRefused);
        Assert.InRange(node.Status().DataPlane!.Broker!.RetainedBytes!.Value, 604, 1000);
    }

    [Fact]
    public async Task WithoutAnAnswerInTheProtocol_TheConnectionEnds_OrTheMessageGoesToWhoIsThere()
    {
        _site.Config = _site.Config with { BrokerMaxRetained = 1 };
        await using EdgeNode node = await _site.Start();
        await using Client ears = await Client.Connect(node.Broker!.Address);
        Assert.True((await Retain(ears.Mqtt, "k/a", "kept")).IsSuccess);
        await ears.Subscribe("k/#");
        await ears.Until(1);

        // Quality of service 0: it is delivered and not retained; nobody who comes later is given an older one for it.
        Assert.Equal(MqttClientPublishReasonCode.Success, (await Retain(ears.Mqtt, "k/b", "heard", MqttQualityOfServiceLevel.AtMostOnce)).ReasonCode);
        await ears.Until(2);
        Assert.Equal(["kept", "heard"], ears.Texts);
        Assert.Equal(["k/a"], await KeptBy(node, 1));

        // 3.1.1 with quality of service 1: an acknowledgement would promise it.
        using IMqttClient old = new MqttClientFactory().CreateMqttClient();
        string[] parts = node.Broker.Address.Split(':');
        await old.ConnectAsync(new MqttClientOptionsBuilder().WithTcpServer(parts[0], int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)).WithProtocolVersion(MqttProtocolVersion.V311).Build(), Token);
        Task<MqttClientPublishResult> publish = Retain(old, "k/c", "x");
        await Wait.Until(() => !old.IsConnected, () => "the connection stays");
        await Task.WhenAny(publish);
        Assert.Equal(["k/a"], await KeptBy(node, 1));
        Assert.Equal(2, node.Status().DataPlane!.Broker!.RetainedRefused);
    }

    [Fact]
    public async Task MessageThatIsRefusedForAnotherReason_TakesNoRoom()
    {
        _site.Config = _site.Config with { BrokerMaxRetained = 1 };
        await using EdgeNode node = await _site.Start();
        await using (Client client = await Client.Connect(node.Broker!.Address))
        {
            try
            {
                Assert.False((await Retain(client.Mqtt, "k/a", "x", MqttQualityOfServiceLevel.ExactlyOnce)).IsSuccess);
            }
            catch (MQTTnet.Exceptions.MqttCommunicationException)
            {
                // By the end of the connection: there is no quality of service 2.
            }
        }

        await Wait.Until(() => node.Status().DataPlane!.Broker!.Retained == 0, () => $"{node.Status().DataPlane!.Broker}");
        await using Client again = await Client.Connect(node.Broker.Address);
        Assert.True((await Retain(again.Mqtt, "k/b", "x")).IsSuccess);
    }

    [Fact]
    public async Task LastWills_AreCountedAsWell()
    {
        _site.Config = _site.Config with { BrokerMaxRetained = 1 };
        await using EdgeNode node = await _site.Start();
        await using Client client = await Client.Connect(node.Broker!.Address);
        Assert.True((await Retain(client.Mqtt, "k/a", "x")).IsSuccess);
        using (var dying = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp))
        {
            await dying.ConnectAsync(IPEndPoint.Parse(node.Broker.Address), Token);
            // CONNECT of 3.1.1: clean session, a will that is retained, of quality of service 1; then it is gone without a word.
            byte[] body = [.. Text("MQTT"), 4, 0x2e, 0, 0, .. Text("dying"), .. Text("k/will"), .. Text("gone")];
            await dying.SendAsync((byte[])[0x10, (byte)body.Length, .. body], Token);
            Assert.Equal(4, await dying.ReceiveAsync(new byte[4], Token));
            dying.LingerState = new System.Net.Sockets.LingerOption(true, 0);
        }

        await Wait.Until(() => node.Status().DataPlane!.Broker!.RetainedRefused == 1, () => $"{node.Status().DataPlane!.Broker}");
        Assert.Equal(["k/a"], await KeptBy(node, 1));
    }

    private static byte[] Text(string text) => [0, (byte)text.Length, .. Encoding.UTF8.GetBytes(text)];
}
