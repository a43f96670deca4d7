// A request that a guest sends, and the answer that it waits for.
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>A request to send.</summary>
public sealed class OutgoingRequest(MicroVm vm, Fields headers) : IHttpTypes.IOutgoingRequest, IDisposable
{
    private IHttpTypes.Method _method = IHttpTypes.Method.Get.Instance;
    private IHttpTypes.Scheme? _scheme;
    private string? _path;
    private string? _authority;
    private OutgoingBody? _body;
    private bool _sent;

    /// <summary>Its headers.</summary>
    public Fields Fields => headers;

    /// <inheritdoc/>
    public Result<IHttpTypes.IOutgoingBody, Unit> Body() =>
        _body is null ? _body = new OutgoingBody(vm, ContentLength.Of(headers), static n => new IHttpTypes.ErrorCode.HTTPRequestBodySize(n), isEgress: true) : default(Unit);

    /// <inheritdoc/>
    public IHttpTypes.Method Method() => _method;

    /// <inheritdoc/>
    public Result<Unit, Unit> SetMethod(IHttpTypes.Method method)
    {
        if (method is IHttpTypes.Method.Other { Value: { } text } && !RequestSyntax.IsToken(text)) return Result<Unit, Unit>.Err(default);
        _method = method is IHttpTypes.Method.Other other ? Words.MethodOf(other.Value) : method;
        return Result<Unit, Unit>.Ok(default);
    }

    /// <inheritdoc/>
    public string? PathWithQuery() => _path;

    /// <inheritdoc/>
    public Result<Unit, Unit> SetPathWithQuery(string? pathWithQuery)
    {
        if (pathWithQuery is not null && !RequestSyntax.IsPath(pathWithQuery)) return Result<Unit, Unit>.Err(default);
        vm.Hold(2L * ((pathWithQuery?.Length ?? 0) - (_path?.Length ?? 0)));
        _path = pathWithQuery;
        return Result<Unit, Unit>.Ok(default);
    }

    /// <inheritdoc/>
    public IHttpTypes.Scheme? Scheme() => _scheme;

    /// <inheritdoc/>
    public Result<Unit, Unit> SetScheme(IHttpTypes.Scheme? scheme)
    {
        if (scheme is IHttpTypes.Scheme.Other { Value: { } text } && !RequestSyntax.IsScheme(text)) return Result<Unit, Unit>.Err(default);
        _scheme = scheme is IHttpTypes.Scheme.Other other ? Words.SchemeOf(other.Value.ToLowerInvariant()) : scheme;
        return Result<Unit, Unit>.Ok(default);
    }

    /// <inheritdoc/>
    public string? Authority() => _authority;

    /// <inheritdoc/>
    public Result<Unit, Unit> SetAuthority(string? authority)
    {
        if (authority is not null && !RequestSyntax.IsAuthority(authority)) return Result<Unit, Unit>.Err(default);
        vm.Hold(2L * ((authority?.Length ?? 0) - (_authority?.Length ?? 0)));
        _authority = authority;
        return Result<Unit, Unit>.Ok(default);
    }

    /// <inheritdoc/>
    public IHttpTypes.IFields Headers() => headers.Shared();

    /// <summary>The request goes out: its body, null where the guest asked for none.</summary>
    internal OutgoingBody? TakeBody()
    {
        _sent = true;
        headers.Freeze();
        LetGo(); // exchanges have a bound of their own
        return _body;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_sent) return;
        LetGo();
        _body?.Abort();
    }

    private void LetGo()
    {
        headers.Dispose();
        vm.Hold(-2L * ((_path?.Length ?? 0) + (_authority?.Length ?? 0)));
    }
}

/// <summary>What a guest may put into a request's line.</summary>
internal static class RequestSyntax
{
    public static bool IsToken(string text) => text.Length is > 0 and <= 64 && text.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c));

    public static bool IsScheme(string text) => text.Length is > 0 and <= 64 && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.');

    /// <summary>An origin-form target or `*`: begins with a slash or a question mark, and has nothing that could end the line.</summary>
    public static bool IsPath(string text) =>
        text.Length <= Words.MaxLength && (text.Length == 0 || text[0] is '/' or '?' || text == "*") && text.All(c => c is > ' ' and < (char)127 and not '#');

    /// <summary>A host and perhaps a port: no user, no path.</summary>
    public static bool IsAuthority(string text) =>
        text.Length is > 0 and <= 512 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or ':' or '[' or ']' or '~' or '%')
        && Uri.TryCreate($"http://{text}/", UriKind.Absolute, out Uri? uri) && uri.UserInfo.Length == 0 && uri.AbsolutePath == "/";
}

