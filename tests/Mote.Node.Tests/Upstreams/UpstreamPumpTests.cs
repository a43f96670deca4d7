// What moves events from an outbox to an upstream, with upstreams that answer as a test says.
using Mote.Backends.Sqlite;
using Mote.DataPlane;

namespace Mote.Node.Tests.Upstreams;

public sealed class UpstreamPumpTests : IDisposable
{
    private readonly UpstreamSite _site = new();

    public void Dispose() => _site.Dispose();

    private sealed class Script(Func<int, IReadOnlyList<CloudEvent>, UpstreamAnswer> answer) : IUpstream
    {
        private int _calls;

        public List<string[]> Calls { get; } = [];

        public bool Disposed { get; private set; }

        public string Address => "script";

        public int Batch { get; init; } = 10;

        public Task<UpstreamAnswer> SendAsync(IReadOnlyList<CloudEvent> events, CancellationToken token)
        {
            Calls.Add([.. events.Select(e => e.Id)]);
            return Task.FromResult(answer(++_calls, events));
        }

        public ValueTask DisposeAsync()
        {
            Disposed = true;
            return ValueTask.CompletedTask;
        }
    }

    private static async Task<UpstreamPump> Sent(Script script, SqliteOutbox outbox, List<string> log, TimeProvider? time = null)
    {
        var pump = new UpstreamPump(script, outbox, time ?? new NoWaiting(), log.Add);
        Assert.True(await pump.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        return pump;
    }

    [Fact]
    public async Task Batch_OfWhichAPartIsTaken_GoesOnBehindIt_AndWaitsNoLongerThanTheFirstTime()
    {
        var log = new List<string>();
        var time = new NoWaiting();
        var script = new Script((_, events) => new UpstreamAnswer(Math.Min(3, events.Count), events.Count > 3 ? "full" : null));
        await using UpstreamPump pump = await Sent(script, _site.Outbox(UpstreamSite.Events(30)), log, time);
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"boot-{i}"), script.Calls.SelectMany(c => c.Take(3)));
        Assert.Equal((30L, 0L, 9L), (pump.Counts.Sent, pump.Counts.Refused, pump.Counts.Retries));
        Assert.All(time.Waits, w => Assert.InRange(w, TimeSpan.FromMilliseconds(150), TimeSpan.FromMilliseconds(250)));
    }

    [Fact]
    public async Task RefusedEvents_AmongTakenOnes_AreCountedAndSaidOnce()
    {
        var log = new List<string>();
        var script = new Script((_, events) => new UpstreamAnswer(events.Count) { Refused = [.. Enumerable.Range(0, events.Count).Where(i => i % 2 == 0).Select(i => new RefusedEvent(i, "even"))] });
        await using UpstreamPump pump = await Sent(script, _site.Outbox(UpstreamSite.Events(20)), log);
        Assert.Equal((10L, 10L, 0L), (pump.Counts.Sent, pump.Counts.Refused, pump.Counts.Retries));
        Assert.Contains("even", Assert.Single(log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Upstream_ThatSettlesNothingAndSaysNothing_LosesNothing()
    {
        var log = new List<string>();
        var script = new Script((n, events) => n < 4 ? default : new UpstreamAnswer(events.Count + 5, "contradicts itself"));
        await using UpstreamPump pump = await Sent(script, _site.Outbox(UpstreamSite.Events(10)), log);
        Assert.Equal((10L, 3L), (pump.Counts.Sent, pump.Counts.Retries));
        Assert.Contains("no answer for all events", log[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gap_ThatIsNotTaken_IsToldLater_BeforeWhatWaits()
    {
        var bulk = new OutboxClass("bulk", -1, MaxBytes: 64 << 10);
        SqliteOutbox outbox = _site.Outbox(1 << 30, [.. Enumerable.Range(0, 100).Select(i => (bulk, UpstreamSite.Event(i, 1000)))]);
        var script = new Script((n, events) => n < 3 ? new UpstreamAnswer(0, "away") : new UpstreamAnswer(events.Count));
        await using UpstreamPump pump = await Sent(script, outbox, []);
        Assert.All(script.Calls.Take(3), c => Assert.StartsWith("gap-bulk-", Assert.Single(c), StringComparison.Ordinal));
        Assert.DoesNotContain(script.Calls.Skip(3), c => c[0].StartsWith("gap-", StringComparison.Ordinal));
        Assert.Equal(100 - outbox.Counts.Dropped, pump.Counts.Sent); // a gap is no event of a component's
        Assert.Empty(outbox.Gaps());
    }

    [Fact]
    public async Task Dispose_EndsTheUpstreamToo_AlsoWhileItSends()
    {
        var never = new Never();
        var pump = new UpstreamPump(never, _site.Outbox(UpstreamSite.Event(1)), TimeProvider.System, _ => { });
        await never.Called.Task.WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
        await pump.DisposeAsync().AsTask().WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
        Assert.True(never.Disposed);
        Assert.Equal(1, pump.Counts.Waiting);
    }

    private sealed class Never : IUpstream
    {
        public TaskCompletionSource Called { get; } = new();

        public bool Disposed { get; private set; }

        public string Address => "never";

        public int Batch => 1;

        public async Task<UpstreamAnswer> SendAsync(IReadOnlyList<CloudEvent> events, CancellationToken token)
        {
            Called.SetResult();
            await Task.Delay(Timeout.Infinite, token);
            return default;
        }

        public ValueTask DisposeAsync()
        {
            Disposed = true;
            return ValueTask.CompletedTask;
        }
    }
}
