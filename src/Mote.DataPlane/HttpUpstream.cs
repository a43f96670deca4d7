// Posts events to a collector, one after the other, until each is taken. They wait in memory: what is here when the
// process ends is lost. The queue is bounded; what does not fit is counted and said.
using System.Net;
using System.Threading.Channels;

namespace Mote.DataPlane;

/// <summary>Counts of an upstream.</summary>
/// <param name="Sent">Events that were taken.</param>
/// <param name="BytesSent">Their data and attributes.</param>
/// <param name="Retries">Attempts that failed and were made again.</param>
/// <param name="Refused">Events that the collector will not take.</param>
/// <param name="Dropped">Events for which there was no room.</param>
/// <param name="Waiting">Events that wait.</param>
/// <param name="LastError">Why the last attempt failed; null after a success.</param>
public readonly record struct UpstreamCounts(long Sent, long BytesSent, long Retries, long Refused, long Dropped, int Waiting, string? LastError);

/// <summary>An upstream that takes CloudEvents over HTTP.</summary>
public sealed class HttpUpstream : IAsyncDisposable
{
    /// <summary>Most events that wait.</summary>
    public const int Capacity = 10_000;

    /// <summary>Most bytes of data that wait.</summary>
    public const long CapacityBytes = 64 << 20;

    private static readonly TimeSpan s_firstDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromSeconds(30);

    private readonly Uri _url;
    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private readonly Action<string> _log;
    private readonly Channel<CloudEvent> _queue = Channel.CreateBounded<CloudEvent>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _worker;
    private long _sent;
    private long _bytes;
    private long _retries;
    private long _refused;
    private long _dropped;
    private long _held;
    private int _waiting;
    private volatile string? _lastError;

    /// <summary>Posts to <paramref name="url"/>.</summary>
    public HttpUpstream(Uri url, HttpClient http, TimeProvider time, Action<string> log)
    {
        _url = url;
        _http = http;
        _time = time;
        _log = log;
        _worker = Task.Run(Run);
    }

    /// <summary>Counts so far.</summary>
    public UpstreamCounts Counts => new(
        Volatile.Read(ref _sent), Volatile.Read(ref _bytes), Volatile.Read(ref _retries), Volatile.Read(ref _refused), Volatile.Read(ref _dropped),
        Volatile.Read(ref _waiting), _lastError);

    /// <summary>Queues an event; false where there is no room, and then it is lost and counted.</summary>
    public bool Enqueue(CloudEvent e)
    {
        Interlocked.Increment(ref _waiting);
        if (Interlocked.Add(ref _held, e.Data.Length) <= CapacityBytes && _queue.Writer.TryWrite(e)) return true;
        Release(e);
        if (Interlocked.Increment(ref _dropped) == 1) _log($"upstream {_url}: {Counts.Waiting} events wait and there is no room for more; events are dropped and counted");
        return false;
    }

    /// <summary>Waits until everything queued is sent, at most this long; true where it is.</summary>
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
        _queue.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await _worker.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Asked to.
        }

        _stop.Dispose();
    }

    private async Task Run()
    {
        await foreach (CloudEvent e in _queue.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
        {
            await Deliver(e).ConfigureAwait(false);
            Release(e);
        }
    }

    private void Release(CloudEvent e)
    {
        Interlocked.Add(ref _held, -e.Data.Length);
        Interlocked.Decrement(ref _waiting);
    }

    private async Task Deliver(CloudEvent e)
    {
        TimeSpan delay = s_firstDelay;
        while (true)
        {
            (bool done, string? error) = await Attempt(e).ConfigureAwait(false);
            if (done) return;
            // Said once when it begins to fail, not at every attempt.
            if (_lastError is null) _log($"upstream {_url} does not take events ({error}); they wait in memory and are sent again");
            _lastError = error;
            Interlocked.Increment(ref _retries);
            double jitter = 0.75 + (Random.Shared.NextDouble() / 2);
            await Task.Delay(delay * jitter, _time, _stop.Token).ConfigureAwait(false);
            delay = delay * 2 < s_longestDelay ? delay * 2 : s_longestDelay;
        }
    }

    private async Task<(bool Done, string? Error)> Attempt(CloudEvent e)
    {
        try
        {
            using HttpRequestMessage request = e.ToRequest(_url);
            using HttpResponseMessage response = await _http.SendAsync(request, _stop.Token).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                Interlocked.Increment(ref _sent);
                Interlocked.Add(ref _bytes, e.Data.Length + e.Headers().Sum(h => h.Name.Length + h.Value.Length + 4));
                if (_lastError is not null) _log($"upstream {_url} takes events again");
                _lastError = null;
                return (true, null);
            }

            // The collector understood and will never take it: sending it again would block all others.
            if ((int)response.StatusCode is >= 400 and < 500 and not (408 or 429))
            {
                if (Interlocked.Increment(ref _refused) == 1) _log($"upstream {_url} refuses events with status {(int)response.StatusCode}; they are dropped and counted");
                return (true, null);
            }

            return (false, $"status {(int)response.StatusCode}");
        }
        catch (Exception error) when (error is HttpRequestException or IOException || (error is TaskCanceledException && !_stop.IsCancellationRequested))
        {
            return (false, error is TaskCanceledException ? "no answer in time" : error.Message);
        }
    }
}
