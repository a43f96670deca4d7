// Sends what waits in an outbox to a collector, until each event is taken: those of the highest priority first, the
// oldest first among them.
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;

namespace Mote.DataPlane;

/// <summary>Counts of an upstream.</summary>
/// <param name="Sent">Events that were taken.</param>
/// <param name="BytesSent">Their data and attributes, before compression.</param>
/// <param name="Retries">Attempts that failed and were made again.</param>
/// <param name="Refused">Events that the collector will not take.</param>
/// <param name="Dropped">Events for which there was no room, or that became too old.</param>
/// <param name="Waiting">Events that wait.</param>
/// <param name="LastError">Why the last attempt failed; null after a success.</param>
public readonly record struct UpstreamCounts(long Sent, long BytesSent, long Retries, long Refused, long Dropped, long Waiting, string? LastError);

/// <summary>An upstream that takes CloudEvents over HTTP: one in binary mode, several in one request as a JSON batch.</summary>
public sealed class HttpUpstream : IAsyncDisposable
{
    /// <summary>Most bytes of records in a batch, but for one event that is larger.</summary>
    public const long MaxBatchBytes = 1 << 20;

    /// <summary>Bodies of at least this many bytes are sent with gzip where they are batches.</summary>
    public const int CompressFrom = 1024;

    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(30));
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(30);

    private readonly Uri _url;
    private readonly HttpClient _http;
    private readonly IOutbox _outbox;
    private readonly TimeProvider _time;
    private readonly Action<string> _log;
    private readonly string _source;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _filled = new(0, 1);
    private readonly Task _worker;
    private int _batch;
    private bool _batchTaken;
    private long _sent;
    private long _bytes;
    private long _retries;
    private long _refused;
    private volatile string? _lastError;

    /// <summary>Posts what is in an outbox.</summary>
    /// <param name="url">Where.</param>
    /// <param name="http">The client.</param>
    /// <param name="outbox">The outbox; it stays the caller's.</param>
    /// <param name="time">The clock of waits between attempts.</param>
    /// <param name="log">Told when it begins to fail, and when it goes on.</param>
    /// <param name="batch">Most events in one request.</param>
    /// <param name="source">The CloudEvents source of what the outbox itself has to say.</param>
    public HttpUpstream(Uri url, HttpClient http, IOutbox outbox, TimeProvider time, Action<string> log, int batch = 100, string source = "/outbox")
    {
        ArgumentNullException.ThrowIfNull(outbox);
        _url = url;
        _http = http;
        _outbox = outbox;
        _time = time;
        _log = log;
        _batch = batch;
        _source = source;
        outbox.Filled = Wake;
        _worker = Task.Run(Run);
    }

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
                string? error;
                try
                {
                    // Looked at anew before each attempt: what is more urgent has come, or what waited has become too old.
                    error = await SendNext().ConfigureAwait(false);
                }
                catch (IOException e)
                {
                    error = e.Message;
                }

                if (error is null)
                {
                    failures = 0;
                    if (_outbox.Counts.Waiting == 0) await _filled.WaitAsync(s_look, _stop.Token).ConfigureAwait(false);
                    continue;
                }

                // Said once when it begins to fail, not at every attempt.
                if (_lastError is null) _log($"upstream {_url} does not take events ({error}); they wait on disk and are sent again");
                _lastError = error;
                Interlocked.Increment(ref _retries);
                await Task.Delay(s_backoff.Before(++failures), _time, _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <returns>Why nothing more can be sent now; null where it went well, or there is nothing.</returns>
    private async Task<string?> SendNext()
    {
        foreach (OutboxGap gap in _outbox.Gaps())
        {
            if (await Post(GapEvent(gap)).ConfigureAwait(false) is { Error: { } error }) return error;
            _outbox.Told(gap);
        }

        IReadOnlyList<OutboxEntry> entries = _outbox.Peek(_batch, MaxBatchBytes);
        if (entries.Count == 0)
        {
            // What waits is being taken out; there is no end of it but a short one.
            if (_outbox.Counts.Waiting > 0) await Task.Delay(1, _stop.Token).ConfigureAwait(false);
            return null;
        }

        if (entries.Count > 1)
        {
            Answer answer = await PostBatch(entries).ConfigureAwait(false);
            if (answer.Error is not null) return answer.Error;
            if (!answer.IsRefused)
            {
                _batchTaken = true;
                _outbox.Remove([.. entries.Select(e => e.Id)]);
                Took(entries.Select(e => e.Event));
                return null;
            }

            // It takes no batches, or not this one: then it says of each event what is wrong with it.
            if (!_batchTaken)
            {
                _batch = 1;
                _log($"upstream {_url} takes no batches of events ({answer.Status}): each is sent by itself");
            }
        }

        foreach (OutboxEntry entry in entries)
        {
            Answer answer = await Post(entry.Event).ConfigureAwait(false);
            if (answer.Error is not null) return answer.Error;
            _outbox.Remove([entry.Id]);
            if (!answer.IsRefused)
            {
                Took([entry.Event]);
            }
            else if (Interlocked.Increment(ref _refused) == 1)
            {
                // The collector understood and will never take it: sending it again would block all others.
                _log($"upstream {_url} refuses events with status {answer.Status}; they are dropped and counted");
            }
        }

        return null;
    }

    private void Took(IEnumerable<CloudEvent> events)
    {
        foreach (CloudEvent e in events)
        {
            Interlocked.Increment(ref _sent);
            Interlocked.Add(ref _bytes, e.Data.Length + e.Headers().Sum(h => h.Name.Length + h.Value.Length + 4));
        }

        if (_lastError is not null) _log($"upstream {_url} takes events again");
        _lastError = null;
    }

    /// <summary>What a collector said.</summary>
    /// <param name="Error">Why the same may work later; null where it answered.</param>
    /// <param name="Status">Its status.</param>
    private readonly record struct Answer(string? Error, int Status)
    {
        public bool IsRefused => Error is null && Status is < 200 or > 299;
    }

    private async Task<Answer> Post(CloudEvent e)
    {
        using HttpRequestMessage request = e.ToRequest(_url);
        return await Send(request).ConfigureAwait(false);
    }

    private async Task<Answer> PostBatch(IReadOnlyList<OutboxEntry> entries)
    {
        byte[] body = CloudEvent.ToJsonBatch(entries.Select(e => e.Event));
        bool compress = body.Length >= CompressFrom;
        using var content = new ByteArrayContent(compress ? Gzip(body) : body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/cloudevents-batch+json") { CharSet = "utf-8" };
        if (compress) content.Headers.ContentEncoding.Add("gzip");
        using var request = new HttpRequestMessage(HttpMethod.Post, _url) { Content = content };
        return await Send(request).ConfigureAwait(false);
    }

    private async Task<Answer> Send(HttpRequestMessage request)
    {
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, _stop.Token).ConfigureAwait(false);
            int status = (int)response.StatusCode;
            return response.IsSuccessStatusCode || status is >= 400 and < 500 and not (408 or 429) ? new Answer(null, status) : new Answer($"status {status}", status);
        }
        catch (Exception error) when (error is HttpRequestException or IOException || (error is TaskCanceledException && !_stop.IsCancellationRequested))
        {
            return new Answer(error is TaskCanceledException ? "no answer in time" : error.Message, 0);
        }
    }

    private CloudEvent GapEvent(OutboxGap gap) => new(
        $"gap-{gap.Class}-{gap.From.ToUnixTimeMilliseconds()}-{gap.Version}", _source, CloudEvent.GapType, gap.To, gap.Class, "application/json", CloudEvent.GapData(gap));

    private static byte[] Gzip(byte[] body)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(body);
        return packed.ToArray();
    }
}
