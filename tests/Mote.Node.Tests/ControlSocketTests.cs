// The control socket as its clients meet it: right answers, wrong questions, slow clients, no node.
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Mote.Node.Tests.Http;

namespace Mote.Node.Tests;

public sealed class ControlSocketTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<NodeStatus> Ask(TestSite site) => (await ControlClient.AskAsync(site.Config.DataFolder, Client.Patience, Token))!;

    /// <summary>Sends bytes as they are, and gives all that comes back.</summary>
    private static async Task<string> Raw(TestSite site, string request)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(DataFolder.ControlOf(site.Config.DataFolder)), Token);
        await socket.SendAsync(Encoding.ASCII.GetBytes(request), Token);
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(Token);
    }

    [Fact]
    public async Task Ask_MessagesHandledAndNot_AreCountedAndNobodyElseMayAsk()
    {
        using var site = new TestSite();
        await using EdgeNode node = await site.Start();
        string socket = DataFolder.ControlOf(site.Config.DataFolder);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(socket));
        ComponentStatus before = Assert.Single((await Ask(site)).Components);
        Assert.Equal(("test", "handler", "mqtt", ComponentState.Loaded, 0L), (before.App, before.Component, before.Trigger, before.State, before.Received));

        await using Client client = await Client.Connect(node.Broker!.Address);
        for (int i = 0; i < 5; i++) await client.Publish("in/echo", "12345");
        await Wait.Until(() => node.Queues[0].Counts is { Received: 5, Waiting: 0 }, () => $"{node.Queues[0].Counts}");
        NodeStatus status = await Ask(site);
        ComponentStatus c = Assert.Single(status.Components);
        Assert.Equal((5L, 5L, ComponentState.Loaded), (c.Received, c.Answered + c.Failed, c.State));
        Assert.Equal(node.Queues[0].Component.Usage.Counts.Started, c.MicroVmsStarted);
        Assert.True(c is { CpuSeconds: > 0, PeakMemoryBytes: > 0, MicroVmsLive: 1, BytesIn: >= 5 * 5 }, $"{c}");
        Assert.Equal(("test-node", Environment.ProcessId, null), (status.Name, status.ProcessId, status.Http));
        Assert.True(status.ResidentBytes > 1 << 20);
    }

    [Theory]
    [InlineData("GET /v1/apps HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ")]
    [InlineData("GET /v1/apps HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ")]
    [InlineData("GET /v1/other HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ")]
    [InlineData("GET  HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ")]
    [InlineData("POST /v1/apps HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ")]
    [InlineData("nothing\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("\r\n\r\n", "HTTP/1.1 400 ")]
    public async Task Request_OfAnyForm_IsAnsweredByItsMerit(string request, string answer)
    {
        using var site = new TestSite();
        await using EdgeNode node = await site.Start();
        Assert.StartsWith(answer, await Raw(site, request));
    }

    [Fact]
    public async Task Request_TooLong_IsRefused()
    {
        using var site = new TestSite();
        await using EdgeNode node = await site.Start();
        Assert.StartsWith("HTTP/1.1 431 ", await Raw(site, "GET /v1/apps HTTP/1.1\r\n".PadRight(4096, 'x')));
    }

    [Fact]
    public async Task Client_ThatSaysNothing_IsSentAwayAndTheNextOneServed()
    {
        using var site = new TestSite();
        await using EdgeNode node = await site.Start();
        using var silent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await silent.ConnectAsync(new UnixDomainSocketEndPoint(DataFolder.ControlOf(site.Config.DataFolder)), Token);
        Assert.Equal("test-node", (await Ask(site)).Name); // waits behind it
        Assert.Equal(0, await silent.ReceiveAsync(new byte[1], Token));
    }

    [Fact]
    public async Task Ask_NoNode_IsNull_AndWhatADeadOneLeftIsReplaced()
    {
        using var site = new TestSite();
        Assert.Null(await ControlClient.AskAsync(site.Config.DataFolder, Client.Patience, Token));
        Directory.CreateDirectory(site.Config.DataFolder);
        string path = DataFolder.ControlOf(site.Config.DataFolder);
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(path)); // as a killed node leaves it: there, and nobody listens
            Assert.Null(await ControlClient.AskAsync(site.Config.DataFolder, Client.Patience, Token));
            await using EdgeNode node = await site.Start();
            Assert.Equal("test-node", (await Ask(site)).Name);
        }

        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Node_InAFolderWithAPathTooLongForASocket_RunsAndSaysSo()
    {
        using var site = new TestSite();
        site.Config = site.Config with { DataFolder = Path.Combine(site.Folder, new string('d', 120)) };
        await using EdgeNode node = await site.Start();
        Assert.Contains(site.Log, l => l.Contains("`mote apps` will not find this node", StringComparison.Ordinal));
        var e = await Assert.ThrowsAsync<Packaging.Toml.ConfigException>(() => ControlClient.AskAsync(site.Config.DataFolder, Client.Patience, Token));
        Assert.Contains("too long", e.Message);
    }

    [Fact]
    public async Task Ask_HttpApp_IsAtZeroThenRunningThenAtZero()
    {
        await using HttpSite site = await HttpSite.Start(HttpSite.App.Replace("source = \"web.wasm\"", "source = \"web.wasm\"\ninstance = \"pooled\"\n[component.web.pool]\nidle = \"200ms\"", StringComparison.Ordinal));
        string folder = Path.Combine(site.Folder, "data");
        Assert.Equal((ComponentState.Zero, 0), await State());
        using HttpClient client = site.Client();
        Task<string> slow = client.GetStringAsync(new Uri("/sleep?1000", UriKind.Relative), Token);
        long start = Stopwatch.GetTimestamp();
        while (await State() != (ComponentState.Running, 1)) Assert.True(Stopwatch.GetElapsedTime(start) < Client.Patience);
        await slow;
        while (await State() != (ComponentState.Zero, 0)) Assert.True(Stopwatch.GetElapsedTime(start) < Client.Patience);
        ComponentStatus c = (await ControlClient.AskAsync(folder, Client.Patience, Token))!.Components[0];
        Assert.Equal((1L, 1L, 1L), (c.Received, c.Answered, c.MicroVmsStarted));

        async Task<(ComponentState, int)> State()
        {
            ComponentStatus now = (await ControlClient.AskAsync(folder, Client.Patience, Token))!.Components[0];
            return (now.State, now.MicroVmsLive);
        }
    }
}
