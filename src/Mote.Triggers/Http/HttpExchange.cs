// One request and its answer, between the server and a guest.
using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Mote.Capabilities.Wasi.Http;
using Mote.Runtime;
using ErrorCode = Mote.Capabilities.Wasi.Http.IHttpTypes.ErrorCode;

namespace Mote.Triggers.Http;

/// <summary>A request and its answer.</summary>
public sealed class HttpExchange
{
    private readonly IFeatureCollection _features;
    private readonly IHttpRequestFeature _request;
    private readonly IHttpResponseFeature _response;
    private readonly IHttpResponseBodyFeature _body;
    private RequestBody? _requestBody;
    private ResponseBody? _responseBody;
    private Task? _completing;
    private CancellationTokenRegistration _abort;
    private MicroVm? _vm;
    private string? _id;
    private bool _isRefused;

    internal HttpExchange(IFeatureCollection features)
    {
        _features = features;
        _request = features.Get<IHttpRequestFeature>()!;
        _response = features.Get<IHttpResponseFeature>()!;
        _body = features.Get<IHttpResponseBodyFeature>()!;
        Target = TargetOf(_request);
        Request = new ReceivedRequest(this);
        Response = new Outparam(this);
    }

    /// <summary>Path and query as the guest gets them: as they came, but for dot segments.</summary>
    public string Target { get; }

    /// <summary>The path of <see cref="Target"/>.</summary>
    public ReadOnlySpan<char> Path => Target.AsSpan(0, Target.IndexOf('?') is >= 0 and var at ? at : Target.Length);

    /// <summary>The method.</summary>
    public string Method => _request.Method;

    /// <summary>The route that answers, as in the manifest: a name for spans.</summary>
    internal string? Route { get; set; }

    /// <summary>When it began (<see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>).</summary>
    internal long Began { get; init; }

    /// <summary>http or https.</summary>
    internal string Scheme => _request.Scheme;

    /// <summary>The version of HTTP: 1.1 or 2.</summary>
    internal string Protocol => _request.Protocol switch { "HTTP/2" => "2", "HTTP/1.0" => "1.0", _ => "1.1" };

    /// <summary>The answer's status so far.</summary>
    internal int Status => _response.StatusCode;

    /// <summary>A header of the request; null where there is none, or more than one.</summary>
    internal string? Header(string name) => _request.Headers.TryGetValue(name, out StringValues values) && values.Count == 1 ? values[0] : null;

    /// <summary>The request's number: the client's, where it gave a good one.</summary>
    public string Id => _id ??= GivenId() ?? _features.Get<IHttpRequestIdentifierFeature>()?.TraceIdentifier ?? "";

    /// <summary>What it is called in logs.</summary>
    public string Name => $"{Method} {(Target.Length > 200 ? string.Concat(Target.AsSpan(0, 200), "...") : Target)} ({Id})";

    /// <summary>Signalled when the client goes.</summary>
    public CancellationToken Aborted => _features.Get<IHttpRequestLifetimeFeature>()?.RequestAborted ?? default;

    /// <summary>The server's side of it, for what answers without a guest.</summary>
    public IFeatureCollection Features => _features;

    /// <summary>The request as a guest gets it.</summary>
    internal IncomingRequest Request { get; }

    /// <summary>Where a guest's answer goes.</summary>
    internal ResponseOutparam Response { get; }

    /// <summary>A guest begins with it: it is cancelled when the client goes while it waits or computes long.</summary>
    internal void Enter(MicroVm vm)
    {
        _vm = vm;
        vm.OnLong = () => _abort = Aborted.UnsafeRegister(static x => ((HttpExchange)x!).Gone(), this);
    }

    /// <summary>Who has all of the answer may go: what the guest does after it is not cancelled by that.</summary>
    private void Gone()
    {
        if (Response.Body is not { IsWhole: true }) _vm?.Cancel(new ClientGoneException());
    }

