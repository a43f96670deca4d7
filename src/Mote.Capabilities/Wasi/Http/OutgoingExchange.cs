// One request and its response: begun on the guest's thread, carried on by the system's callbacks, ended by whoever is
// first: the server, a time limit, the guest that drops it, or the end of the instance.
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using Mote.Components;
using Mote.Runtime;
using Mote.Runtime.Telemetry;
using ErrorCode = Mote.Capabilities.Wasi.Http.IHttpTypes.ErrorCode;

namespace Mote.Capabilities.Wasi.Http;

internal sealed class OutgoingExchange : IDisposable
{
    private static readonly PipeOptions s_pipe = new(pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024, useSynchronizationContext: false);

    private readonly MicroVm _vm;
    private readonly OpenExchanges _open;
    private readonly OutgoingConnections _connections;
    private readonly HttpRequestMessage _message;
    private readonly OutgoingOptions _options;
    private readonly TimeSpan _firstByte;
    private readonly TimeSpan _betweenBytes;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private HttpResponseMessage? _response;
    private Activity? _span;
    private bool _started;
    private bool _over;
    private volatile bool _connecting;

    public OutgoingExchange(MicroVm vm, OpenExchanges open, OutgoingConnections connections, HttpRequestMessage message, RequestOptions? guest, OutgoingOptions options)
    {
        _vm = vm;
        _open = open;
        _connections = connections;
        _message = message;
        _options = options;
        ConnectTimeout = Time(guest?.ConnectTimeout(), options.ConnectTimeout);
        _firstByte = Time(guest?.FirstByteTimeout(), options.FirstByteTimeout);
        _betweenBytes = Time(guest?.BetweenBytesTimeout(), options.BetweenBytesTimeout);
        Response = new FutureIncomingResponse(vm) { Cancel = Dispose, Wanted = () => Start(null) };
        open.Add(this);
    }

    public FutureIncomingResponse Response { get; }

    public TimeSpan ConnectTimeout { get; }

    /// <summary>Takes the request over: without a body it goes out at once, with one when the first of it does or the answer is waited for.</summary>
    public void Begin(Fields headers, OutgoingBody? body)
    {
        if (body is null)
        {
            OutgoingClient.SetHeaders(_message, headers);
            Start(0);
            return;
        }

        var pipe = new Pipe(s_pipe);
        _message.Content = new RequestContent(pipe.Reader);
        OutgoingClient.SetHeaders(_message, headers);
        body.Attach(new RequestSink(pipe.Writer, this));
    }

    /// <summary>Sends, once. The length is that of the body, null where nobody knows it yet.</summary>
    public void Start(long? length)
    {
        lock (_lock)
        {
            if (_started || _over) return;
            _started = true;
        }

        if (_message.Content is RequestContent content) content.Length = length;
        Limit(_firstByte);
        // The span is current for what is begun here, and not for what the guest does next.
        Activity? current = Activity.Current;
        Uri to = _message.RequestUri!;
        _span = Tracing.HostCall(_vm, _message.Method.Method, to.Host, ActivityKind.Client)
            ?.SetTag("http.request.method", _message.Method.Method).SetTag("url.scheme", to.Scheme).SetTag("server.address", to.Host).SetTag("server.port", to.Port);
        _ = Run();
        Activity.Current = current;
    }

    /// <summary>A connection is made for this request, which has a time of its own.</summary>
    public void Connecting()
    {
        _connecting = true;
        Limit(ConnectTimeout + _firstByte);
    }

    /// <summary>It is made: from here the time to the first byte counts.</summary>
    public void Connected()
    {
        _connecting = false;
        Limit(_firstByte);
    }

    /// <summary>The guest has cut its body off. What has not gone out yet does not.</summary>
    public void Abandon()
    {
        lock (_lock)
        {
            if (_started || _over) return;
        }

        Response.Complete(Result<IHttpTypes.IIncomingResponse, ErrorCode>.Err(new ErrorCode.InternalError("the request's body was cut off")));
        Dispose();
    }

