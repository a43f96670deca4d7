// A TCP socket: bound, connected or listening, in the two steps that wasi:sockets has for each.
using System.Net;
using System.Net.Sockets;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Runtime.Egress;
using ErrorCode = Mote.Capabilities.Wasi.Sockets.INetworks.ErrorCode;
using IpSocketAddress = Mote.Capabilities.Wasi.Sockets.INetworks.IpSocketAddress;

namespace Mote.Capabilities.Wasi.Sockets;

/// <summary>A TCP socket of a guest.</summary>
internal sealed class TcpSocket : ITcp.ITcpSocket, IOpenSocket, IDisposable
{
    private const int DefaultBacklog = 128;
    private const int MostBacklog = 4096;

    /// <summary>Seconds, and the most that systems take for keep-alive times.</summary>
    private const ulong Second = 1_000_000_000;
    private const ulong MostSeconds = 32767;
    private const uint MostProbes = 127;

    private readonly SocketsGuest _guest;
    private readonly Socket _socket;
    private readonly Signal _signal = new();
    private State _state = State.Unbound;
    private IPEndPoint? _requested;
    private int _backlog = DefaultBacklog;
    private SocketAsyncEventArgs? _operation;
    private volatile bool _done;
    private bool _accepting;
    private TcpConnection? _connection;
    private bool _disposed;

    /// <summary>One that is neither bound nor connected.</summary>
    public TcpSocket(SocketsGuest guest, Socket socket)
    {
        _guest = guest;
        _socket = socket;
        guest.Opened(this);
    }

    /// <summary>One that was accepted.</summary>
    private TcpSocket(SocketsGuest guest, TcpConnection connection)
    {
        _guest = guest;
        _socket = connection.Socket;
        _connection = connection;
        _state = State.Connected;
    }

    private enum State
    {
        Unbound,
        Binding,
        Bound,
        Connecting,
        Connected,
        Opening,
        Listening,
        Closed,
    }

    private bool IsBound => _state is State.Bound or State.Connecting or State.Connected or State.Opening or State.Listening;

    private bool InProgress => _state is State.Binding or State.Connecting or State.Opening;

    // ---- bind ----

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> StartBind(INetworks.INetwork network, IpSocketAddress localAddress)
    {
        if (InProgress) return ErrorCode.ConcurrencyConflict;
        if (_state != State.Unbound) return ErrorCode.InvalidState;
        IPEndPoint at = Addresses.ToEndPoint(localAddress);
        if (!Addresses.IsOf(at, _socket.AddressFamily) || !Addresses.IsUnicast(at)) return ErrorCode.InvalidArgument;
        // A port that the system chooses says nothing to anybody until the socket listens, which is asked for again then.
        bool chosen = at.Port == 0 && _guest.Policy.UsesSockets(SocketUse.Tcp, SocketUse.TcpListen);
        if (!chosen && !_guest.Policy.AllowsBinding(SocketUse.TcpListen, at)) return ErrorCode.AccessDenied;
        Result<Unit, ErrorCode> bound = SocketErrors.Try(() =>
        {
            ReuseAddress(at.Port);
            _socket.Bind(at);
        });
        if (!bound.IsOk) return bound;
        _requested = at;
        _state = State.Binding;
        return bound;
    }

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> FinishBind()
    {
        if (_state != State.Binding) return ErrorCode.NotInProgress;
        _state = State.Bound;
        return default(Unit);
    }

    // ---- connect ----

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> StartConnect(INetworks.INetwork network, IpSocketAddress remoteAddress)
    {
        if (InProgress) return ErrorCode.ConcurrencyConflict;
        if (_state is not (State.Unbound or State.Bound)) return ErrorCode.InvalidState;
        IPEndPoint to = Addresses.ToEndPoint(remoteAddress);
        if (!Addresses.IsOf(to, _socket.AddressFamily) || !Addresses.IsUnicast(to) || !Addresses.IsRemote(to)) return ErrorCode.InvalidArgument;
        if (!_guest.Policy.AllowsPeer(SocketUse.Tcp, to, _guest.Resolved)) return ErrorCode.AccessDenied;
        _operation = new SocketAsyncEventArgs { RemoteEndPoint = to };
        _operation.Completed += (_, _) => Happened();
        _state = State.Connecting;
        Result<Unit, ErrorCode> begun = SocketErrors.Try(() =>
        {
            if (!_socket.ConnectAsync(_operation)) Happened();
        });
        if (!begun.IsOk) _state = State.Closed;
        return begun;
    }

