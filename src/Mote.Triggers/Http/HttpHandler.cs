// The requests of one component: how many at once, how many may wait, and what becomes of each.
using System.Diagnostics;
using Mote.Capabilities.Messaging;
using Mote.Capabilities.Wasi.Http;
using Mote.DataPlane;
using Mote.Runtime;
using Mote.Runtime.Telemetry;
using Mote.Wasmtime;

namespace Mote.Triggers.Http;

/// <summary>Who answers a route.</summary>
public interface IHttpTarget
{
    /// <summary>Answers a request.</summary>
    Task Answer(HttpExchange exchange);
}

/// <summary>Counts of a component's requests.</summary>
/// <param name="Received">Requests that were let in.</param>
/// <param name="Answered">Requests that the component answered.</param>
/// <param name="Failed">Requests that it trapped in, or left without an answer.</param>
/// <param name="Cancelled">Requests whose client went away.</param>
/// <param name="Refused">Requests that found the queue full, or waited too long in it.</param>
/// <param name="Running">Requests in work.</param>
/// <param name="Waiting">Requests in the queue.</param>
public readonly record struct HttpCounts(long Received, long Answered, long Failed, long Cancelled, long Refused, int Running, int Waiting);

/// <summary>Gives the requests of one component to its microVMs.</summary>
public sealed class HttpHandler : IHttpTarget, IDisposable
{
    private volatile LiveComponent<HttpIncomingHandler> _live;
    private readonly HttpCapability _http;
    private readonly MessagingCapability _messaging;
    private readonly PublishedSink _sink;
    private readonly GuestScheduler _scheduler;
    private readonly Action<string> _log;
    private readonly RequestGate _gate;
    private long _received;
    private long _answered;
    private long _failed;
    private long _cancelled;
    private readonly GuestPace _pace = new(calm: 1, isShort: true);
    private LatencyHistogram? _took; // made with the first request: most apps are idle

    /// <summary>A handler.</summary>
    /// <param name="component">Whose requests these are.</param>
    /// <param name="live">Its code, loaded when it is needed.</param>
    /// <param name="http">Where requests are given to guests.</param>
    /// <param name="messaging">Where messages that guests send are found.</param>
    /// <param name="sink">Takes them when the request is over.</param>
    /// <param name="scheduler">Where guests run.</param>
    /// <param name="gate">How many at once, and how many may wait.</param>
    /// <param name="log">Told of failures.</param>
    public HttpHandler(AppComponent component, LiveComponent<HttpIncomingHandler> live, HttpCapability http, MessagingCapability messaging, PublishedSink sink, GuestScheduler scheduler, RequestGate gate, Action<string> log)
    {
        _messaging = messaging;
        _sink = sink;
        Component = component;
        _live = live;
        _http = http;
        _scheduler = scheduler;
        _gate = gate;
        _log = log;
    }

    /// <summary>Whose requests these are.</summary>
    public AppComponent Component { get; private set; }

    /// <summary>True while the component's code is mapped.</summary>
    public bool IsLoaded => _live.IsLoaded;

    /// <summary>True where its next request runs at a lower priority: its last one burned the processor, or all of late have failed.</summary>
    public bool IsDemoted => _pace.Burns;

    /// <summary>Its microVMs.</summary>
    public PoolCounts MicroVms => _live.Counts;

    /// <summary>How long requests took, from their heads to the end of the guest; null before the first.</summary>
    public LatencyHistogram? Took => Volatile.Read(ref _took);

    /// <summary>Most requests in work and in the queue together.</summary>
    public int Capacity => _gate.Capacity;

    /// <summary>Counts so far.</summary>
    public HttpCounts Counts
    {
        get
        {
            (int running, int waiting) = _gate.Counts;
            return new HttpCounts(
                Volatile.Read(ref _received), Volatile.Read(ref _answered), Volatile.Read(ref _failed), Volatile.Read(ref _cancelled),
                Component.Usage.Counts.Refused, running, waiting);
        }
    }

    /// <inheritdoc/>
    public Task Answer(HttpExchange exchange)
    {
        // 1. A place among those that run, or in the queue. 2. This thread where a permit is free, else a microVM thread.
        // 3. The place goes to whoever waits.
        return _gate.TryEnter() ? Place(exchange) : Wait(exchange);
    }

