// wasi:http: what guests answer and what they send. The trigger makes requests out of what it received; the client
// decides what may go out.
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;
using ErrorCode = Mote.Capabilities.Wasi.Http.IHttpTypes.ErrorCode;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>Sends the requests of guests, and refuses those that are not granted.</summary>
public interface IHttpClient
{
    /// <summary>Begins to send a request; the answer comes into the future. What is <paramref name="open"/> ends with the instance.</summary>
    Result<FutureIncomingResponse, ErrorCode> Send(MicroVm vm, OpenExchanges open, OutgoingRequest request, RequestOptions? options);
}

/// <summary>Hosts wasi:http types and outgoing-handler.</summary>
/// <param name="client">Sends what guests send.</param>
public sealed class HttpCapability(IHttpClient client) : Capability<HttpGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IHttpTypes.Define(linker, Guest);
        IOutgoingHandler.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override HttpGuest Prepare(MicroVm vm) => new(vm, client);
}

/// <summary>wasi:http for one instance.</summary>
public sealed class HttpGuest(MicroVm vm, IHttpClient client) : IHttpTypes, IOutgoingHandler, IDisposable
{
    private OpenExchanges? _open;

    /// <inheritdoc/>
    public void Dispose() => _open?.Dispose();

    /// <summary>A request goes into the guest's hands.</summary>
    public IncomingRequest Received(IncomingRequest request)
    {
        request.Vm = vm;
        return request;
    }

    /// <inheritdoc/>
    public ErrorCode? HttpErrorCode(Io.IIoErrors.IError err) => (err as HttpIoError)?.Code;

    /// <inheritdoc/>
    public IHttpTypes.IFields NewFields() => new Fields(vm);

    /// <inheritdoc/>
    public Result<IHttpTypes.IFields, IHttpTypes.HeaderError> FieldsFromList((string, ReadOnlyMemory<byte>)[] entries) => Fields.FromList(vm, entries);

    /// <inheritdoc/>
    public IHttpTypes.IOutgoingRequest NewOutgoingRequest(IHttpTypes.IFields headers) => new OutgoingRequest(vm, ((Fields)headers).Freeze());

    /// <inheritdoc/>
    public IHttpTypes.IRequestOptions NewRequestOptions() => new RequestOptions();

    /// <inheritdoc/>
    public void ResponseOutparamSet(IHttpTypes.IResponseOutparam param, Result<IHttpTypes.IOutgoingResponse, ErrorCode> response) => ((ResponseOutparam)param).Set(response);

    /// <inheritdoc/>
    public IHttpTypes.IFutureTrailers IncomingBodyFinish(IHttpTypes.IIncomingBody @this) => ((IncomingBody)@this).Finish();

    /// <inheritdoc/>
    public IHttpTypes.IOutgoingResponse NewOutgoingResponse(IHttpTypes.IFields headers) => new OutgoingResponse(vm, ((Fields)headers).Freeze());

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> OutgoingBodyFinish(IHttpTypes.IOutgoingBody @this, IHttpTypes.IFields? trailers) => ((OutgoingBody)@this).Finish((Fields?)trailers);

    /// <inheritdoc/>
    public Result<IHttpTypes.IFutureIncomingResponse, ErrorCode> Handle(IHttpTypes.IOutgoingRequest request, IHttpTypes.IRequestOptions? options)
    {
        Result<FutureIncomingResponse, ErrorCode> sent = client.Send(vm, _open ??= new OpenExchanges(), (OutgoingRequest)request, (RequestOptions?)options);
        return sent.IsOk ? sent.Value : sent.Error;
    }
}
