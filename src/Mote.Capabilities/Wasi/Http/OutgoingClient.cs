// Sends guests' requests. What is asked for is checked before anything is looked up or sent; where it leads is checked on
// the address, when a connection is made.
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using Mote.Capabilities.Wasi.Net;
using Mote.Components;
using Mote.Runtime;
using Mote.Runtime.Egress;
using ErrorCode = Mote.Capabilities.Wasi.Http.IHttpTypes.ErrorCode;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>wasi:http/outgoing-handler on .NET's HTTP client.</summary>
/// <param name="resolver">Finds the addresses of names.</param>
/// <param name="options">Times and limits.</param>
public sealed class OutgoingClient(INameResolver resolver, OutgoingOptions? options = null) : IHttpClient
{
    /// <summary>Says of a request which exchange it is of, to whoever connects for it.</summary>
    internal static readonly HttpRequestOptionsKey<OutgoingExchange> ExchangeKey = new("mote.exchange");

    private readonly OutgoingOptions _options = options ?? new OutgoingOptions();

    /// <summary>
    /// Connections are kept for each component by itself: one that was made under the grants of one is never used by
    /// another. They go when the component does, and each after it was idle.
    /// </summary>
    private readonly ConditionalWeakTable<AppComponent, OutgoingConnections> _connections = [];

    /// <inheritdoc/>
    public Result<FutureIncomingResponse, ErrorCode> Send(MicroVm vm, OpenExchanges open, OutgoingRequest request, RequestOptions? requestOptions)
    {
        OutgoingBody? body = request.TakeBody();
        Result<HttpRequestMessage, ErrorCode> made = Make(vm, request);
        if (!made.IsOk || open.Count >= _options.MostAtOnce)
        {
            body?.Abort();
            return made.IsOk ? ErrorCode.ConnectionLimitReached.Instance : made.Error;
        }

        // What could be said in a path or a header counts as a body does.
        if (!vm.Component.MaySend((request.PathWithQuery()?.Length ?? 1) + request.Fields.All.Sum(f => (long)f.Name.Length + f.Value.Length)))
        {
            body?.Abort();
            return ErrorCode.HTTPRequestDenied.Instance;
        }

        OutgoingConnections connections = _connections.GetValue(vm.Component, c => new OutgoingConnections(c, resolver, _options));
        var exchange = new OutgoingExchange(vm, open, connections, made.Value, requestOptions, _options);
        made.Value.Options.Set(ExchangeKey, exchange);
        exchange.Begin(request.Fields, body);
        return exchange.Response;
    }

    private static Result<HttpRequestMessage, ErrorCode> Make(MicroVm vm, OutgoingRequest request)
    {
        string? scheme = request.Scheme() switch
        {
            null or IHttpTypes.Scheme.HTTPS => "https",
            IHttpTypes.Scheme.HTTP => "http",
            _ => null,
        };
        if (scheme is null) return ErrorCode.HTTPProtocolError.Instance;
        if (request.Method() is IHttpTypes.Method.Connect) return ErrorCode.HTTPRequestMethodInvalid.Instance; // a tunnel would lead anywhere
        if (!Authority.TryParse(request.Authority() ?? "", HttpGrant.DefaultPort(scheme), out Authority? to)) return ErrorCode.HTTPRequestURIInvalid.Instance;
        string path = request.PathWithQuery() is { Length: > 0 } p ? p : "/";
        if (path[0] == '?') path = "/" + path;
        if (path[0] != '/') return ErrorCode.HTTPRequestURIInvalid.Instance;
        if (!new EgressPolicy(vm.Component).AllowsHttp(scheme, to)) return ErrorCode.HTTPRequestDenied.Instance;

        // The target goes out as the guest wrote it: what is put in order here could be put in order differently there.
        if (!Uri.TryCreate($"{scheme}://{to}{path}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }, out Uri? uri)) return ErrorCode.HTTPRequestURIInvalid.Instance;
        return new HttpRequestMessage(new HttpMethod(Words.TextOf(request.Method())), uri) { Version = System.Net.HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };
    }

    /// <summary>Headers of a guest into a request. Those about the body belong to its content, and there may be no body.</summary>
    internal static void SetHeaders(HttpRequestMessage message, Fields fields)
    {
        foreach ((string name, ReadOnlyMemory<byte> value) in fields.All)
        {
            if (name.Equals("content-length", StringComparison.OrdinalIgnoreCase)) continue; // the body says
            string text = Encoding.Latin1.GetString(value.Span);
            if (message.Headers.TryAddWithoutValidation(name, text)) continue;
            message.Content ??= new ByteArrayContent([]);
            message.Content.Headers.TryAddWithoutValidation(name, text);
        }
    }
}

/// <summary>Times and limits of requests that go out.</summary>
public sealed record OutgoingOptions
{
    /// <summary>How long connecting may take, name lookup and TLS included; a guest may say less.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the head of the response may take; a guest may say less.</summary>
    public TimeSpan FirstByteTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the next bytes of the response's body may take; a guest may say less.</summary>
    public TimeSpan BetweenBytesTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a connection is kept that nobody uses.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a connection is used for, so that a name's new address is noticed.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Most requests of one instance at once.</summary>
    public int MostAtOnce { get; init; } = 64;

    /// <summary>Most connections of one component to one server.</summary>
    public int MostConnections { get; init; } = 64;

    /// <summary>Most kilobytes of a response's head.</summary>
    public int MostHeaderKilobytes { get; init; } = 64;

    /// <summary>Most bytes of a response's body.</summary>
    public long MostBodyBytes { get; init; } = long.MaxValue;

    /// <summary>Certificates of authorities that are trusted in place of the system's; null for the system's.</summary>
    public System.Security.Cryptography.X509Certificates.X509Certificate2Collection? Authorities { get; init; }
}

/// <summary>What an instance has sent and not done with. Bounded by whoever adds.</summary>
public sealed class OpenExchanges : IDisposable
{
    private readonly Lock _lock = new();
    private readonly HashSet<IDisposable> _open = [];

    /// <summary>How many.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _open.Count;
        }
    }

    /// <summary>One more.</summary>
    public void Add(IDisposable exchange)
    {
        lock (_lock) _open.Add(exchange);
    }

    /// <summary>It is over.</summary>
    public void Remove(IDisposable exchange)
    {
        lock (_lock) _open.Remove(exchange);
    }

    /// <summary>Ends all of them.</summary>
    public void Dispose()
    {
        IDisposable[] all;
        lock (_lock) all = [.. _open];
        foreach (IDisposable exchange in all) exchange.Dispose();
    }
}
