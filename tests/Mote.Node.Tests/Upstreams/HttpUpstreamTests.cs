// Events to a collector that is away, busy, or says no.
using System.Net;
using System.Text;
using Mote.Backends.Sqlite;
using Mote.DataPlane;
using Mote.Tests.Servers;

namespace Mote.Node.Tests.Upstreams;

public sealed class HttpUpstreamTests : IDisposable
{
    private readonly UpstreamSite _site = new();

    public void Dispose() => _site.Dispose();

    private static UpstreamPump Pump(Script script, SqliteOutbox outbox, Action<string> log, TimeProvider? time = null, int batch = 100) =>
        new(new HttpUpstream(s_url, new HttpClient(script), TimeProvider.System, log, batch), outbox, time ?? TimeProvider.System, log);

    private static readonly Uri s_url = new("http://collector.invalid/events");

    /// <summary>A collector that answers as the test says.</summary>
    private sealed class Script(Func<int, HttpRequestMessage, HttpResponseMessage> answer) : HttpMessageHandler
    {
        private int _count;

        public List<string> Ids { get; } = [];

        public int Count => Volatile.Read(ref _count);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            lock (Ids) Ids.AddRange(IdsOf(request));
            return Task.FromResult(answer(Interlocked.Increment(ref _count), request));
        }
    }

    /// <summary>The ids of the events in a request: one in binary mode, or a batch.</summary>
    private static string[] IdsOf(HttpRequestMessage request)
    {
        if (request.Content!.Headers.ContentType!.MediaType != "application/cloudevents-batch+json") return [.. request.Headers.GetValues("ce-id")];
        return [.. Batch(request).Select(e => e.Id)];
    }

    private static IReadOnlyList<CloudEvent> Batch(HttpRequestMessage request)
    {
        byte[] body = request.Content!.ReadAsByteArrayAsync().GetAwaiter().GetResult();
        if (request.Content.Headers.ContentEncoding.Contains("gzip"))
        {
            using var unpacked = new MemoryStream();
            using (var gzip = new System.IO.Compression.GZipStream(new MemoryStream(body), System.IO.Compression.CompressionMode.Decompress)) gzip.CopyTo(unpacked);
            body = unpacked.ToArray();
        }

        return CloudEvent.FromJsonBatch(body)!;
    }

    private static HttpResponseMessage Status(int status) => new((HttpStatusCode)status);

    [Fact]
    public async Task Event_ArrivesWithEveryAttribute()
    {
        HttpRequestMessage? seen = null;
        string body = "";
        var script = new Script((_, r) =>
        {
            seen = r;
            body = r.Content!.ReadAsStringAsync().GetAwaiter().GetResult();
            return Status(202);
        });
        await using UpstreamPump upstream = Pump(
            script,
            _site.Outbox(new CloudEvent("id 1", "/nodes/näme", "dev.mote.message", DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123), "a\"%\u0001ж", "application/json", "{\"a\":1}"u8.ToArray())),
            _ => { });
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        string Header(string name) => seen!.Headers.GetValues(name).Single();
        Assert.Equal((HttpMethod.Post, s_url), (seen!.Method, seen.RequestUri));
        Assert.Equal("1.0", Header("ce-specversion"));
        Assert.Equal("id%201", Header("ce-id"));
        Assert.Equal("/nodes/n%C3%A4me", Header("ce-source"));
        Assert.Equal("dev.mote.message", Header("ce-type"));
        Assert.Equal("2023-11-14T22:13:20.123Z", Header("ce-time"));
        Assert.Equal("a%22%25%01%D0%B6", Header("ce-subject"));
        Assert.Equal("application/json", seen.Content!.Headers.ContentType!.ToString());
        Assert.Equal("{\"a\":1}", body);
        Assert.Equal((1L, 0L, null), (upstream.Counts.Sent, upstream.Counts.Retries, upstream.Counts.LastError));
    }

    [Theory]
    [InlineData("not a type\r\nx-evil: 1")]
    [InlineData("")]
    [InlineData(null)]
    public async Task ContentType_ThatIsNone_IsPlainBytes(string? type)
    {
        string? sent = null;
        int headers = 0;
        var script = new Script((_, r) =>
        {
            sent = r.Content!.Headers.ContentType!.ToString();
            headers = r.Headers.Count();
            return Status(204);
        });
        await using UpstreamPump upstream = Pump(script, _site.Outbox(UpstreamSite.Event(1) with { ContentType = type }), _ => { });
        await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(("application/octet-stream", 6), (sent, headers));
    }

    [Fact]
    public async Task Collector_ThatIsDown_GetsEverythingInOrderWhenItIsBack()
    {
        var log = new List<string>();
        var time = new NoWaiting();
        var script = new Script((n, _) => n switch
        {
            <= 3 => throw new HttpRequestException("connection refused"),
            4 => throw new TaskCanceledException("the client's timeout"),
            5 => Status(500),
            6 => Status(429),
            7 => Status(408),
            8 => Status(503),
            9 => Status(302),
            _ => Status(204),
        });
        await using UpstreamPump upstream = Pump(script, _site.Outbox([.. Enumerable.Range(0, 20).Select(i => UpstreamSite.Event(i))]), log.Add, time, batch: 1);
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        Assert.Equal((20L, 9L, 0L, 0L, 0L, null), (upstream.Counts.Sent, upstream.Counts.Retries, upstream.Counts.Refused, upstream.Counts.Dropped, upstream.Counts.Waiting, upstream.Counts.LastError));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"boot-{i}"), script.Ids.Skip(9));
        Assert.All(script.Ids.Take(10), id => Assert.Equal("boot-0", id)); // the first is not given up for the next
        Assert.Equal(3, log.Count); // when it began, when it was a redirect, which time alone does not change, and when it was over
        Assert.Contains("connection refused", log[0], StringComparison.Ordinal);
        Assert.Contains("status 302", log[1], StringComparison.Ordinal);
        Assert.Contains("takes events again", log[2], StringComparison.Ordinal);
        TimeSpan[] waits = time.Waits;
        Assert.Equal(9, waits.Length);
        Assert.InRange(waits[0], TimeSpan.FromMilliseconds(150), TimeSpan.FromMilliseconds(250)); // grows from a fifth of a second
        Assert.InRange(waits[8], TimeSpan.FromSeconds(22), TimeSpan.FromSeconds(38)); // to half a minute, give or take
    }

    [Theory]
    [InlineData(400)]
    [InlineData(409)]
    [InlineData(413)]
    [InlineData(415)]
    [InlineData(422)]
    [InlineData(431)]
    public async Task Event_ThatTheCollectorRefuses_IsCountedAndDoesNotBlockTheOthers(int status)
    {
        var log = new List<string>();
        var script = new Script((n, _) => Status(n is 1 or 3 ? status : 204));
        await using UpstreamPump upstream = Pump(script, _site.Outbox([.. Enumerable.Range(0, 4).Select(i => UpstreamSite.Event(i))]), log.Add, new NoWaiting(), batch: 1);
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        Assert.Equal((2L, 2L, 0L), (upstream.Counts.Sent, upstream.Counts.Refused, upstream.Counts.Retries));
        Assert.Contains($"status {status}", Assert.Single(log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_ThatIsNotAboutAnEvent_CostsNone()
    {
        int[] statuses = [301, 302, 303, 304, 307, 308, .. Enumerable.Range(400, 100).Except([400, 409, 413, 415, 422, 431]), 500, 501, 502, 503, 504, 505, 507, 511, 599];
        var log = new List<string>();
        var script = new Script((n, _) => Status(n <= statuses.Length ? statuses[n - 1] : 204));
        await using UpstreamPump upstream = Pump(script, _site.Outbox(UpstreamSite.Events(3)), log.Add, new NoWaiting(), batch: 1);
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        Assert.Equal((3L, 0L, statuses.Length), (upstream.Counts.Sent, upstream.Counts.Refused, (int)upstream.Counts.Retries));
        Assert.Equal(2, log.Count); // once that somebody must look, once that it is over
    }

    [Theory]
    [InlineData(401, "credentials")]
    [InlineData(404, "nothing at this URL")]
    [InlineData(302, "login page")]
    [InlineData(407, "proxy")]
    public async Task Configuration_ThatIsWrong_IsSaidInWords_AlsoWhereTheCollectorWasAwayBefore(int status, string words)
    {
        var log = new List<string>();
        var script = new Script((n, _) => Status(n == 1 ? 503 : n < 5 ? status : 204));
        await using UpstreamPump upstream = Pump(script, _site.Outbox(UpstreamSite.Events(50)), log.Add, new NoWaiting());
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        Assert.Equal((50L, 0L), (upstream.Counts.Sent, upstream.Counts.Refused));
        Assert.Equal(3, log.Count);
        Assert.Contains("status 503", log[0], StringComparison.Ordinal);
        Assert.Contains($"status {status}", log[1], StringComparison.Ordinal);
        Assert.Contains(words, log[1], StringComparison.Ordinal);
        Assert.Contains("[upstream] in node.toml", log[1], StringComparison.Ordinal);
        Assert.Contains("takes events again", log[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Collector_ThatAsksForTime_GetsIt_UpToHalfAMinute()
    {
        var time = new NoWaiting();
        var script = new Script((n, _) =>
        {
            if (n > 2) return Status(204);
            HttpResponseMessage busy = Status(n == 1 ? 429 : 503);
            busy.Headers.RetryAfter = new(TimeSpan.FromSeconds(n == 1 ? 7 : 100_000));
            return busy;
        });
        await using UpstreamPump upstream = Pump(script, _site.Outbox(UpstreamSite.Event(1)), _ => { }, time);
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        Assert.Equal([TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(30)], time.Waits);
    }

    [Fact]
    public async Task BadEvent_InTheFirstBatch_DoesNotEndBatches()
    {
        var log = new List<string>();
        var script = new Script((_, r) => Status(IdsOf(r).Contains("boot-7") ? 422 : 204));
        await using UpstreamPump upstream = Pump(script, _site.Outbox(UpstreamSite.Events(250)), log.Add);
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        Assert.Equal((249L, 1L), (upstream.Counts.Sent, upstream.Counts.Refused));
        Assert.Equal(1 + 100 + 2, script.Count); // the batch with it, its events, two more batches
        Assert.Contains("status 422", Assert.Single(log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Password_InTheUrl_IsNotInTheLog()
    {
        var log = new List<string>();
        await using var pump = new UpstreamPump(
            new HttpUpstream(new Uri("http://me:secret@collector.invalid/"), new HttpClient(new Script((n, _) => Status(n == 1 ? 401 : 204))), TimeProvider.System, log.Add), _site.Outbox(UpstreamSite.Event(1)), new NoWaiting(), log.Add);
        Assert.True(await pump.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        Assert.Equal(2, log.Count);
        Assert.DoesNotContain(log, l => l.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Credentials_AreSentWithEachRequest_ReadAnew_AndInNoLog()
    {
        // A whole node: its token in a file, wrong at first, gone for a while, and then right.
        using var site = new TestSite();
        using var listener = new System.Net.HttpListener();
        int port = Loopback.FreePort();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        var seen = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        Task serving = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    HttpListenerContext c = await listener.GetContextAsync();
                    seen.Enqueue(c.Request.Headers["Authorization"]);
                    c.Response.StatusCode = c.Request.Headers["Authorization"] == "Bearer right-token" ? 202 : 401;
                    c.Response.Close();
                }
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                // The test is over.
            }
        }, CancellationToken.None);
        string token = Path.Combine(site.Folder, "token"), config = Path.Combine(site.Folder, "node.toml");
        File.WriteAllText(token, "wrong-token\n");
        File.WriteAllText(config, $"[upstream]\nurl = \"http://127.0.0.1:{port}/\"\ntopics = [\"out\"]\ntoken = {{ file = \"token\" }}\n");
        site.Config = Mote.Packaging.NodeConfig.Load(config, site.Config);
        await using (EdgeNode node = await site.Start())
        {
            await using Client client = await Client.Connect(node.Broker!.Address);
            Assert.True((await client.Publish("in/a", "hello")).IsSuccess);
            await Wait.Until(() => node.Status().DataPlane!.Upstream!.Fault?.Contains("does not take the credentials", StringComparison.Ordinal) == true, () => $"{node.Status().DataPlane!.Upstream}");
            File.Delete(token);
            await Wait.Until(() => node.Status().DataPlane!.Upstream!.Fault?.Contains("there is no file", StringComparison.Ordinal) == true, () => $"{node.Status().DataPlane!.Upstream}");
            File.WriteAllText(token, "right-token\n");
            await Wait.Until(() => node.Upstream!.Counts.Sent == 1, () => $"{node.Upstream!.Counts}");
            Assert.Null(node.Status().DataPlane!.Upstream!.Fault);
        }

        listener.Stop();
        await serving;
        Assert.Equal(["Bearer wrong-token", "Bearer right-token"], seen.Distinct());
        Assert.NotEmpty(site.Log);
        Assert.DoesNotContain(site.Log, l => l.Contains("wrong-token", StringComparison.Ordinal) || l.Contains("right-token", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ManyEvents_GoAsOneBatch_Packed_AndOneAfterTheOtherWhereTheCollectorTakesNoBatches()
    {
        int batches = 0;
        var script = new Script((_, r) =>
        {
            if (r.Content!.Headers.ContentType!.MediaType!.Contains("batch", StringComparison.Ordinal)) batches++;
            return Status(204);
        });
        CloudEvent[] events = [.. Enumerable.Range(0, 250).Select(i => UpstreamSite.Event(i, 100) with { ContentType = i % 2 == 0 ? "application/octet-stream" : "text/plain" })];
        await using (UpstreamPump upstream = Pump(script, _site.Outbox(events), _ => { }))
        {
            Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        }

        Assert.Equal((3, 250), (batches, script.Ids.Count));
        Assert.Equal(events.Select(e => e.Id), script.Ids);

        _site.Close();
        var single = new Script((_, r) => Status(r.Content!.Headers.ContentType!.MediaType!.Contains("batch", StringComparison.Ordinal) ? 415 : 204));
        var log = new List<string>();
        await using (UpstreamPump upstream = Pump(single, _site.Outbox(events), log.Add))
        {
            Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
            Assert.Equal((250L, 0L), (upstream.Counts.Sent, upstream.Counts.Refused));
        }

        Assert.Equal(events.Select(e => e.Id), single.Ids.Skip(100));
        Assert.Contains("takes no batches", Assert.Single(log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task HigherPriority_GoesFirst_AndAGapIsTold()
    {
        var gaps = new List<string>();
        var script = new Script((_, r) =>
        {
            if (r.Headers.TryGetValues("ce-type", out IEnumerable<string>? type) && type.Single() == CloudEvent.GapType) gaps.Add(r.Content!.ReadAsStringAsync().GetAwaiter().GetResult());
            return Status(204);
        });
        var urgent = new OutboxClass("urgent", 10);
        var bulk = new OutboxClass("bulk", -1, MaxBytes: 64 << 10);
        SqliteOutbox outbox = _site.Outbox(1 << 30, [.. Enumerable.Range(0, 100).Select(i => (bulk, UpstreamSite.Event(i, 1000))), (urgent, UpstreamSite.Event(1000))]);
        await using UpstreamPump upstream = Pump(script, outbox, _ => { }, batch: 1);
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        string[] ids = [.. script.Ids.Where(i => !i.StartsWith("gap-", StringComparison.Ordinal))];
        Assert.Equal("boot-1000", ids[0]);
        long dropped = outbox.Counts.Dropped;
        Assert.InRange(dropped, 36, 60);
        Assert.Equal(Enumerable.Range((int)dropped, 100 - (int)dropped).Select(i => $"boot-{i}"), ids.Skip(1)); // the oldest went
        Assert.Contains($"\"class\":\"bulk\",\"messages\":{dropped}", Assert.Single(gaps), StringComparison.Ordinal);
        Assert.Empty(outbox.Gaps());
    }

    [Fact]
    public async Task Dispose_WhileTheCollectorIsDown_Ends()
    {
        UpstreamPump upstream = Pump(new Script((_, _) => throw new HttpRequestException("down")), _site.Outbox(UpstreamSite.Event(1)), _ => { });
        Assert.False(await upstream.FlushAsync(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken));
        await upstream.DisposeAsync().AsTask().WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(1, upstream.Counts.Waiting);
    }
}