    /// <inheritdoc/>
    public Result<(IStreams.IInputStream, IStreams.IOutputStream), ErrorCode> FinishConnect()
    {
        if (_state != State.Connecting) return Failed(ErrorCode.NotInProgress);
        if (!_done) return Failed(ErrorCode.WouldBlock);
        SocketError error = _operation!.SocketError;
        _operation.Dispose();
        _operation = null;
        if (error != SocketError.Success)
        {
            _state = State.Closed;
            // Without a port of its own, an address that cannot be had is one that the system ran out of.
            return Failed(error == SocketError.AddressNotAvailable ? ErrorCode.AddressInUse : SocketErrors.Of(error));
        }

        _state = State.Connected;
        _guest.Closed(this); // from here on the connection counts
        _connection = new TcpConnection(_guest, _socket);
        return (_connection.Input, _connection.Output);

        static Result<(IStreams.IInputStream, IStreams.IOutputStream), ErrorCode> Failed(ErrorCode code) => Result<(IStreams.IInputStream, IStreams.IOutputStream), ErrorCode>.Err(code);
    }

    // ---- listen ----

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> StartListen()
    {
        if (InProgress) return ErrorCode.ConcurrencyConflict;
        if (_state != State.Bound) return ErrorCode.InvalidState;
        if (!_guest.Policy.AllowsBinding(SocketUse.TcpListen, _requested!)) return ErrorCode.AccessDenied;
        Result<Unit, ErrorCode> listening = SocketErrors.Try(() => _socket.Listen(_backlog));
        if (listening.IsOk) _state = State.Opening;
        return listening;
    }

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> FinishListen()
    {
        if (_state != State.Opening) return ErrorCode.NotInProgress;
        _state = State.Listening;
        return default(Unit);
    }

    /// <inheritdoc/>
    public Result<(ITcp.ITcpSocket, IStreams.IInputStream, IStreams.IOutputStream), ErrorCode> Accept()
    {
        if (_state != State.Listening) return Failed(ErrorCode.InvalidState);
        if (_guest.IsFull) return Failed(ErrorCode.NewSocketLimit);
        Result<Socket?, ErrorCode> accepted = SocketErrors.Try(TakeAccepted);
        if (!accepted.IsOk) return Failed(accepted.Error);
        if (accepted.Value is not { } socket) return Failed(ErrorCode.WouldBlock);
        socket.Blocking = false;
        var connection = new TcpConnection(_guest, socket);
        return (new TcpSocket(_guest, connection), connection.Input, connection.Output);

        static Result<(ITcp.ITcpSocket, IStreams.IInputStream, IStreams.IOutputStream), ErrorCode> Failed(ErrorCode code) =>
            Result<(ITcp.ITcpSocket, IStreams.IInputStream, IStreams.IOutputStream), ErrorCode>.Err(code);
    }

    // ---- what it is ----

    /// <inheritdoc/>
    public Result<IpSocketAddress, ErrorCode> LocalAddress() =>
        IsBound && _state != State.Connecting ? SocketErrors.Try(() => Addresses.ToGuest((IPEndPoint)_socket.LocalEndPoint!)) : Result<IpSocketAddress, ErrorCode>.Err(ErrorCode.InvalidState);

    /// <inheritdoc/>
    public Result<IpSocketAddress, ErrorCode> RemoteAddress() =>
        _state == State.Connected ? SocketErrors.Try(() => Addresses.ToGuest((IPEndPoint)_socket.RemoteEndPoint!)) : Result<IpSocketAddress, ErrorCode>.Err(ErrorCode.InvalidState);

    /// <inheritdoc/>
    public bool IsListening() => _state == State.Listening;

    /// <inheritdoc/>
    public INetworks.IpAddressFamily AddressFamily() =>
        _socket.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? INetworks.IpAddressFamily.Ipv4 : INetworks.IpAddressFamily.Ipv6;

    // ---- options ----

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetListenBacklogSize(ulong value)
    {
        if (value == 0) return ErrorCode.InvalidArgument;
        if (_state is State.Connecting or State.Connected or State.Closed) return ErrorCode.InvalidState;
        _backlog = (int)Math.Min(value, MostBacklog);
        if (_state is not (State.Listening or State.Opening)) return default(Unit);
        return SocketErrors.Try(() => _socket.Listen(_backlog)).IsOk ? default(Unit) : ErrorCode.NotSupported;
    }