    /// <summary>Later requests go to this code; those in work are finished by what they began with.</summary>
    public void Replace(AppComponent component, LiveComponent<HttpIncomingHandler> live)
    {
        LiveComponent<HttpIncomingHandler> old = _live;
        Component = component;
        _live = live;
        old.Dispose();
    }

    /// <summary>Takes no more requests in; those that run end as they would.</summary>
    public void Dispose() => _live.Dispose();

    private async Task Wait(HttpExchange exchange)
    {
        try
        {
            if (!await _gate.WaitAsync(Component.Limits.Time ?? Timeout.InfiniteTimeSpan, exchange.Aborted).ConfigureAwait(false))
            {
                Refuse(exchange);
                return;
            }
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _cancelled);
            return;
        }

        await Place(exchange).ConfigureAwait(false);
    }

    private void Refuse(HttpExchange exchange)
    {
        Component.Usage.Refuse();
        exchange.Refuse(503, "too many requests wait for this app\n", retryAfterSeconds: 1);
    }

    private Task Place(HttpExchange exchange)
    {
        Interlocked.Increment(ref _received);
        // One that took long the last time does not get a thread of the server's.
        if (_pace.IsShort && _scheduler.TryEnter())
        {
            try
            {
                RunSafely(exchange);
            }
            finally
            {
                _scheduler.Leave();
                _gate.Leave();
            }

            return exchange.Settled();
        }

        return Posted(exchange);
    }

    private async Task Posted(HttpExchange exchange)
    {
        var work = new Work(this, exchange);
        if (!_scheduler.Post(work))
        {
            _gate.Leave();
            Refuse(exchange);
            return;
        }

        await work.Done.ConfigureAwait(false);
        await exchange.Settled().ConfigureAwait(false);
    }

    private sealed class Work(HttpHandler handler, HttpExchange exchange) : IGuestWork
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Done => _done.Task;

        public bool Burns => handler._pace.Burns;

        public void Run()
        {
            handler.RunSafely(exchange);
            handler._gate.Leave();
            _done.SetResult();
        }
    }

    /// <summary>A fault of the host's own ends the request, not the connection's other work or the process: this throws nothing.</summary>
    private void RunSafely(HttpExchange exchange)
    {
        using Activity? span = Tracing.IsOn ? Begin(exchange) : null;
        try
        {
            Run(exchange);
        }
        catch (Exception e)
        {
            Interlocked.Increment(ref _failed);
            _log($"component `{Component.Name}`, {exchange.Name}: met a fault of the node: {e}");
            try
            {
                exchange.Fail(500, "the node failed\n");
            }
            catch (Exception refusal)
            {
                _log($"component `{Component.Name}`, {exchange.Name}: could not be refused: {refusal}");
                exchange.Abort();
            }
        }

        (Took ?? Interlocked.CompareExchange(ref _took, new LatencyHistogram(), null) ?? _took!).Add(Stopwatch.GetElapsedTime(exchange.Began));
        if (span is null) return;
        span.SetTag("http.response.status_code", exchange.Status);
        if (exchange.Status >= 500 && span.Status == ActivityStatusCode.Unset) Tracing.Fail(span, exchange.Status.ToString(System.Globalization.CultureInfo.InvariantCulture), "");
    }

    /// <summary>The request's span. A method that HTTP does not know is the client's invention, and no name.</summary>
    private Activity? Begin(HttpExchange exchange)
    {
        string method = HttpMetrics.MethodOf(exchange.Method);
        Activity? span = Tracing.Event($"{(method == "_OTHER" ? "HTTP" : method)} {exchange.Route}", ActivityKind.Server, Component, "http", exchange.Header("traceparent"), exchange.Header("tracestate"));
        if (span is null) return null;
        string path = exchange.Path.ToString();
        return span.SetTag("http.request.method", method).SetTag("http.route", exchange.Route).SetTag("url.path", path).SetTag("mote.request_id", exchange.Id);
    }

    private void Run(HttpExchange exchange)
    {
        LiveComponent<HttpIncomingHandler> live = _live;
        LoadedComponent<HttpIncomingHandler> loaded;
        try
        {
            loaded = live.Acquire();
        }
        catch (ObjectDisposedException) when (live != _live)
        {
            Run(exchange); // replaced just now
            return;
        }
        catch (CapacityException e)
        {
            NoRoom(exchange, e.Message);
            return;
        }

        try
        {
            MicroVm vm;
            try
            {
                vm = loaded.Pool.Rent(out _);
            }
            catch (CapacityException e)
            {
                NoRoom(exchange, e.Message);
                return;
            }
            catch (TrapException e)
            {
                Failed(exchange, $"could not start: {e.Describe()}", e);
                _pace.NoteNoStart(late: e.InnerException is DeadlineException);
                return;
            }
            catch (WasmtimeException e) when (PoolIsFull(e))
            {
                NoRoom(exchange, e.Message);
                return;
            }
            catch (WasmtimeException e)
            {
                Failed(exchange, $"could not start: {e.Message}", e);
                return;
            }

            bool answered = false;
            try
            {
                answered = Call(vm, loaded.Binding, exchange);
            }
            finally
            {
                loaded.Pool.Return(vm, failed: !answered);
            }
        }
        finally
        {
            live.Release();
        }
    }

    /// <returns>True where there is an answer.</returns>
    private bool Call(MicroVm vm, HttpIncomingHandler handler, HttpExchange exchange)
    {
        long before = vm.Busy.Ticks;
        try
        {
            exchange.Enter(vm);
            vm.Call((handler, request: _http.Guest(vm).Received(exchange.Request), exchange.Response), static (instance, s) =>
            {
                s.handler.Handle(instance, s.request, s.Response);
                return true;
            });
            if (exchange.Leave())
            {
                Interlocked.Increment(ref _answered);
                _pace.Worked();
                Publish(vm, exchange);
                return true;
            }

            Interlocked.Increment(ref _failed);
            _pace.Failed();
            _messaging.Peek(vm)?.Discard();
            // What npm's componentize-js makes of a fetch event can be asked once.
            string hint = vm.Calls > 1 ? " (its instance had answered before; if it can answer only once, set instance = \"per-event\")" : "";
            _log($"component `{Component.Name}`, {exchange.Name}: ended without an answer{hint}");
            exchange.Fail(500, "the app gave no answer\n");
            return false;
        }
        catch (TrapException e)
        {
            exchange.Leave(failed: true);
            // A language's runtime may trap at what it is told of a client that went, which is no fault of the app's.
            if (e.InnerException is ClientGoneException || (e.InnerException is not DeadlineException && exchange.Aborted.IsCancellationRequested))
            {
                Interlocked.Increment(ref _cancelled);
                exchange.Fail(499, "");
            }
            else
            {
                Failed(exchange, $"trapped: {e.Describe()}", e);
            }

            return false;
        }
        finally
        {
            _pace.Note(vm, before);
        }
    }

    /// <summary>What the guest sent while it answered goes out now; the answer is on its way, so a fault is only said.</summary>
    private void Publish(MicroVm vm, HttpExchange exchange)
    {
        if (_messaging.Peek(vm)?.TakePublished() is not { Length: > 0 } published) return;
        string name = exchange.Name;
        try
        {
            _sink(Component, published, over: 0, fault =>
            {
                if (fault is not null) NotPassedOn(fault);
            });
        }
        catch (MessagingException e)
        {
            NotPassedOn(e);
        }

        void NotPassedOn(MessagingException e) => _log($"component `{Component.Name}`, {name}: sent messages that could not be passed on: {e.Message}");
    }

    private void Failed(HttpExchange exchange, string what, WasmtimeException e)
    {
        Interlocked.Increment(ref _failed);
        _pace.Failed();
        if (Tracing.IsOn) Tracing.Fail(Activity.Current, e.InnerException is DeadlineException ? "timeout" : "trap", what);
        _log($"component `{Component.Name}`, {exchange.Name}: {what}");
        if (e.InnerException is DeadlineException) exchange.Fail(504, "the app took too long\n");
        else exchange.Fail(500, "the app failed\n");
    }

    private void NoRoom(HttpExchange exchange, string why)
    {
        Component.Usage.Refuse();
        _log($"component `{Component.Name}`, {exchange.Name}: refused: {why}");
        exchange.Refuse(503, "this node has no room for another microVM\n", retryAfterSeconds: 1);
    }

    private static bool PoolIsFull(WasmtimeException e) => e.Message.Contains("maximum concurrent", StringComparison.Ordinal);
}

/// <summary>Nobody waits for the answer any more.</summary>
public sealed class ClientGoneException() : Exception("the client is gone");