    /// <summary>Ends it, whatever it is at.</summary>
    public void Dispose()
    {
        HttpResponseMessage? response;
        lock (_lock)
        {
            if (_over) return;
            _over = true;
            response = _response;
        }

        _open.Remove(this);
        _stop.Cancel();
        response?.Dispose();
        if (!_started) _message.Dispose();
    }

    /// <summary>A fault in HTTP's words; what the guest's own time limits ended is a timeout.</summary>
    public ErrorCode Explain(Exception e, bool body) =>
        e is OperationCanceledException && _stop.IsCancellationRequested && !_over
            ? _connecting ? ErrorCode.ConnectionTimeout.Instance : ErrorCode.HTTPResponseTimeout.Instance
            : OutgoingErrors.Of(e, body);

    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>What the guest says, as far as the operator lets it.</summary>
    private static TimeSpan Time(ulong? nanoseconds, TimeSpan most)
    {
        if (nanoseconds is not { } n) return most;
        double milliseconds = Math.Clamp(Math.Ceiling(n / 1e6), 1, int.MaxValue);
        return milliseconds < most.TotalMilliseconds ? TimeSpan.FromMilliseconds(milliseconds) : most;
    }

    private void Limit(TimeSpan time) => _stop.CancelAfter(time < s_longest ? time : s_longest);

    private async Task Run()
    {
        HttpResponseMessage? response = null;
        try
        {
            response = await _connections.Invoker.SendAsync(_message, _stop.Token).ConfigureAwait(false);
            _stop.CancelAfter(Timeout.InfiniteTimeSpan); // the body has a limit of its own
            IncomingResponse made = await Take(response).ConfigureAwait(false);
            lock (_lock)
            {
                if (!_over) _response = response;
            }

            _span?.SetTag("http.response.status_code", (int)response.StatusCode);
            if (_response is null) response.Dispose();
            else Response.Complete(Result<IHttpTypes.IIncomingResponse, ErrorCode>.Ok(made));
        }
        catch (Exception e)
        {
            response?.Dispose();
            ErrorCode code = Explain(e, body: false);
            Tracing.Fail(_span, code.GetType().Name, e.Message);
            Response.Complete(Result<IHttpTypes.IIncomingResponse, ErrorCode>.Err(code));
            Dispose();
        }
        finally
        {
            _span?.Dispose();
        }
    }

    private async Task<IncomingResponse> Take(HttpResponseMessage response)
    {
        if (response.Content.Headers.ContentLength is { } length && length > _options.MostBodyBytes && _message.Method != HttpMethod.Head)
        {
            throw new HttpBodyException(new ErrorCode.HTTPResponseBodySize((ulong)length), $"the response's body has {length} bytes; at most {_options.MostBodyBytes} are allowed");
        }

        var fields = new Fields();
        Add(fields, response.Headers.NonValidated);
        Add(fields, response.Content.Headers.NonValidated);
        Stream stream = await response.Content.ReadAsStreamAsync(_stop.Token).ConfigureAwait(false);
        var source = new ResponseSource(PipeReader.Create(new TimedStream(stream, _betweenBytes, _options.MostBodyBytes)), this, response);
        return new IncomingResponse(_vm, (ushort)response.StatusCode, fields.Freeze(), source);
    }

    internal static void Add(Fields fields, System.Net.Http.Headers.HttpHeadersNonValidated headers)
    {
        foreach ((string name, System.Net.Http.Headers.HeaderStringValues values) in headers)
        {
            foreach (string value in values)
            {
                if (fields.Count >= Fields.MaxCount) throw new HttpBodyException(new ErrorCode.HTTPResponseHeaderSectionSize(null), $"the response has more than {Fields.MaxCount} headers");
                fields.AddReceived(name.ToLowerInvariant(), Encoding.Latin1.GetBytes(value));
            }
        }
    }
}
