// The other end of an upstream: stores each event once, and refuses what is none.
using System.Net;
using System.Text;
using System.Text.Json;
using Mote.DataPlane;

namespace Mote.Node.Tests;

public sealed class CollectorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-node-tests-").FullName;
    private readonly HttpClient _http = new();

    private string File => Path.Combine(_folder, "events.jsonl");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Task<Collector> Start(Action<CloudEvent>? watch = null) => Collector.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), File, watch);

    private async Task<HttpStatusCode> Send(Collector collector, CloudEvent e)
    {
        using HttpRequestMessage request = e.ToRequest(collector.Url);
        using HttpResponseMessage response = await _http.SendAsync(request, Token);
        return response.StatusCode;
    }

    private static CloudEvent Event(string id, string data, string? type = "text/plain") => new(id, "/nodes/ключ", "dev.mote.message", DateTimeOffset.UnixEpoch, "alerts", type, Encoding.UTF8.GetBytes(data));

    private async Task<JsonElement[]> Lines() => [.. (await System.IO.File.ReadAllLinesAsync(File, Token)).Select(l => JsonDocument.Parse(l).RootElement)];

    [Fact]
    public async Task Event_IsStoredOnce_HoweverOftenItComes()
    {
        var watched = new List<string>();
        await using (Collector collector = await Start(e => watched.Add(e.Id)))
        {
            for (int i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.NoContent, await Send(collector, Event("a b", "one")));
            Assert.Equal(HttpStatusCode.NoContent, await Send(collector, Event("c", "two")));
            Assert.Equal(HttpStatusCode.NoContent, await Send(collector, Event("c", "three") with { Source = "/nodes/other" }));
            Assert.Equal(new CollectorCounts(3, 11, 2, 0), collector.Counts);
        }

        JsonElement[] lines = await Lines();
        Assert.Equal(["a b", "c", "c"], watched);
        Assert.Equal(["one", "two", "three"], lines.Select(l => l.GetProperty("data").GetString()));
        JsonElement first = lines[0];
        Assert.Equal(("1.0", "a b", "/nodes/ключ", "dev.mote.message", "alerts", "text/plain"), (
            first.GetProperty("specversion").GetString(), first.GetProperty("id").GetString(), first.GetProperty("source").GetString(),
            first.GetProperty("type").GetString(), first.GetProperty("subject").GetString(), first.GetProperty("datacontenttype").GetString()));
    }

    [Fact]
    public async Task Events_SentAgainAtTheSameTime_AreStoredOnce()
    {
        await using Collector collector = await Start();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Send(collector, Event($"{i % 20}", "x"))));
        Assert.Equal((20L, 180L), (collector.Counts.Stored, collector.Counts.Repeated));
    }

    [Theory]
    [InlineData("application/json", "{\"a\":[1,2]}", "{\"a\":[1,2]}")]
    [InlineData("application/vnd.x+json; charset=utf-8", "7", "7")]
    [InlineData("text/plain; charset=utf-8", "line\n\"two\"", "\"line\\n\\u0022two\\u0022\"")]
    public async Task Data_ThatCanBeRead_StaysReadable(string type, string data, string stored)
    {
        await using (Collector collector = await Start()) Assert.Equal(HttpStatusCode.NoContent, await Send(collector, Event("1", data, type)));
        Assert.Equal(stored, (await Lines()).Single().GetProperty("data").GetRawText());
    }

    [Theory]
    [InlineData("application/json", "{ no json")]
    [InlineData("application/json", "")]
    [InlineData("application/json", "\"\\ud800\"")]
    [InlineData("application/json", "{\"\\udc00\":1}")]
    [InlineData("application/json", "{\"a\":\"half \\ud83d of a pair\"}")]
    [InlineData("application/octet-stream", "x")]
    [InlineData(null, "x")]
    public async Task Data_ThatCannot_IsKeptAsItsBytes(string? type, string data)
    {
        await using (Collector collector = await Start())
        {
            Assert.Equal(HttpStatusCode.NoContent, await Send(collector, Event("1", data, type)));
            Assert.Equal(HttpStatusCode.NoContent, await Send(collector, Event("2", "next")));
        }

        JsonElement line = (await Lines())[0];
        Assert.Equal(data, Encoding.UTF8.GetString(line.GetProperty("data_base64").GetBytesFromBase64()));
        Assert.False(line.TryGetProperty("data", out _));
    }

    [Fact]
    public async Task Request_ThatIsNoEvent_IsRefused()
    {
        await using Collector collector = await Start();
        using (HttpResponseMessage r = await _http.PostAsync(collector.Url, new StringContent("x"), Token)) Assert.Equal(HttpStatusCode.BadRequest, r.StatusCode);
        using (HttpResponseMessage r = await _http.GetAsync(collector.Url, Token))
        {
            Assert.Equal(HttpStatusCode.MethodNotAllowed, r.StatusCode);
            Assert.Equal("POST", r.Content.Headers.Allow.Single());
        }

        Assert.Equal(HttpStatusCode.BadRequest, await Send(collector, Event("", "x")));
        Assert.Equal((0L, 2L), (collector.Counts.Stored, collector.Counts.Refused));
    }

    [Fact]
    public async Task Event_TooLarge_IsRefused()
    {
        await using Collector collector = await Start();
        try
        {
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await Send(collector, Event("1", "") with { Data = new byte[Collector.MaxEventBytes + 1] }));
        }
        catch (HttpRequestException)
        {
            // The connection was closed while the body was being sent.
        }

        Assert.Equal(HttpStatusCode.NoContent, await Send(collector, Event("2", "") with { Data = new byte[Collector.MaxEventBytes] }));
        Assert.Equal(1, collector.Counts.Stored);
    }

    [Fact]
    public async Task Restart_AddsToTheFile()
    {
        await using (Collector collector = await Start()) await Send(collector, Event("1", "one"));
        await using (Collector collector = await Start()) await Send(collector, Event("2", "two"));
        Assert.Equal(["one", "two"], (await Lines()).Select(l => l.GetProperty("data").GetString()));
    }

    [Fact]
    public async Task Node_SendsWhatTheOperatorNamed_AndTheCollectorMayComeLater()
    {
        using var site = new TestSite();
        IPEndPoint free;
        using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            free = (IPEndPoint)probe.LocalEndpoint;
        }

        site.Config = site.Config with { UpstreamUrl = new Uri($"http://{free}/"), UpstreamTopics = ["out"] };
        await using EdgeNode node = await site.Start();
        await using Client client = await Client.Connect(node.Broker!.Address);
        for (int i = 0; i < 10; i++) await client.Publish("in/x", $"message {i}");
        await client.Publish("in/x", "c"); // goes to `counts`, which was not named
        await Wait.Until(() => node.Upstream!.Counts.Retries > 0, () => "nothing was tried");
        await Wait.Until(() => node.Report().EventsWaiting == 10, () => $"{node.Report()}");
        var events = new List<CloudEvent>();
        await using Collector collector = await Collector.StartAsync(free, null, e =>
        {
            lock (events) events.Add(e);
        });
        Assert.True(await node.Upstream!.FlushAsync(Client.Patience, Token));
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"message {i}"), events.Select(e => Encoding.UTF8.GetString(e.Data.Span)));
        Assert.All(events, e => Assert.Equal(("/nodes/test-node/apps/test/components/handler", "dev.mote.message", "out"), (e.Source, e.Type, e.Subject)));
        Assert.Equal(10, events.Select(e => e.Id).Distinct().Count());
        Assert.Equal((10L, 0L, 0L), (node.Report().EventsOut, node.Report().EventsWaiting, node.Report().EventsLost));
    }

    [Fact]
    public async Task Node_BehindALoginPage_KeepsItsEvents()
    {
        // A hotel's network answers everything with a redirect to a page that is there.
        using var portal = new HttpListener();
        int port;
        using (var probe = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        portal.Prefixes.Add($"http://127.0.0.1:{port}/");
        portal.Start();
        Task serve = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    HttpListenerContext c = await portal.GetContextAsync();
                    c.Response.StatusCode = c.Request.Url!.AbsolutePath == "/login" ? 200 : 302;
                    c.Response.RedirectLocation = $"http://127.0.0.1:{port}/login";
                    c.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // Stopped.
            }
        }, CancellationToken.None);
        using var site = new TestSite();
        site.Config = site.Config with { UpstreamUrl = new Uri($"http://127.0.0.1:{port}/events"), UpstreamTopics = ["out"] };
        await using EdgeNode node = await site.Start();
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Publish("in/x", "message");
        await Wait.Until(() => node.Upstream!.Counts is { Retries: > 0 } or { Sent: > 0 }, () => "nothing was tried");
        Assert.Equal((0L, 1), (node.Upstream!.Counts.Sent, node.Upstream.Counts.Waiting));
        portal.Stop();
        await serve;
    }
}
