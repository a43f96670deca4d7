// How a node reaches a broker elsewhere: TLS, certificates of its own, MQTT 3.1.1, its last will, shared subscriptions.
using System.Net;
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Tests.Servers;
using Mote.Triggers.Mqtt;

namespace Mote.Node.Tests;

public sealed class BrokerConnectionTests : IDisposable
{
    private readonly TestSite _site = new();
    private readonly int _port = Loopback.FreePort();
    private readonly Authority _authority;

    public BrokerConnectionTests() => _authority = new Authority(_site.Folder);

    public void Dispose()
    {
        _authority.Dispose();
        _site.Dispose();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A listener with TLS, and a plain one for the test's own clients.</summary>
    private (Mosquitto Broker, string Plain) Tls(string more, string name = "localhost", DateTimeOffset? until = null)
    {
        (string certificate, string key) = _authority.Issue(name, until, IPAddress.Loopback);
        int plain = Loopback.FreePort();
        return (new Mosquitto(_site.Folder, _port, $"certfile {certificate}\nkeyfile {key}\n{more}listener {plain} 127.0.0.1\n"), $"127.0.0.1:{plain}");
    }

    private void Use(string scheme, TlsFiles? tls = null, bool is311 = false, string? status = null) =>
        _site.Config = _site.Config with { BrokerUrl = new Uri($"{scheme}://localhost:{_port}"), BrokerMqtt = new MqttSettings(is311, tls), BrokerStatusTopic = status };

    private static async Task Ready(EdgeNode node) =>
        await ((ExternalBroker)node.Broker!).WaitForConnectionAsync(Token).WaitAsync(Client.Patience, Token);

    private static async Task Works(EdgeNode node, string plain)
    {
        await Ready(node);
        await using Client client = await Client.Connect(plain);
        await client.Subscribe("out");
        await client.Publish("in/a", "message");
        await client.Until(1);
    }

    private Task Said(params string[] words) => Wait.Until(() => _site.Log.Any(l => words.All(w => l.Contains(w, StringComparison.Ordinal))), () => string.Join('\n', _site.Log));

    [Fact]
    public async Task Tls_WithAnAuthorityOfItsOwn_Works()
    {
        (Mosquitto broker, string plain) = Tls("");
        using Mosquitto b = broker;
        Use("mqtts", new TlsFiles(_authority.Ca, null, null));
        await using EdgeNode node = await _site.Start();
        await Works(node, plain);
    }

    [Fact]
    public async Task Tls_WithACertificateOfTheNodes_SendsThoseBetweenItAndItsAuthority_AndTakesARenewedOne()
    {
        (Mosquitto broker, string plain) = Tls($"cafile {_authority.Ca}\nrequire_certificate true\nuse_identity_as_username true\n");
        using Mosquitto b = broker;
        (string certificate, string key) = _authority.Issue("gateway");
        Use("mqtts", new TlsFiles(_authority.Ca, certificate, key));
        await using EdgeNode node = await _site.Start();
        await Works(node, plain);
    }

    [Fact]
    public async Task Broker_ThatWantsACertificate_AndGetsNone_IsTriedAgain_UntilThereIsOne()
    {
        (Mosquitto broker, string plain) = Tls($"cafile {_authority.Ca}\nrequire_certificate true\n");
        using Mosquitto b = broker;
        using var stranger = new Authority(_site.Folder, "stranger");
        (string certificate, string key) = stranger.Issue("gateway");
        Use("mqtts", new TlsFiles(_authority.Ca, certificate, key));
        await using EdgeNode node = await _site.Start();
        await Said("trying again until it is there");
        Assert.False(((ExternalBroker)node.Broker!).IsConnected);
        _authority.Issue("gateway"); // the same files: a renewed certificate needs no restart
        await Works(node, plain);
    }

    [Fact]
    public async Task Broker_OfAnotherAuthority_IsNotTrusted_AndWhyIsSaid()
    {
        (Mosquitto broker, _) = Tls("");
        using Mosquitto b = broker;
        using var stranger = new Authority(_site.Folder, "stranger");
        Use("mqtts", new TlsFiles(stranger.Ca, null, null));
        await using EdgeNode node = await _site.Start();
        await Said("CN=localhost", "is not trusted", stranger.Ca);
    }

    [Fact]
    public async Task Broker_WithoutAKnownAuthority_IsNotTrusted_AndTheKeyThatHelpsIsNamed()
    {
        (Mosquitto broker, _) = Tls("");
        using Mosquitto b = broker;
        Use("mqtts");
        await using EdgeNode node = await _site.Start();
        await Said("is not trusted", "ca = \"ca.pem\"");
    }

    [Fact]
    public async Task Broker_OfAnotherName_IsNotTrusted()
    {
        (Mosquitto broker, _) = Tls("", name: "elsewhere.example");
        using Mosquitto b = broker;
        Use("mqtts", new TlsFiles(_authority.Ca, null, null));
        await using EdgeNode node = await _site.Start();
        await Said("CN=elsewhere.example", "is not for `localhost`");
    }

    [Fact]
    public async Task Broker_WhoseCertificateHasEnded_IsNotTrusted()
    {
        (Mosquitto broker, _) = Tls("", until: DateTimeOffset.UtcNow.AddHours(-1));
        using Mosquitto b = broker;
        Use("mqtts", new TlsFiles(_authority.Ca, null, null));
        await using EdgeNode node = await _site.Start();
        await Said("is not trusted", "NotTimeValid");
    }

    [Fact]
    public async Task KeyOfAnotherCertificate_IsAFaultOfTheConfiguration()
    {
        (string certificate, _) = _authority.Issue("gateway");
        (_, string key) = _authority.Issue("other");
        Use("mqtts", new TlsFiles(_authority.Ca, certificate, key));
        ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => _site.Start());
        Assert.Contains("[broker]", e.Message, StringComparison.Ordinal);
        Assert.Contains(key, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Upstream_WithTls_IsAuthenticatedBothWays()
    {
        (Mosquitto broker, string plain) = Tls($"cafile {_authority.Ca}\nrequire_certificate true\n");
        using Mosquitto b = broker;
        (string certificate, string key) = _authority.Issue("gateway");
        _site.Config = _site.Config with { UpstreamUrl = new Uri($"mqtts://localhost:{_port}"), UpstreamBroker = new UpstreamBroker(new MqttSettings(false, new TlsFiles(_authority.Ca, certificate, key)), "up/"), UpstreamTopics = ["out"] };
        await using Client observer = await Client.Connect(plain);
        await observer.Subscribe("up/#");
        await using EdgeNode node = await _site.Start();
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Publish("in/a", "message");
        await observer.Until(1);
        Assert.Equal("up/out", observer.Received.Single().Topic);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Mqtt311_HandlesMessagesOfEachQualityOfService_AndThoseThatCameWhileItWasAway(int qos)
    {
        using var broker = new Mosquitto(_site.Folder, _port);
        Use("mqtt", is311: true);
        string app = TestSite.App.Replace("topic = \"in/#\"", $"topic = \"in/#\"\nqos = {qos}", StringComparison.Ordinal);
        await using Client client = await Client.Connect(broker.Address);
        await client.Subscribe("out");
        await using (EdgeNode node = await _site.Start(app))
        {
            await Ready(node);
            for (int i = 0; i < 20; i++) await client.Publish("in/a", $"message {i}", qos);
            await client.Until(20);
        }

        if (qos > 0)
        {
            for (int i = 20; i < 40; i++) await client.Publish("in/a", $"message {i}", qos);
            await using EdgeNode again = await _site.Start(app);
            await client.Until(40);
        }

        Assert.Equal(Enumerable.Range(0, qos > 0 ? 40 : 20).Select(i => $"message {i}"), client.Texts);
    }

    [Fact]
    public async Task Status_IsOnlineWhileTheNodeIsThere_AndOfflineAfterACleanEndAndAfterABreak()
    {
        using var broker = new Mosquitto(_site.Folder, _port);
        Use("mqtt", status: "nodes/test/status");
        await using Client observer = await Client.Connect(broker.Address);
        await observer.Subscribe("nodes/+/status");
        await using (EdgeNode node = await _site.Start())
        {
            await observer.Until(1);
            // Another client of the same name takes its place: the broker breaks the node's connection, and it comes back.
            await using (Client thief = await Client.Connect(broker.Address, "mote-test-node")) await observer.Until(2);
            await observer.Until(3);
        }

        await observer.Until(4);
        Assert.Equal(["online", "offline", "online", "offline"], observer.Texts);
        await using Client late = await Client.Connect(broker.Address);
        await late.Subscribe("nodes/+/status");
        await late.Until(1); // retained
        Assert.Equal(["offline"], late.Texts);
    }

    [Fact]
    public async Task SharedSubscription_GivesEachMessageToOneNodeOfTheGroup()
    {
        using var broker = new Mosquitto(_site.Folder, _port, "max_queued_messages 0\n");
        using var other = new TestSite();
        Use("mqtt");
        other.Config = other.Config with { BrokerUrl = _site.Config.BrokerUrl, Name = "other-node" };
        string app = TestSite.App.Replace("\"in/#\"", "\"$share/judges/in/#\"", StringComparison.Ordinal);
        await using EdgeNode one = await _site.Start(app), two = await other.Start(app);
        await Ready(one);
        await Ready(two);
        await using Client client = await Client.Connect(broker.Address);
        await client.Subscribe("out");
        for (int i = 0; i < 200; i++) await client.Publish("in/a", $"message {i}");
        await client.Until(200);
        await Wait.Until(() => one.Report().Handled + two.Report().Handled == 200, () => $"{one.Report()} {two.Report()}");
        Assert.True(one.Report().Handled > 0 && two.Report().Handled > 0, $"{one.Report().Handled} and {two.Report().Handled}");
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"message {i}").Order(StringComparer.Ordinal), client.Texts.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task SharedSubscription_OnTheEmbeddedBroker_IsRefusedWithTheReason()
    {
        ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => _site.Start(TestSite.App.Replace("\"in/#\"", "\"$share/judges/in/#\"", StringComparison.Ordinal)));
        Assert.Equal(4, e.Line);
        Assert.Contains("the embedded broker has no shared subscriptions", e.Message, StringComparison.Ordinal);
        Assert.Contains("topic = \"in/#\"", e.Message, StringComparison.Ordinal);
        Assert.Contains("[broker]", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("in/+")]
    [InlineData("#")]
    [InlineData("$share/others/in/a/#")]
    public async Task SharedSubscription_ThatOverlapsWithAnother_IsRefused(string topic)
    {
        Use("mqtt");
        string app = TestSite.App.Replace("[component.handler]", $"[[trigger.mqtt]]\ntopic = \"{topic}\"\ncomponent = \"handler\"\n[component.handler]", StringComparison.Ordinal).Replace("\"in/#\"", "\"$share/judges/in/#\"", StringComparison.Ordinal);
        ConfigException e = await Assert.ThrowsAsync<ConfigException>(() => _site.Start(app));
        Assert.Contains("overlap", e.Message, StringComparison.Ordinal);
        Assert.Contains(topic, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a/b", "a/b", true)]
    [InlineData("a/b", "a/c", false)]
    [InlineData("a/+", "+/b", true)]
    [InlineData("a/+/c", "a/b", false)]
    [InlineData("a/#", "a", true)]
    [InlineData("a/b/#", "a/+", true)]
    [InlineData("a/b/c", "a/+", false)]
    [InlineData("#", "x/y", true)]
    [InlineData("#", "$SYS/x", false)]
    [InlineData("+/x", "$SYS/x", false)]
    [InlineData("$share/g/a/+", "a/b", true)]
    [InlineData("$share/g/a", "$share/g/b", false)]
    public void Filters_Overlap_WhereATopicMatchesBoth(string a, string b, bool overlap)
    {
        Assert.Equal(overlap, SharedFilter.Overlap(a, b));
        Assert.Equal(overlap, SharedFilter.Overlap(b, a));
    }
}
