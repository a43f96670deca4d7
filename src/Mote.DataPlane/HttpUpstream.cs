// An upstream that takes CloudEvents over HTTP: one in binary mode, several in one request as a JSON batch.
using System.IO.Compression;
using System.Net.Http.Headers;

namespace Mote.DataPlane;

/// <summary>A collector of CloudEvents at a URL.</summary>
/// <param name="url">Where.</param>
/// <param name="http">The client; it stays the caller's.</param>
/// <param name="time">The clock that a date in Retry-After is compared with.</param>
/// <param name="log">Told when the collector takes no batches.</param>
/// <param name="batch">Most events in one request.</param>
public sealed class HttpUpstream(Uri url, HttpClient http, TimeProvider time, Action<string> log, int batch = 100) : IUpstream
{
    /// <summary>Bodies of at least this many bytes are sent with gzip where they are batches.</summary>
    public const int CompressFrom = 1024;

    /// <summary>Scheme and value of the Authorization header, asked before each request; null for none. It throws an <see cref="IOException"/> where they are not to be had.</summary>
    public Func<(string Scheme, string Value)>? Authorization { get; init; }

    private int _batch = batch;
    private bool _batchTaken;

    /// <inheritdoc/>
    public string Address { get; } = WithoutPassword(url);

    /// <inheritdoc/>
    public int Batch => _batch;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async Task<UpstreamAnswer> SendAsync(IReadOnlyList<CloudEvent> events, CancellationToken token)
    {
        if (events.Count == 1) return Single(await Post(events[0], token).ConfigureAwait(false), 0, []);
        Answer whole = await PostBatch(events, token).ConfigureAwait(false);
        switch (whole.Verdict)
        {
            case Verdict.Taken:
                _batchTaken = true;
                return new UpstreamAnswer(events.Count);
            case Verdict.Again:
                return whole.ToUpstream(0);
        }

        // It takes no batches, or not this one: then it says of each event what is wrong with it.
        var refused = new List<RefusedEvent>();
        for (int i = 0; i < events.Count; i++)
        {
            Answer answer;
            try
            {
                answer = await Post(events[i], token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (i > 0)
            {
                return new UpstreamAnswer(i, "the node stops") { Refused = refused }; // those before it are known
            }

            UpstreamAnswer one = Single(answer, i, refused);
            if (one.Error is not null) return one;
        }

        // A bad event in it explains a batch that was refused; where there is none, it was for being a batch.
        if (!_batchTaken && refused.Count == 0)
        {
            _batch = 1;
            log($"upstream {Address} takes no batches of events ({whole.Text}): each is sent by itself");
        }

        return new UpstreamAnswer(events.Count) { Refused = refused };
    }

    /// <summary>What one event's answer makes of those up to it.</summary>
    private static UpstreamAnswer Single(Answer answer, int index, List<RefusedEvent> refused)
    {
        if (answer.Verdict == Verdict.Again) return answer.ToUpstream(index) with { Refused = refused };
        if (answer.Verdict == Verdict.Refused) refused.Add(new RefusedEvent(index, answer.Text));
        return new UpstreamAnswer(index + 1) { Refused = refused };
    }

    private async Task<Answer> Post(CloudEvent e, CancellationToken token)
    {
        using HttpRequestMessage request = e.ToRequest(url);
        return await Send(request, token).ConfigureAwait(false);
    }

    private async Task<Answer> PostBatch(IReadOnlyList<CloudEvent> events, CancellationToken token)
    {
        byte[] body = CloudEvent.ToJsonBatch(events);
        bool compress = body.Length >= CompressFrom;
        using var content = new ByteArrayContent(compress ? Gzip(body) : body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/cloudevents-batch+json") { CharSet = "utf-8" };
        if (compress) content.Headers.ContentEncoding.Add("gzip");
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        return await Send(request, token).ConfigureAwait(false);
    }

    private async Task<Answer> Send(HttpRequestMessage request, CancellationToken token)
    {
        try
        {
            if (Authorization?.Invoke() is { } who) request.Headers.Authorization = new AuthenticationHeaderValue(who.Scheme, who.Value);
        }
        catch (IOException error)
        {
            return new Answer(Verdict.Again, $"its credentials cannot be used: {error.Message}", UpstreamFault.Misconfigured);
        }

        try
        {
            using HttpResponseMessage response = await http.SendAsync(request, token).ConfigureAwait(false);
            int status = (int)response.StatusCode;
            TimeSpan? wait = response.Headers.RetryAfter is not { } after ? null : after.Delta ?? (after.Date - time.GetUtcNow());
            return Judge(status, Authorization is not null) with { Wait = wait > TimeSpan.Zero ? wait : null };
        }
        catch (Exception error) when (error is HttpRequestException or IOException || (error is TaskCanceledException && !token.IsCancellationRequested))
        {
            return new Answer(Verdict.Again, error is TaskCanceledException ? "no answer in time" : error.Message);
        }
    }

    /// <summary>
    /// What a status says. An event is only given up for what is wrong with itself, so those statuses are named, and
    /// everything else waits: a wrong password or URL, a login page in between, a limit of requests, a server in trouble
    /// would otherwise cost every event that comes meanwhile.
    /// </summary>
    private static Answer Judge(int status, bool isKnown) => status switch
    {
        >= 200 and <= 299 => new Answer(Verdict.Taken, ""),
        400 or 422 => new Answer(Verdict.Refused, $"status {status}"), // it cannot make sense of this event
        409 => new Answer(Verdict.Refused, "status 409"), // it has this id already, or something that rules it out: as true the next time
        413 or 431 => new Answer(Verdict.Refused, $"status {status}: too large"), // the data; the attributes, which are headers
        415 => new Answer(Verdict.Refused, "status 415: it does not take this content type"), // the content type is the event's own
        401 => Ask(status, isKnown ? "it does not take the credentials" : "it asks for credentials: `token`, or `user` and `password`"),
        403 => Ask(status, "it forbids this"),
        404 or 410 => Ask(status, "there is nothing at this URL"),
        405 => Ask(status, "it takes no POST"),
        407 => Ask(status, "a proxy asks for credentials"),
        411 => Ask(status, "it wants a length, which every request has: a proxy in between?"),
        421 => Ask(status, "it does not answer for this host name"),
        451 => Ask(status, "it is blocked for legal reasons"),
        >= 300 and <= 399 => Ask(status, "it sends elsewhere, which is not followed: name the right URL, or look for a login page in between"),
        408 or 425 or 429 or >= 500 => new Answer(Verdict.Again, $"status {status}"), // later
        _ => Ask(status, "that is about the request and not about the event"),
    };

    private static Answer Ask(int status, string text) => new(Verdict.Again, $"status {status}: {text}", UpstreamFault.Misconfigured);

    private enum Verdict
    {
        Taken,
        Refused,
        Again,
    }

    private readonly record struct Answer(Verdict Verdict, string Text, UpstreamFault Fault = UpstreamFault.Unreachable, TimeSpan? Wait = null)
    {
        public UpstreamAnswer ToUpstream(int settled) => new(settled, Text, Fault, Wait);
    }

    private static string WithoutPassword(Uri url) => url.UserInfo.Length == 0 ? url.ToString() : new UriBuilder(url) { UserName = "", Password = "" }.Uri.ToString();

    private static byte[] Gzip(byte[] body)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(body);
        return packed.ToArray();
    }
}
