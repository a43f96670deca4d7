// The system's socket errors in the words of wasi:sockets.
using System.Net.Sockets;
using Mote.Components;
using ErrorCode = Mote.Capabilities.Wasi.Sockets.INetworks.ErrorCode;

namespace Mote.Capabilities.Wasi.Sockets;

internal static class SocketErrors
{
    public static ErrorCode Of(SocketError error) => error switch
    {
        SocketError.AccessDenied => ErrorCode.AccessDenied,
        SocketError.OperationNotSupported or SocketError.ProtocolNotSupported or SocketError.AddressFamilyNotSupported or SocketError.ProtocolFamilyNotSupported or SocketError.SocketNotSupported => ErrorCode.NotSupported,
        SocketError.InvalidArgument or SocketError.DestinationAddressRequired or SocketError.Fault => ErrorCode.InvalidArgument,
        SocketError.NoBufferSpaceAvailable => ErrorCode.OutOfMemory,
        SocketError.TimedOut => ErrorCode.Timeout,
        SocketError.WouldBlock or SocketError.IOPending => ErrorCode.WouldBlock,
        SocketError.TooManyOpenSockets or SocketError.ProcessLimit => ErrorCode.NewSocketLimit,
        SocketError.AddressNotAvailable => ErrorCode.AddressNotBindable,
        SocketError.AddressAlreadyInUse => ErrorCode.AddressInUse,
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown or SocketError.NetworkReset => ErrorCode.RemoteUnreachable,
        SocketError.ConnectionRefused => ErrorCode.ConnectionRefused,
        SocketError.ConnectionReset => ErrorCode.ConnectionReset,
        SocketError.ConnectionAborted or SocketError.Shutdown => ErrorCode.ConnectionAborted,
        SocketError.MessageSize => ErrorCode.DatagramTooLarge,
        SocketError.NotConnected or SocketError.IsConnected => ErrorCode.InvalidState,
        _ => ErrorCode.Unknown,
    };

    /// <summary>Runs something on a socket; its errors are values.</summary>
    public static Result<T, ErrorCode> Try<T>(Func<T> body)
    {
        try
        {
            return Result<T, ErrorCode>.Ok(body());
        }
        catch (SocketException e)
        {
            return Result<T, ErrorCode>.Err(Of(e.SocketErrorCode));
        }
        catch (ObjectDisposedException)
        {
            return Result<T, ErrorCode>.Err(ErrorCode.InvalidState);
        }
    }

    /// <summary>As <see cref="Try{T}"/>, for what gives nothing.</summary>
    public static Result<Unit, ErrorCode> Try(Action body) => Try(() =>
    {
        body();
        return default(Unit);
    });
}
