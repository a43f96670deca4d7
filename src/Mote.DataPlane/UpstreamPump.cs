// Sends what waits in an outbox to an upstream, until each event is taken: those of the highest priority first, the
// oldest first among them.
namespace Mote.DataPlane;

/// <summary>Counts of an upstream.</summary>
/// <param name="Sent">Events that were taken.</param>
/// <param name="BytesSent">Their data and attributes, before compression.</param>
/// <param name="Retries">Attempts that failed and were made again.</param>
/// <param name="Refused">Events that the upstream will never take: they were dropped.</param>
/// <param name="Dropped">Events for which there was no room, or that became too old.</param>
/// <param name="Waiting">Events that wait.</param>
/// <param name="LastError">Why the last attempt failed; null after a success.</param>
public readonly record struct UpstreamCounts(long Sent, long BytesSent, long Retries, long Refused, long Dropped, long Waiting, string? LastError);

/// <summary>Moves events from an outbox to an upstream.</summary>
public sealed class UpstreamPump : IAsyncDisposable
{
    /// <summary>Most bytes of records in a batch, but for one event that is larger.</summary>
    public const long MaxBatchBytes = 1 << 20;

    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(30));
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(30);

    private readonly IUpstream _upstream;
    private readonly IOutbox _outbox;
    private readonly TimeProvider _time;
    private readonly Action<string> _log;
    private readonly string _source;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _filled = new(0, 1);
    private readonly Task _worker;
    private long _sent;
    private long _bytes;
    private long _retries;
    private long _refused;
    private bool _saidMisconfigured;
    private volatile string? _lastError;

    /// <summary>Begins to send what is in an outbox.</summary>
    /// <param name="upstream">Where to; it is this pump's from now on.</param>
    /// <param name="outbox">The outbox; it stays the caller's.</param>
    /// <param name="time">The clock of waits between attempts.</param>
    /// <param name="log">Told when it begins to fail, and when it goes on.</param>
    /// <param name="source">The CloudEvents source of what the outbox itself has to say.</param>
    public UpstreamPump(IUpstream upstream, IOutbox outbox, TimeProvider time, Action<string> log, string source = "/outbox")
    {
        ArgumentNullException.ThrowIfNull(outbox);
        _upstream = upstream;
        _outbox = outbox;
        _time = time;
        _log = log;
        _source = source;
        outbox.Filled = Wake;
        _worker = Task.Run(Run);
    }

    /// <summary>Where events go.</summary>
    public string Address => _upstream.Address;

    /// <summary>Counts so far.</summary>
    public UpstreamCounts Counts
    {
        get
        {
            OutboxCounts o = _outbox.Counts;
            return new UpstreamCounts(Volatile.Read(ref _sent), Volatile.Read(ref _bytes), Volatile.Read(ref _retries), Volatile.Read(ref _refused), o.Dropped, o.Waiting, _lastError);
        }
    }

    /// <summary>Waits until everything in the outbox is sent, at most this long; true where it is.</summary>
    public async Task<bool> FlushAsync(TimeSpan timeout, CancellationToken token = default)
    {
        long start = _time.GetTimestamp();
        while (Counts.Waiting > 0)
        {
            if (_time.GetElapsedTime(start) > timeout) return false;
            await Task.Delay(20, token).ConfigureAwait(false);
        }

        return true;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _outbox.Filled = null;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _worker.ConfigureAwait(false);
        await _upstream.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private void Wake()
    {
        try
        {
            _filled.Release();
        }
        catch (SemaphoreFullException)
        {
            // It knows.
        }
    }

    private async Task Run()
    {
        int failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                UpstreamAnswer answer;
                try
                {
                    // Looked at anew before each attempt: what is more urgent has come, or what waited has become too old.
                    answer = await SendNext().ConfigureAwait(false);
                }
                catch (Exception e) when (!_stop.IsCancellationRequested)
                {
                    // The outbox's disk; or a fault of an upstream's own, which must not be the end of all sending.
                    answer = new UpstreamAnswer(0, e.Message);
                }

                // Something went through: the next attempt after a failure comes as soon as after the first one.
                if (answer.Error is null || answer.Settled > 0) failures = 0;
                if (answer.Error is null)
                {
                    if (_outbox.Counts.Waiting == 0) await _filled.WaitAsync(s_look, _stop.Token).ConfigureAwait(false);
                    continue;
                }

                Failed(answer);
                TimeSpan wait = s_backoff.Before(++failures);
                // What an upstream asks for is followed as far as our own longest wait goes.
                if (answer.Wait is { } asked && asked > wait) wait = asked < s_backoff.Longest ? asked : s_backoff.Longest;
                await Task.Delay(wait, _time, _stop.Token).ConfigureAwait(false);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return; // what was under way is in the outbox
            }
        }
    }

    /// <summary>Said once when it begins to fail, and once when it turns out that time alone will not help; not at every attempt.</summary>
    private void Failed(UpstreamAnswer answer)
    {
        Interlocked.Increment(ref _retries);
        if (answer.Fault == UpstreamFault.Misconfigured && !_saidMisconfigured)
        {
            _saidMisconfigured = true;
            _log($"upstream {Address} takes nothing from this node ({answer.Error}): look at [upstream] in node.toml and at the upstream's own configuration; events wait on disk and are sent again");
        }
        else if (_lastError is null)
        {
            _log($"upstream {Address} does not take events ({answer.Error}); they wait on disk and are sent again");
        }

        _lastError = answer.Error;
    }

    private async Task<UpstreamAnswer> SendNext()
    {
        foreach (OutboxGap gap in _outbox.Gaps())
        {
            UpstreamAnswer answer = await Send([GapEvent(gap)], null).ConfigureAwait(false);
            if (answer.Settled == 0) return answer;
            _outbox.Told(gap);
        }

        IReadOnlyList<OutboxEntry> entries = _outbox.Peek(Math.Max(1, _upstream.Batch), MaxBatchBytes);
        if (entries.Count == 0)
        {
            // What waits is being taken out; there is no end of it but a short one.
            if (_outbox.Counts.Waiting > 0) await Task.Delay(1, _stop.Token).ConfigureAwait(false);
            return default;
        }

        return await Send([.. entries.Select(e => e.Event)], entries).ConfigureAwait(false);
    }

    /// <param name="events">The events.</param>
    /// <param name="entries">Their places in the outbox; null where they have none.</param>
    private async Task<UpstreamAnswer> Send(CloudEvent[] events, IReadOnlyList<OutboxEntry>? entries)
    {
        UpstreamAnswer answer = await _upstream.SendAsync(events, _stop.Token).ConfigureAwait(false);
        int settled = Math.Clamp(answer.Settled, 0, events.Length);
        IReadOnlyList<RefusedEvent> refused = answer.Refused ?? []; // of default(UpstreamAnswer) it is null
        int next = 0;
        bool taken = false;
        for (int i = 0; i < settled; i++)
        {
            if (next < refused.Count && refused[next].Index == i)
            {
                // The upstream understood and will never take it: sending it again would block all others.
                if (Interlocked.Increment(ref _refused) == 1) _log($"upstream {Address} refuses events ({refused[next].Reason}); they are dropped and counted");
                next++;
                continue;
            }

            taken = true;
            if (entries is null) continue;
            Interlocked.Increment(ref _sent);
            Interlocked.Add(ref _bytes, events[i].Data.Length + events[i].Headers().Sum(h => h.Name.Length + h.Value.Length + 4));
        }

        // After they are counted: who sees that none waits any more sees the counts of all.
        if (settled > 0 && entries is not null) _outbox.Remove([.. entries.Take(settled).Select(e => e.Id)]);
        if (taken)
        {
            if (_lastError is not null) _log($"upstream {Address} takes events again");
            _lastError = null;
            _saidMisconfigured = false;
        }

        // All settled with an error beside it, or not all without one: an upstream that contradicts itself must not stop the others or lose anything.
        if (settled == events.Length) return answer with { Settled = settled, Error = null };
        return answer with { Settled = settled, Error = answer.Error ?? "it gave no answer for all events" };
    }

    private CloudEvent GapEvent(OutboxGap gap) => new(
        $"gap-{gap.Class}-{gap.From.ToUnixTimeMilliseconds()}-{gap.Version}", _source, CloudEvent.GapType, gap.To, gap.Class, "application/json", CloudEvent.GapData(gap));
}
