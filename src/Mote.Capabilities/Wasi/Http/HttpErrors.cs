// Faults of bodies, and the errors of streams that carry them.
using Mote.Capabilities.Wasi.Io;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>An error of a stream, with the reason in HTTP's words.</summary>
public sealed class HttpIoError(IHttpTypes.ErrorCode code, string message) : IoError(message)
{
    /// <summary>The reason.</summary>
    public IHttpTypes.ErrorCode Code { get; } = code;
}

/// <summary>A body could not be read or written.</summary>
public sealed class HttpBodyException(IHttpTypes.ErrorCode code, string message) : Exception(message)
{
    /// <summary>The reason.</summary>
    public IHttpTypes.ErrorCode Code { get; } = code;

    /// <summary>As a guest's stream tells it.</summary>
    public StreamFailure ToStreamFailure() => new(new HttpIoError(Code, Message));
}
