// What can go wrong with a request that went out, in the words of wasi:http.
using System.Net.Sockets;
using System.Security.Authentication;
using ErrorCode = Mote.Capabilities.Wasi.Http.IHttpTypes.ErrorCode;

namespace Mote.Capabilities.Wasi.Http;

internal static class OutgoingErrors
{
    /// <summary>The reason that is nearest to the cause.</summary>
    public static ErrorCode Of(Exception exception, bool body)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case HttpBodyException ours:
                    return ours.Code;
                case SocketException s:
                    return Of(s.SocketErrorCode);
                case AuthenticationException:
                    return ErrorCode.TLSProtocolError.Instance;
                case TimeoutException:
                    return body ? ErrorCode.ConnectionReadTimeout.Instance : ErrorCode.ConnectionTimeout.Instance;
            }
        }

        HttpRequestError error = (exception as HttpRequestException)?.HttpRequestError ?? (exception as HttpIOException)?.HttpRequestError ?? HttpRequestError.Unknown;
        return error switch
        {
            HttpRequestError.NameResolutionError => new ErrorCode.DNSError(new IHttpTypes.DNSErrorPayload(null, null)),
            HttpRequestError.ConnectionError => ErrorCode.DestinationUnavailable.Instance,
            HttpRequestError.SecureConnectionError => ErrorCode.TLSProtocolError.Instance,
            HttpRequestError.ConfigurationLimitExceeded => new ErrorCode.HTTPResponseHeaderSectionSize(null),
            HttpRequestError.ResponseEnded => body ? ErrorCode.HTTPResponseIncomplete.Instance : ErrorCode.ConnectionTerminated.Instance,
            HttpRequestError.HttpProtocolError or HttpRequestError.InvalidResponse or HttpRequestError.VersionNegotiationError or HttpRequestError.ExtendedConnectNotSupported => ErrorCode.HTTPProtocolError.Instance,
            _ => exception is IOException ? ErrorCode.ConnectionTerminated.Instance : new ErrorCode.InternalError(exception.Message),
        };
    }

    private static ErrorCode Of(SocketError error) => error switch
    {
        SocketError.ConnectionRefused => ErrorCode.ConnectionRefused.Instance,
        SocketError.TimedOut => ErrorCode.ConnectionTimeout.Instance,
        SocketError.NetworkUnreachable or SocketError.AddressFamilyNotSupported => ErrorCode.DestinationIPUnroutable.Instance,
        SocketError.HostUnreachable or SocketError.HostDown or SocketError.NetworkDown or SocketError.AddressNotAvailable => ErrorCode.DestinationUnavailable.Instance,
        SocketError.TooManyOpenSockets => ErrorCode.ConnectionLimitReached.Instance,
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery => new ErrorCode.DNSError(new IHttpTypes.DNSErrorPayload(null, null)),
        _ => ErrorCode.ConnectionTerminated.Instance,
    };
}
