// Options that TCP and UDP sockets have in common, in the units of wasi:sockets.
using System.Net.Sockets;
using Mote.Components;
using ErrorCode = Mote.Capabilities.Wasi.Sockets.INetworks.ErrorCode;

namespace Mote.Capabilities.Wasi.Sockets;

internal static class SocketOptions
{
    /// <summary>Linux keeps its own books in a socket's buffers and tells twice what was asked for.</summary>
    private static readonly int s_factor = OperatingSystem.IsLinux() ? 2 : 1;

    public static Result<byte, ErrorCode> HopLimit(Socket socket) => SocketErrors.Try(() => (byte)socket.Ttl);

    public static Result<Unit, ErrorCode> SetHopLimit(Socket socket, byte value) =>
        value == 0 ? ErrorCode.InvalidArgument : SocketErrors.Try(() => { socket.Ttl = value; });

    public static Result<ulong, ErrorCode> ReceiveBufferSize(Socket socket) => SocketErrors.Try(() => (ulong)(socket.ReceiveBufferSize / s_factor));

    public static Result<Unit, ErrorCode> SetReceiveBufferSize(Socket socket, ulong value) =>
        value == 0 ? ErrorCode.InvalidArgument : SocketErrors.Try(() => { socket.ReceiveBufferSize = Clamp(value); });

    public static Result<ulong, ErrorCode> SendBufferSize(Socket socket) => SocketErrors.Try(() => (ulong)(socket.SendBufferSize / s_factor));

    public static Result<Unit, ErrorCode> SetSendBufferSize(Socket socket, ulong value) =>
        value == 0 ? ErrorCode.InvalidArgument : SocketErrors.Try(() => { socket.SendBufferSize = Clamp(value); });

    /// <summary>The kernel has a limit of its own above; this one keeps what a guest asks for within reason.</summary>
    private static int Clamp(ulong value) => (int)Math.Clamp(value, 1, 4UL << 20);
}