    /// <summary>The guest has ended, and touches nothing of this any more.</summary>
    /// <param name="failed">It trapped: what becomes of an answer that it began is for <see cref="Fail"/>.</param>
    /// <returns>True where there is an answer.</returns>
    internal bool Leave(bool failed = false)
    {
        if (_vm is { } vm) vm.OnLong = null;
        _vm = null;
        _abort.Dispose();
        _requestBody?.Stop();
        if (!Response.IsSet || failed) return false;
        // A body that the guest did not finish is not whole, and the client must notice.
        if (Response.Body is { IsFinished: false } body) body.Dispose();
        return true;
    }

    /// <summary>Answers in the host's own words.</summary>
    public void Refuse(int status, string words, int? retryAfterSeconds = null)
    {
        _isRefused = true;
        _response.StatusCode = status;
        if (retryAfterSeconds is { } seconds) _response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        SetId();
        byte[] bytes = Encoding.UTF8.GetBytes(words);
        _response.Headers.ContentLength = bytes.Length;
        _response.Headers.ContentType = "text/plain; charset=utf-8";
        if (Method != "HEAD") _body.Writer.Write(bytes);
    }

    /// <summary>The guest failed: in the host's words where nothing has gone out yet, else by cutting the answer off.</summary>
    internal void Fail(int status, string words)
    {
        // The first fault is the one that is told; what comes of it (a body that is dropped unfinished) is no other.
        if (_isRefused) return;
        if (_response.HasStarted || _responseBody is { HasBegun: true })
        {
            Abort();
            return;
        }

        _response.Headers.Clear();
        Refuse(status, words);
    }

    /// <summary>Cuts the connection: the client must notice.</summary>
    internal void Abort() => _features.Get<IHttpRequestLifetimeFeature>()?.Abort();

    /// <summary>Done when the server has taken all of the answer.</summary>
    internal Task Settled()
    {
        if (_responseBody is { } body && !body.Settle(TimeSpan.Zero)) return SettleSlowly(body);
        return _completing ?? Task.CompletedTask;
    }

    private async Task SettleSlowly(ResponseBody body)
    {
        try
        {
            await body.Flushing.ConfigureAwait(false);
            if (_completing is not null) await _completing.ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client is gone.
        }
    }

    private void SetId() => _response.Headers["X-Request-Id"] = Id;

    private string? GivenId()
    {
        StringValues given = _request.Headers["X-Request-Id"];
        return given.Count == 1 && given[0] is { Length: > 0 and <= 128 } id && !id.AsSpan().ContainsAnyExceptInRange('!', '~') ? id : null;
    }

    /// <summary>
    /// The target without scheme and authority. What the guest sees is what its route was found by: dot segments are
    /// resolved by the server first, also where they are encoded.
    /// </summary>
    private static string TargetOf(IHttpRequestFeature request)
    {
        string raw = request.RawTarget;
        bool plain = raw.Length > 0 && raw[0] == '/' && !raw.Contains("/.", StringComparison.Ordinal) && !raw.Contains("%2e", StringComparison.OrdinalIgnoreCase);
        if (plain) return raw;
        if (raw == "*") return raw;
        string path = new PathString(request.Path).ToUriComponent();
        return (path.Length == 0 ? "/" : path) + request.QueryString;
    }

    private static HttpBodyException Explain(Exception e, bool reading) => e switch
    {
        HttpBodyException x => x,
        BadHttpRequestException { StatusCode: 413 } => new HttpBodyException(new ErrorCode.HTTPRequestBodySize(null), "the request's body is larger than this node takes"),
        BadHttpRequestException { StatusCode: 408 } => new HttpBodyException(ErrorCode.ConnectionReadTimeout.Instance, e.Message),
        BadHttpRequestException => new HttpBodyException(ErrorCode.HTTPProtocolError.Instance, e.Message),
        ConnectionResetException or ConnectionAbortedException or OperationCanceledException or IOException => new HttpBodyException(ErrorCode.ConnectionTerminated.Instance, "the client is gone"),
        _ => new HttpBodyException(new ErrorCode.InternalError(reading ? "the request's body" : "the answer's body"), e.Message),
    };

