// A password in the URL of a server: in no line of the log, no answer of the control socket, no metric, whether the
// server takes it, refuses it or is not there.
using System.Net.Sockets;
using System.Text;
using Mote.Packaging;
using Mote.Tests.Servers;

namespace Mote.Node.Tests;

public sealed class AddressSecretTests
{
    /// <summary>As it stands in a URL, and as it is.</summary>
    private const string Escaped = "hunter%202%C3%A4";
    private const string Plain = "hunter 2ä";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string Gone => $"127.0.0.1:{Loopback.FreePort()}";

    [Fact]
    public async Task Servers_ThatAreNotThere_AreNamedWithoutWhatOpensThem()
    {
        // One node with an address of every kind; each is tried, and each fails.
        await Check(
            $"""
            [broker]
            url = "mqtt://node:{Escaped}@{Gone}"
            [upstream]
            url = "http://node:{Escaped}@{Gone}/events"
            topics = ["out"]
            [nats]
            url = "nats://{Escaped}@{Gone}"
            [keyvalue]
            url = "redis://:{Escaped}@{Gone}"
            [telemetry]
            otlp = "http://node:{Escaped}@{Gone}"
            """,
            ["broker 127.0.0.1", "nats at 127.0.0.1"]);
    }

    [Theory]
    [InlineData("mqtt://node:{0}@{1}")]
    [InlineData("mqtt://{0}@{1}")]
    [InlineData("https://node:{0}@{1}/events")]
    [InlineData("https://{0}@{1}/events")]
    public async Task Upstream_ThatIsNotThere_IsNamedWithoutThePassword(string url) => await Check(
        $"""
        [broker]
        listen = "127.0.0.1:0"
        [upstream]
        url = "{string.Format(System.Globalization.CultureInfo.InvariantCulture, url, Escaped, Gone)}"
        topics = ["out"]
        """,
        ["does not take events"],
        async node =>
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            await client.Publish("in/a", "hello");
        });

    [Fact]
    public async Task NatsServer_ThatRefusesThePassword_IsNamedWithoutIt()
    {
        using NatsServer server = NatsServer.StartNew("authorization { user: node, password: other }");
        await Check($"[nats]\nurl = \"nats://node:{Escaped}@127.0.0.1:{server.Port}\"\n[broker]\nlisten = \"127.0.0.1:0\"\n", ["Authorization Violation"]);
    }

    /// <summary>Runs a node until its log has said these things, and looks at everything that it has said and answers.</summary>
    private static async Task Check(string nodeToml, string[] said, Func<EdgeNode, Task>? then = null)
    {
        using var site = new TestSite();
        string file = Path.Combine(site.Folder, "node.toml");
        string metrics = nodeToml.Contains("[telemetry]", StringComparison.Ordinal) ? "metrics = \"127.0.0.1:0\"\n" : "[telemetry]\nmetrics = \"127.0.0.1:0\"\n";
        File.WriteAllText(file, $"{nodeToml}\n{metrics}");
        site.Config = NodeConfig.Load(file, site.Config);
        await using EdgeNode node = await site.Start();
        if (then is not null) await then(node);
        foreach (string part in said) await Wait.Until(() => site.Log.Any(l => l.Contains(part, StringComparison.OrdinalIgnoreCase)), () => $"no line with `{part}`: {string.Join(" | ", site.Log)}");
        using var http = new HttpClient();
        string all = $"{string.Join('\n', site.Log)}\n{await Ask(site)}\n{await http.GetStringAsync(node.MetricsUrl, Token)}\n{node.NatsAddress} {node.Broker!.Address} {node.Upstream?.Address}";
        Assert.Contains("\"data_plane\"", all);
        Assert.Contains("mote_broker_up", all);
        foreach (string secret in (string[])[Escaped, Plain, "hunter", "\\u00e4"]) Assert.DoesNotContain(secret, all, StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<string> Ask(TestSite site)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(DataFolder.ControlOf(site.Config.DataFolder)), Token);
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET /v1/apps HTTP/1.0\r\n\r\n"), Token);
        using var reader = new StreamReader(new NetworkStream(socket));
        return await reader.ReadToEndAsync(Token);
    }
}