    /// <inheritdoc/>
    public Result<bool, ErrorCode> KeepAliveEnabled() =>
        Get(s => (int)s.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)! != 0);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetKeepAliveEnabled(bool value) => Set(s => s.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, value));

    /// <inheritdoc/>
    public Result<ulong, ErrorCode> KeepAliveIdleTime() => Get(s => (ulong)(int)s.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime)! * Second);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetKeepAliveIdleTime(ulong value) =>
        value == 0 ? ErrorCode.InvalidArgument : Set(s => s.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Seconds(value)));

    /// <inheritdoc/>
    public Result<ulong, ErrorCode> KeepAliveInterval() => Get(s => (ulong)(int)s.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval)! * Second);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetKeepAliveInterval(ulong value) =>
        value == 0 ? ErrorCode.InvalidArgument : Set(s => s.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Seconds(value)));

    /// <inheritdoc/>
    public Result<uint, ErrorCode> KeepAliveCount() => Get(s => (uint)(int)s.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount)!);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetKeepAliveCount(uint value) =>
        value == 0 ? ErrorCode.InvalidArgument : Set(s => s.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, (int)Math.Min(value, MostProbes)));

    /// <inheritdoc/>
    public Result<byte, ErrorCode> HopLimit() => _state == State.Closed ? ErrorCode.InvalidState : SocketOptions.HopLimit(_socket);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetHopLimit(byte value) => _state == State.Closed ? ErrorCode.InvalidState : SocketOptions.SetHopLimit(_socket, value);

    /// <inheritdoc/>
    public Result<ulong, ErrorCode> ReceiveBufferSize() => _state == State.Closed ? ErrorCode.InvalidState : SocketOptions.ReceiveBufferSize(_socket);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetReceiveBufferSize(ulong value) => _state == State.Closed ? ErrorCode.InvalidState : SocketOptions.SetReceiveBufferSize(_socket, value);

    /// <inheritdoc/>
    public Result<ulong, ErrorCode> SendBufferSize() => _state == State.Closed ? ErrorCode.InvalidState : SocketOptions.SendBufferSize(_socket);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetSendBufferSize(ulong value) => _state == State.Closed ? ErrorCode.InvalidState : SocketOptions.SetSendBufferSize(_socket, value);

    // ---- waiting and ending ----

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => new SignalPollable(_guest.Vm, _signal, IsReady, Arm);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> Shutdown(ITcp.ShutdownType shutdownType)
    {
        if (_connection is null) return ErrorCode.InvalidState;
        if (shutdownType is ITcp.ShutdownType.Receive or ITcp.ShutdownType.Both) _connection.EndReading();
        if (shutdownType is ITcp.ShutdownType.Send or ITcp.ShutdownType.Both) _connection.EndWriting();
        return default(Unit);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _state = State.Closed;
        if (_connection is not null)
        {
            _connection.Release();
            return;
        }

        _guest.Closed(this);
        _socket.Dispose();
        if (_accepting && _done) _operation?.AcceptSocket?.Dispose();
        _operation?.Dispose();
    }

    /// <inheritdoc/>
    public void End() => Dispose();

    private static int Seconds(ulong nanoseconds) => (int)Math.Clamp((nanoseconds / Second) + (nanoseconds % Second == 0 ? 0UL : 1), 1, MostSeconds);

    private Result<T, ErrorCode> Get<T>(Func<Socket, T> get) => _state == State.Closed ? Result<T, ErrorCode>.Err(ErrorCode.InvalidState) : SocketErrors.Try(() => get(_socket));

    private Result<Unit, ErrorCode> Set(Action<Socket> set) => _state == State.Closed ? ErrorCode.InvalidState : SocketErrors.Try(() => set(_socket));

    private bool IsReady() => _state switch
    {
        State.Connecting => _done,
        State.Listening => (_accepting && _done) || (!_accepting && _socket.Poll(0, SelectMode.SelectRead)),
        _ => true,
    };

    /// <summary>Somebody waits: a connection that comes is accepted by the system's callback, and kept for the guest.</summary>
    private void Arm()
    {
        if (_state != State.Listening || _accepting) return;
        _operation ??= MakeAccept();
        _operation.AcceptSocket = null;
        _accepting = true;
        _done = false;
        if (!SocketErrors.Try(() =>
        {
            if (!_socket.AcceptAsync(_operation)) Happened();
        }).IsOk)
        {
            _accepting = false;
        }
    }

    private SocketAsyncEventArgs MakeAccept()
    {
        var accept = new SocketAsyncEventArgs();
        accept.Completed += (_, e) =>
        {
            Happened();
            if (_disposed) e.AcceptSocket?.Dispose();
        };
        return accept;
    }

    private Socket? TakeAccepted()
    {
        if (_accepting)
        {
            if (!_done) return null;
            _accepting = false;
            return _operation!.SocketError == SocketError.Success ? _operation.AcceptSocket : throw new SocketException((int)_operation.SocketError);
        }

        return _socket.Poll(0, SelectMode.SelectRead) ? _socket.Accept() : null;
    }

    private void Happened()
    {
        _done = true;
        _signal.Raise();
    }

    /// <summary>A port that was in use a moment ago can be bound again, as everywhere but on Windows, where it means something else.</summary>
    private void ReuseAddress(int port)
    {
        if (port == 0 || OperatingSystem.IsWindows()) return;
        (int level, int option) = OperatingSystem.IsLinux() ? (1, 2) : (0xffff, 4); // SOL_SOCKET, SO_REUSEADDR; .NET's own name sets SO_REUSEPORT too
        _socket.SetRawSocketOption(level, option, BitConverter.GetBytes(1));
    }
}