    private sealed class ReceivedRequest(HttpExchange exchange) : IncomingRequest
    {
        protected override BodySource? Body() => exchange._requestBody ??= exchange._features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false }
            ? null
            : new RequestBody(exchange, exchange._features.Get<IRequestBodyPipeFeature>()!.Reader);

        protected override Fields ReadHeaders()
        {
            var fields = new Fields();
            foreach ((string name, StringValues values) in exchange._request.Headers)
            {
                string lower = name.ToLowerInvariant();
                foreach (string? value in values) fields.AddReceived(lower, Encoding.Latin1.GetBytes(value ?? ""));
            }

            return fields;
        }

        public override IHttpTypes.Method Method() => Words.MethodOf(exchange._request.Method);

        public override string? PathWithQuery() => exchange.Target;

        public override IHttpTypes.Scheme? Scheme() => Words.SchemeOf(exchange._request.Scheme);

        public override string? Authority() => exchange._request.Headers.Host is { Count: 1 } host && host[0] is { Length: > 0 } text ? text : null;
    }

    private sealed class RequestBody(HttpExchange exchange, PipeReader reader) : BodySource(reader)
    {
        public override Fields? Trailers
        {
            get
            {
                if (!IsEnded) return null;
                var fields = new Fields();
                if (exchange._features.Get<IHttpRequestTrailersFeature>() is not { Available: true } feature) return fields;
                foreach ((string name, StringValues values) in feature.Trailers)
                {
                    foreach (string? value in values) fields.AddReceived(name.ToLowerInvariant(), Encoding.Latin1.GetBytes(value ?? ""));
                }

                return fields;
            }
        }

        protected override HttpBodyException Explain(Exception e) => HttpExchange.Explain(e, reading: true);
    }

    private sealed class Outparam(HttpExchange exchange) : ResponseOutparam
    {
        protected override BodySink Respond(ushort status, Fields headers)
        {
            exchange._response.StatusCode = status;
            IHeaderDictionary target = exchange._response.Headers;
            foreach ((string name, ReadOnlyMemory<byte> value) in headers.All)
            {
                // The length is known by the body, which has checked what the guest said.
                if (name.Equals("content-length", StringComparison.OrdinalIgnoreCase)) continue;
                string text = Encoding.Latin1.GetString(value.Span);
                target[name] = target.TryGetValue(name, out StringValues already) ? StringValues.Concat(already, text) : text;
            }

            exchange.SetId();
            bool hasNone = status is 204 or 304 || exchange.Method == "HEAD";
            return exchange._responseBody = new ResponseBody(exchange, hasNone, ContentLength.Of(headers));
        }

        protected override void Fail(ErrorCode error)
        {
            (int status, string words) = HttpStatus.Of(error);
            exchange.Refuse(status, words);
        }
    }

    private sealed class ResponseBody(HttpExchange exchange, bool hasNone, long? said) : BodySink(exchange._body.Writer)
    {
        public bool HasBegun { get; private set; }

        public override bool Discards => hasNone;

        protected override HttpBodyException Explain(Exception e) => HttpExchange.Explain(e, reading: false);

        protected override void Begin(long? length)
        {
            HasBegun = true;
            // To HEAD, the length is what GET would give, where the guest says it.
            if (!hasNone) exchange._response.Headers.ContentLength = length;
            else if (exchange.Method == "HEAD" && (said ?? (length > 0 ? length : null)) is { } get) exchange._response.Headers.ContentLength = get;
        }

        protected override void End(Fields? trailers)
        {
            if (trailers is { Count: > 0 } && exchange._features.Get<IHttpResponseTrailersFeature>() is { } feature)
            {
                foreach ((string name, ReadOnlyMemory<byte> value) in trailers.All) feature.Trailers[name] = StringValues.Concat(feature.Trailers[name], Encoding.Latin1.GetString(value.Span));
            }

            // Now, and not when the guest has ended: it may have more to do after its answer.
            exchange._completing = exchange._body.CompleteAsync();
        }

        public override void Abort()
        {
            if (HasBegun || exchange._response.HasStarted) exchange.Abort();
            else exchange.Fail(500, "the app did not finish its answer\n");
        }
    }
}
