// A guest that sends requests as a test says.
using Mote.Capabilities.Wasi.Http;
using Mote.Capabilities.Wasi.Io;
using Mote.Capabilities.Wasi.Net;
using Mote.Components;
using Mote.Runtime;
using Mote.Runtime.Egress;

namespace Mote.Capabilities.Tests.Network;

internal sealed class HttpNetGuest : IDisposable
{
    public const string Types = "wasi:http/types@0.2.12", Handler = "wasi:http/outgoing-handler@0.2.12";

    private HttpNetGuest(Guest guest) => Guest = guest;

    public Guest Guest { get; }

    public static CapabilitySet Set(INameResolver? names = null, OutgoingOptions? options = null) =>
        new(new IoCapability(), new Mote.Capabilities.Wasi.Clocks.ClocksCapability(TimeProvider.System), new HttpCapability(new OutgoingClient(names ?? new SystemNameResolver(), options)));

    /// <summary>A guest with these entries of `http`.</summary>
    public static HttpNetGuest Start(string[] http, INameResolver? names = null, OutgoingOptions? options = null, MicroVmLimits? limits = null) =>
        Start(Set(names, options), Component(http, limits));

    public static HttpNetGuest Start(CapabilitySet set, AppComponent component) => new(Guest.Start(set, component, Types, Handler, Wasi.Streams, Wasi.Poll));

    public static AppComponent Component(string[] http, MicroVmLimits? limits = null) => Guest.App(new Grants { Http = [.. http.Select(Grant)] }, limits);

    public static HttpGrant Grant(string text) => HttpGrant.TryParse(text, out HttpGrant? grant, out string? fault) ? grant : throw new ArgumentException(fault);

    public void Dispose() => Guest.Dispose();

    public Value? Call(string method, params Value[] arguments) => Guest.Call(InterfaceOf(method), method, arguments);

    public Value? Ok(string method, params Value[] arguments) => Guest.Ok(InterfaceOf(method), method, arguments);

    public string Show(string method, params Value[] arguments) => Guest.Show(Call(method, arguments));

    public void Wait(string resource, Value self) => Guest.Call(Wasi.Poll, "[method]pollable.block", Call($"[method]{resource}.subscribe", self)!);

    /// <summary>A request; what the guest may not set is told by an exception.</summary>
    public Value Request(string authority, string? path = "/", string method = "get", string scheme = "HTTP", params (string Name, string Value)[] headers)
    {
        Value fields = Ok("[static]fields.from-list", Guest.List([.. headers.Select(h => Guest.Pair(Guest.S(h.Name), Guest.Text(h.Value)))]))!;
        Value request = Call("[constructor]outgoing-request", fields)!;
        Ok("[method]outgoing-request.set-method", request, method == method.ToLowerInvariant() ? new VariantValue(method, null) : new VariantValue("other", Guest.S(method)));
        Ok("[method]outgoing-request.set-scheme", request, Guest.Some(scheme is "HTTP" or "HTTPS" ? new VariantValue(scheme, null) : new VariantValue("other", Guest.S(scheme))));
        if (Show("[method]outgoing-request.set-authority", request, Guest.Some(Guest.S(authority))) != "ok") throw new ArgumentException("authority");
        if (Show("[method]outgoing-request.set-path-with-query", request, path is null ? Guest.None : Guest.Some(Guest.S(path))) != "ok") throw new ArgumentException("path");
        return request;
    }

    /// <summary>What the request's body is written to.</summary>
    public (Value Body, Value Stream) Body(Value request)
    {
        Value body = Ok("[method]outgoing-request.body", request)!;
        return (body, Ok("[method]outgoing-body.write", body)!);
    }

    public void Write(Value stream, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length > 0; bytes = bytes[Math.Min(4096, bytes.Length)..]) Ok("[method]output-stream.blocking-write-and-flush", stream, Guest.Bytes(bytes[..Math.Min(4096, bytes.Length)].ToArray()));
    }

    public Value Options(string timeout, TimeSpan time)
    {
        Value options = Call("[constructor]request-options")!;
        Ok($"[method]request-options.set-{timeout}-timeout", options, Guest.Some(Guest.U((ulong)(time.TotalMilliseconds * 1e6))));
        return options;
    }

    /// <summary>Sends; gives the future, or the error at once as text.</summary>
    public (Value? Future, string? Error) Handle(Value request, Value? options = null)
    {
        var result = (ResultValue)Call("handle", request, options is null ? Guest.None : Guest.Some(options))!;
        return result.IsOk ? (result.Payload, null) : (null, Guest.Show(result.Payload));
    }

    /// <summary>Waits for the answer of a future: the response, or the error as text.</summary>
    public (Value? Response, string? Error) Answer(Value future)
    {
        Wait("future-incoming-response", future);
        var inner = (ResultValue)((ResultValue)((OptionValue)Call("[method]future-incoming-response.get", future)!).Some!).Payload!;
        return inner.IsOk ? (inner.Payload, null) : (null, Guest.Show(inner.Payload));
    }

    /// <summary>Sends and waits: the status and the body, or the error.</summary>
    public string Send(Value request, Value? options = null)
    {
        (Value? future, string? error) = Handle(request, options);
        if (error is not null) return error;
        (Value? response, error) = Answer(future!);
        return error ?? $"{Guest.Show(Call("[method]incoming-response.status", response!))} {Text(response!)}";
    }

    public string Get(string authority, string path = "/", string scheme = "HTTP")
    {
        try
        {
            return Send(Request(authority, path, scheme: scheme));
        }
        catch (ArgumentException e)
        {
            return $"refused: {e.Message}";
        }
    }

    /// <summary>The whole body of a response as text; handles are dropped.</summary>
    public string Text(Value response)
    {
        Value body = Ok("[method]incoming-response.consume", response)!;
        Value stream = Ok("[method]incoming-body.stream", body)!;
        string text = System.Text.Encoding.UTF8.GetString(ReadAll(stream));
        NetGuest.Drop(stream);
        NetGuest.Drop(body);
        NetGuest.Drop(response);
        return text;
    }

    public byte[] ReadAll(Value stream)
    {
        var all = new List<byte>();
        while (true)
        {
            var read = (ResultValue)Call("[method]input-stream.blocking-read", stream, Guest.U(65536))!;
            if (read.IsOk) all.AddRange(Guest.BytesOf(read.Payload));
            else return Guest.Show(read.Payload) == "closed" ? [.. all] : throw new IOException(ErrorOf(read));
        }
    }

    /// <summary>The HTTP reason of a stream's error.</summary>
    public string ErrorOf(ResultValue failed) =>
        ((VariantValue)failed.Payload!).Payload is { } error ? Guest.Show(Guest.Call(Types, "http-error-code", error)) : Guest.Show(failed.Payload);

    private static string InterfaceOf(string method) =>
        method == "handle" ? Handler : method.Contains("put-stream.", StringComparison.Ordinal) ? Wasi.Streams : method.Contains("pollable", StringComparison.Ordinal) ? Wasi.Poll : Types;
}