/// <summary>How long to wait at each stage; null leaves the host's own.</summary>
public sealed class RequestOptions : IHttpTypes.IRequestOptions
{
    private ulong? _connect;
    private ulong? _firstByte;
    private ulong? _betweenBytes;

    /// <inheritdoc/>
    public ulong? ConnectTimeout() => _connect;

    /// <inheritdoc/>
    public Result<Unit, Unit> SetConnectTimeout(ulong? duration) => Set(ref _connect, duration);

    /// <inheritdoc/>
    public ulong? FirstByteTimeout() => _firstByte;

    /// <inheritdoc/>
    public Result<Unit, Unit> SetFirstByteTimeout(ulong? duration) => Set(ref _firstByte, duration);

    /// <inheritdoc/>
    public ulong? BetweenBytesTimeout() => _betweenBytes;

    /// <inheritdoc/>
    public Result<Unit, Unit> SetBetweenBytesTimeout(ulong? duration) => Set(ref _betweenBytes, duration);

    private static Result<Unit, Unit> Set(ref ulong? field, ulong? value)
    {
        field = value;
        return Result<Unit, Unit>.Ok(default);
    }
}

/// <summary>The answer to a request that went out.</summary>
/// <param name="vm">Whose it is.</param>
/// <param name="status">Its status.</param>
/// <param name="headers">Its headers.</param>
/// <param name="body">Its body; null where it has none.</param>
public sealed class IncomingResponse(MicroVm vm, ushort status, Fields headers, BodySource? body) : IHttpTypes.IIncomingResponse, IDisposable
{
    private bool _consumed;

    /// <inheritdoc/>
    public ushort Status() => status;

    /// <inheritdoc/>
    public IHttpTypes.IFields Headers() => headers.For(vm).Shared();

    /// <inheritdoc/>
    public Result<IHttpTypes.IIncomingBody, Unit> Consume()
    {
        if (_consumed) return default(Unit);
        _consumed = true;
        return new IncomingBody(vm, body);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_consumed || body is null) return;
        body.Stop();
        body.Dropped();
    }
}

/// <summary>An answer that may not have come yet. Whoever sends the request completes it, on any thread.</summary>
public sealed class FutureIncomingResponse(MicroVm vm) : IHttpTypes.IFutureIncomingResponse, IDisposable
{
    private readonly Lock _lock = new();
    private Result<IHttpTypes.IIncomingResponse, IHttpTypes.ErrorCode>? _result;
    private Action? _wake;
    private bool _taken;
    private bool _dropped;

    /// <summary>Called once where the guest drops it before the answer is there.</summary>
    public Action? Cancel { get; set; }

    /// <summary>Called where the guest waits for the answer, or asks for it before it is there.</summary>
    public Action? Wanted { get; set; }

    /// <summary>The answer is there, or an error in its place.</summary>
    public void Complete(Result<IHttpTypes.IIncomingResponse, IHttpTypes.ErrorCode> result)
    {
        lock (_lock)
        {
            if (!_dropped)
            {
                _result ??= result;
                _wake?.Invoke();
                return;
            }
        }

        if (result.IsOk) (result.Value as IDisposable)?.Dispose(); // nobody is there to take it
    }

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => new Ready(vm, this);

    /// <inheritdoc/>
    public Result<Result<IHttpTypes.IIncomingResponse, IHttpTypes.ErrorCode>, Unit>? Get()
    {
        lock (_lock)
        {
            if (_result is not { } result) return null;
            if (_taken) return Result<Result<IHttpTypes.IIncomingResponse, IHttpTypes.ErrorCode>, Unit>.Err(default);
            _taken = true;
            return Result<Result<IHttpTypes.IIncomingResponse, IHttpTypes.ErrorCode>, Unit>.Ok(result);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        bool open;
        IHttpTypes.IIncomingResponse? unread = null;
        lock (_lock)
        {
            open = _result is null;
            _dropped = true;
            if (_result is { IsOk: true } result && !_taken) unread = result.Value;
            _taken = true;
        }

        if (open) Cancel?.Invoke();
        (unread as IDisposable)?.Dispose();
    }

    private sealed class Ready(MicroVm vm, FutureIncomingResponse future) : Pollable(vm)
    {
        protected override bool IsReady
        {
            get
            {
                lock (future._lock) return future._result is not null;
            }
        }

        protected override void Watch(Action wake)
        {
            lock (future._lock) future._wake = wake;
            future.Wanted?.Invoke();
        }

        protected override void Unwatch(Action wake)
        {
            lock (future._lock) future._wake = null;
        }
    }
}
