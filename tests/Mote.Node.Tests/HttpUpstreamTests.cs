// Events to a collector that is away, busy, or says no.
using System.Net;
using System.Text;
using Mote.Backends.Sqlite;
using Mote.DataPlane;

namespace Mote.Node.Tests;

public sealed class HttpUpstreamTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-upstream-tests-").FullName;
    private readonly List<SqliteOutbox> _outboxes = [];

    public void Dispose()
    {
        foreach (SqliteOutbox outbox in _outboxes) outbox.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>An outbox with these events in it, on disk.</summary>
    private SqliteOutbox Outbox(params CloudEvent[] events) => Outbox(1L << 30, [.. events.Select(e => (s_class, e))]);

    private SqliteOutbox Outbox(long maxBytes, params (OutboxClass, CloudEvent)[] events)
    {
        var outbox = new SqliteOutbox(Path.Combine(_folder, "outbox.db"), maxBytes, _ => { }, TimeProvider.System);
        _outboxes.Add(outbox);
        if (events.Length == 0) return outbox;
        using var done = new ManualResetEventSlim();
        outbox.Put(events, fault =>
        {
            Assert.Null(fault);
            done.Set();
        });
        Assert.True(done.Wait(Client.Patience));
        return outbox;
    }

    private static readonly OutboxClass s_class = new("default");

    private static readonly Uri s_url = new("http://collector.invalid/events");

    private static CloudEvent Event(int n, int bytes = 5) => new(
        $"boot-{n}", "/nodes/n/apps/a/components/c", CloudEvent.MessageType, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123), "alerts", "text/plain", new byte[bytes]);

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

    /// <summary>A clock on which every wait is over at once; it keeps how long each would have been.</summary>
    private sealed class NoWaiting : TimeProvider
    {
        public List<TimeSpan> Waits { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime > TimeSpan.Zero)
            {
                lock (Waits) Waits.Add(dueTime);
            }

            return base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? TimeSpan.FromMilliseconds(1) : dueTime, period);
        }
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
        await using var upstream = new HttpUpstream(
            s_url, new HttpClient(script),
            Outbox(new CloudEvent("id 1", "/nodes/näme", "dev.mote.message", DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123), "a\"%\u0001ж", "application/json", "{\"a\":1}"u8.ToArray())),
            TimeProvider.System, _ => { });
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
        await using var upstream = new HttpUpstream(s_url, new HttpClient(script), Outbox(Event(1) with { ContentType = type }), TimeProvider.System, _ => { });
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
        await using var upstream = new HttpUpstream(s_url, new HttpClient(script), Outbox([.. Enumerable.Range(0, 20).Select(i => Event(i))]), time, log.Add, batch: 1);
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        Assert.Equal((20L, 9L, 0L, 0L, 0L, null), (upstream.Counts.Sent, upstream.Counts.Retries, upstream.Counts.Refused, upstream.Counts.Dropped, upstream.Counts.Waiting, upstream.Counts.LastError));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"boot-{i}"), script.Ids.Skip(9));
        Assert.All(script.Ids.Take(10), id => Assert.Equal("boot-0", id)); // the first is not given up for the next
        Assert.Equal(2, log.Count); // when it began and when it was over
        Assert.Contains("connection refused", log[0], StringComparison.Ordinal);
        Assert.Contains("takes events again", log[1], StringComparison.Ordinal);
        TimeSpan[] waits = [.. time.Waits.Where(w => w >= TimeSpan.FromMilliseconds(100))];
        Assert.Equal(9, waits.Length);
        Assert.InRange(waits[0], TimeSpan.FromMilliseconds(150), TimeSpan.FromMilliseconds(250)); // grows from a fifth of a second
        Assert.InRange(waits[8], TimeSpan.FromSeconds(22), TimeSpan.FromSeconds(38)); // to half a minute, give or take
    }

    [Theory]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(413)]
    public async Task Event_ThatTheCollectorRefuses_IsCountedAndDoesNotBlockTheOthers(int status)
    {
        var log = new List<string>();
        var script = new Script((n, _) => Status(n is 1 or 3 ? status : 204));
        await using var upstream = new HttpUpstream(s_url, new HttpClient(script), Outbox([.. Enumerable.Range(0, 4).Select(i => Event(i))]), new NoWaiting(), log.Add, batch: 1);
        Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        Assert.Equal((2L, 2L, 0L), (upstream.Counts.Sent, upstream.Counts.Refused, upstream.Counts.Retries));
        Assert.Contains($"status {status}", Assert.Single(log), StringComparison.Ordinal);
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
        CloudEvent[] events = [.. Enumerable.Range(0, 250).Select(i => Event(i, 100) with { ContentType = i % 2 == 0 ? "application/octet-stream" : "text/plain" })];
        await using (var upstream = new HttpUpstream(s_url, new HttpClient(script), Outbox(events), TimeProvider.System, _ => { }))
        {
            Assert.True(await upstream.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        }

        Assert.Equal((3, 250), (batches, script.Ids.Count));
        Assert.Equal(events.Select(e => e.Id), script.Ids);

        foreach (SqliteOutbox outbox in _outboxes) outbox.Dispose();
        var single = new Script((_, r) => Status(r.Content!.Headers.ContentType!.MediaType!.Contains("batch", StringComparison.Ordinal) ? 415 : 204));
        var log = new List<string>();
        await using (var upstream = new HttpUpstream(s_url, new HttpClient(single), Outbox(events), TimeProvider.System, log.Add))
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
        SqliteOutbox outbox = Outbox(1 << 30, [.. Enumerable.Range(0, 100).Select(i => (bulk, Event(i, 1000))), (urgent, Event(1000))]);
        await using var upstream = new HttpUpstream(s_url, new HttpClient(script), outbox, TimeProvider.System, _ => { }, batch: 1);
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
        var upstream = new HttpUpstream(s_url, new HttpClient(new Script((_, _) => throw new HttpRequestException("down"))), Outbox(Event(1)), TimeProvider.System, _ => { });
        Assert.False(await upstream.FlushAsync(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken));
        await upstream.DisposeAsync().AsTask().WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(1, upstream.Counts.Waiting);
    }
}
