// A request that a component answers, and where its answer goes.
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>A request as the trigger received it. What the guest does not ask for is not made.</summary>
public abstract class IncomingRequest : IHttpTypes.IIncomingRequest
{
    private Fields? _headers;
    private bool _consumed;

    /// <summary>The microVM that has it; set when it is given to one.</summary>
    internal MicroVm? Vm { get; set; }

    /// <summary>The body; null where the request has none.</summary>
    protected abstract BodySource? Body();

    /// <summary>The headers.</summary>
    protected abstract Fields ReadHeaders();

    /// <inheritdoc/>
    public abstract IHttpTypes.Method Method();

    /// <inheritdoc/>
    public abstract string? PathWithQuery();

    /// <inheritdoc/>
    public abstract IHttpTypes.Scheme? Scheme();

    /// <inheritdoc/>
    public abstract string? Authority();

    /// <inheritdoc/>
    public IHttpTypes.IFields Headers() => (_headers ??= ReadHeaders().Freeze().For(Vm)).Shared();

    /// <inheritdoc/>
    public Result<IHttpTypes.IIncomingBody, Unit> Consume()
    {
        if (_consumed) return default(Unit);
        _consumed = true;
        return new IncomingBody(Vm!, Body());
    }
}

/// <summary>Where the answer to a request goes, once.</summary>
public abstract class ResponseOutparam : IHttpTypes.IResponseOutparam
{
    /// <summary>True where the guest has answered.</summary>
    public bool IsSet { get; private set; }

    /// <summary>The answer's body, where the guest gave one.</summary>
    public OutgoingBody? Body { get; private set; }

    /// <summary>Takes the head of the answer; it goes out with the first byte of the body, or its end.</summary>
    protected abstract BodySink Respond(ushort status, Fields headers);

    /// <summary>The guest has no answer, and says why.</summary>
    protected abstract void Fail(IHttpTypes.ErrorCode error);

    internal void Set(Result<IHttpTypes.IOutgoingResponse, IHttpTypes.ErrorCode> response)
    {
        IsSet = true;
        if (!response.IsOk)
        {
            Fail(response.Error);
            return;
        }

        var answer = (OutgoingResponse)response.Value;
        BodySink sink = Respond(answer.StatusCode(), answer.Fields);
        Body = answer.TakeBody();
        Body.Attach(sink);
    }
}

/// <summary>An answer that a guest makes.</summary>
public sealed class OutgoingResponse(MicroVm vm, Fields headers) : IHttpTypes.IOutgoingResponse, IDisposable
{
    private ushort _status = 200;
    private OutgoingBody? _body;
    private bool _sent;

    /// <summary>Its headers.</summary>
    public Fields Fields => headers;

    /// <inheritdoc/>
    public ushort StatusCode() => _status;

    /// <inheritdoc/>
    public Result<Unit, Unit> SetStatusCode(ushort statusCode)
    {
        // 1xx are no answers (RFC 9110, 15.2): the interface has another way for them.
        if (statusCode is < 200 or > 999) return Result<Unit, Unit>.Err(default);
        _status = statusCode;
        return Result<Unit, Unit>.Ok(default);
    }

    /// <inheritdoc/>
    public IHttpTypes.IFields Headers() => headers.Shared();

    /// <inheritdoc/>
    public Result<IHttpTypes.IOutgoingBody, Unit> Body() =>
        _body is null ? _body = new OutgoingBody(vm, ContentLength.Of(headers), static n => new IHttpTypes.ErrorCode.HTTPResponseBodySize(n)) : default(Unit);

    /// <summary>A guest that asked for no body sends an empty one.</summary>
    internal OutgoingBody TakeBody()
    {
        _sent = true;
        headers.Dispose(); // they are on their way
        if (_body is null)
        {
            _body = new OutgoingBody(vm, null, static n => new IHttpTypes.ErrorCode.HTTPResponseBodySize(n));
            _body.Finish(null);
        }

        return _body;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_sent) return;
        headers.Dispose();
        _body?.Abort();
    }
}

/// <summary>What a guest says of a body's length.</summary>
public static class ContentLength
{
    /// <summary>The content-length; null where it is not given, or is no number.</summary>
    public static long? Of(Fields headers) =>
        headers.Text("content-length") is { } text && long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long n) ? n : null;
}
