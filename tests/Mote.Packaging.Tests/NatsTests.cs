// [[trigger.messaging]], [nats], [messaging] and [keyvalue]: every key, and every fault with its line.
using Mote.Packaging.Nats;
using Mote.Packaging.Toml;

namespace Mote.Packaging.Tests;

public sealed class NatsTests : IDisposable
{
    private const string Small = """
        mote = 1
        [app]
        name = "app"
        [[trigger.messaging]]
        component = "c"
        subject = "plant.*.x.>"
        [component.c]
        source = "c.wasm"
        """;

    private readonly Manifests _files = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-packaging-tests-").FullName;

    public void Dispose()
    {
        _files.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private NodeConfig Node(string text)
    {
        string file = Path.Combine(_folder, "node.toml");
        File.WriteAllText(file, text);
        return NodeConfig.Load(file, new NodeConfig());
    }

    [Fact]
    public void Trigger_IsRead()
    {
        Assert.Equal(new MessagingTriggerManifest("plant.*.x.>", "c", 4), Assert.Single(_files.Read(Small).MessagingTriggers));
        MessagingTriggerManifest t = _files.Read(Small.Replace("component = \"c\"", "component = \"c\"\nqueue = \"workers\"\nretries = 3\ndead-letter = \"bad\"", StringComparison.Ordinal)).MessagingTriggers[0];
        Assert.Equal(("workers", null, 3, "bad"), (t.Queue, t.Stream, t.Retries, t.DeadLetter));
        StreamSource? s = _files.Read(Small.Replace("component = \"c\"", "component = \"c\"\nstream = \"IN\"", StringComparison.Ordinal)).MessagingTriggers[0].Stream;
        Assert.Equal(new StreamSource("IN", null, DeliverFrom.All, TimeSpan.FromSeconds(30), null), s);
        s = _files.Read(Small.Replace("component = \"c\"", "component = \"c\"\nstream = \"IN\"\ndurable = \"mine\"\ndeliver = \"new\"\nack-wait = \"5s\"\nmax-in-flight = 7", StringComparison.Ordinal)).MessagingTriggers[0].Stream;
        Assert.Equal(new StreamSource("IN", "mine", DeliverFrom.New, TimeSpan.FromSeconds(5), 7), s);
    }

    [Theory]
    [InlineData("subject = \"\"", "at least one character")]
    [InlineData("subject = \"a b\"", "no spaces")]
    [InlineData("subject = \"a..b\"", "between two dots")]
    [InlineData("subject = \".a\"", "between two dots")]
    [InlineData("subject = \"a.>.b\"", "> stands at the end")]
    [InlineData("subject = \"plant/+/x\"", "topic of MQTT")]
    [InlineData("subject = \"a\"\nqueue = \"a b\"", "letters, digits, dashes")]
    [InlineData("subject = \"a\"\nqueue = \"q\"\nstream = \"S\"", "the same `durable`")]
    [InlineData("subject = \"a\"\ndurable = \"d\"", "add stream")]
    [InlineData("subject = \"a\"\nmax-in-flight = 5", "add stream")]
    [InlineData("subject = \"a\"\nstream = \"S.T\"", "letters, digits, dashes")]
    [InlineData("subject = \"a\"\nstream = \"S\"\nack-wait = \"10ms\"", "at least 1s")]
    [InlineData("subject = \"a\"\nstream = \"S\"\ndeliver = \"some\"", "\"all\" or \"new\"")]
    [InlineData("subject = \"a\"\nstream = \"S\"\nmax-in-flight = 0", "from 1 to")]
    [InlineData("subject = \"a\"\ndead-letter = \"a.*\"", "wildcard")]
    [InlineData("subject = \"a\"\ntopic = \"b\"", "unknown key `topic`")]
    public void Trigger_WithAFault_IsAnErrorThere(string text, string expected)
    {
        ConfigException e = Assert.Throws<ConfigException>(() => _files.Read(Small.Replace("subject = \"plant.*.x.>\"", text, StringComparison.Ordinal)));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.InRange(e.Line, 4, 8);
    }

    [Fact]
    public void Trigger_ThatDiffers_IsNotReplaced()
    {
        AppManifest app = _files.Read(Small);
        Assert.True(app.CanReplace(_files.Read("# a line\n" + Small)));
        Assert.False(app.CanReplace(_files.Read(Small.Replace("plant.*", "plant.1", StringComparison.Ordinal))));
    }

    [Fact]
    public void Nats_IsRead()
    {
        foreach (string name in (string[])["n.creds", "ca.pem", "c.pem", "c.key"]) File.WriteAllText(Path.Combine(_folder, name), "x");
        NodeConfig c = Node("[nats]\nurl = [\"nats://a\", \"tls://b:4333\"]\ncredentials = \"n.creds\"\n[nats.tls]\nca = \"ca.pem\"\ncertificate = \"c.pem\"\nkey = \"c.key\"\n[messaging.clients]\ndefault = \"nats\"\nhub = \"nats\"\nlocal = \"mqtt\"\n[keyvalue]\nurl = \"nats:\"\n[blobstore]\nurl = \"nats:\"\n[upstream]\nurl = \"nats:edge.{topic}\"\n");
        NatsConfig n = c.Nats!;
        Assert.Equal([new Uri("nats://a:4222"), new Uri("tls://b:4333")], n.Urls);
        Assert.Equal((Path.Combine(_folder, "n.creds"), null, null, true), (n.Credentials, n.NKey, n.Password, n.RequiresTls));
        Assert.Equal((Path.Combine(_folder, "ca.pem"), (Path.Combine(_folder, "c.pem"), Path.Combine(_folder, "c.key"))), (n.Authority, n.Certificate));
        Assert.Equal("nats", c.Blobstore!.Url.Scheme);
        Assert.Equal(("nats", "nats", "edge.{topic}"), (c.KeyValue!.Url.Scheme, c.UpstreamUrl!.Scheme, c.UpstreamSubject));
        MessageBrokerKind?[] clients = [.. ((string[])["", "default", "hub", "local", "mqtt", "nats", "other"]).Select(c.MessagingClients.Of)];
        Assert.Equal([MessageBrokerKind.Nats, MessageBrokerKind.Nats, MessageBrokerKind.Nats, MessageBrokerKind.Mqtt, MessageBrokerKind.Mqtt, MessageBrokerKind.Nats, null], clients);
        n = Node("[nats]\nurl = \"nats://me:p%40ss@a:1\"\n").Nats!;
        Assert.Equal(("me", "p@ss", false, "nats://a:1/"), (n.User, n.Password, n.RequiresTls, n.Urls[0].ToString()));
        Assert.Equal((null, "s3cret"), (Node("[nats]\nurl = \"nats://s3cret@a\"\n").Nats!.User, Node("[nats]\nurl = \"nats://s3cret@a\"\n").Nats!.Password));
        Assert.Equal(("u", "p"), (Node("[nats]\nurl = \"nats://a\"\nuser = \"u\"\npassword = \"p\"\n").Nats!.User, Node("[nats]\nurl = \"nats://a\"\nuser = \"u\"\npassword = \"p\"\n").Nats!.Password));
        NodeConfig none = Node("");
        Assert.Equal((null, MessageBrokerKind.Mqtt, null), (none.Nats, none.MessagingClients.Of(""), none.KeyValue));
    }

    [Theory]
    [InlineData("[nats]\n", "`url` is missing")]
    [InlineData("[nats]\nurl = []\n", "no server")]
    [InlineData("[nats]\nurl = \"http://a\"\n", "nats://host:port")]
    [InlineData("[nats]\nurl = \"nats://a/x\"\n", "nats://host:port")]
    [InlineData("[nats]\nurl = \"nats://a\"\nuser = \"u\"\n", "needs a `password`")]
    [InlineData("[nats]\nurl = \"nats://a\"\npassword = \"p\"\n", "needs a `user`")]
    [InlineData("[nats]\nurl = \"nats://u:p@a\"\nuser = \"u\"\npassword = \"p\"\n", "in `url` already")]
    [InlineData("[nats]\nurl = \"nats://u:p@a\"\ntoken = \"t\"\n", "has both")]
    [InlineData("[nats]\nurl = \"nats://a\"\nnkey = \"gone.nk\"\n", "there is no file")]
    [InlineData("[nats]\nurl = \"nats://a\"\n[nats.tls]\ncertificate = \"node.toml\"\n", "needs its `key`")]
    [InlineData("[nats]\nurl = \"nats://a\"\ncredentials = \"node.toml\"\nnkey = \"node.toml\"\n", "has several")]
    [InlineData("[nats]\nurl = \"nats://a\"\nport = 4\n", "unknown key `port`")]
    [InlineData("[messaging.clients]\nx = \"amqp\"\n", "\"mqtt\" or \"nats\"")]
    [InlineData("[messaging.clients]\nnats = \"mqtt\"\n", "what its name says")]
    [InlineData("[messaging]\nx = 1\n", "unknown key `x`")]
    [InlineData("[keyvalue]\nurl = \"mongo://a\"\n", "found \"mongo://a\"")]
    [InlineData("[upstream]\nurl = \"nats:\"\n", "at least one character")]
    [InlineData("[upstream]\nurl = \"nats:a.*\"\n", "wildcard")]
    [InlineData("[upstream]\nurl = \"nats://host/a\"\n", "the connection is that of [nats]")]
    public void NodeConfig_WithAFault_IsAnErrorThere(string text, string expected)
    {
        ConfigException e = Assert.Throws<ConfigException>(() => Node(text));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.True(e.Line > 0);
    }
}
