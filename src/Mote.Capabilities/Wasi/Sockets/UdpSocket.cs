// A UDP socket: bound, and then with a pair of streams of datagrams to one peer or to many.
using System.Net;
using System.Net.Sockets;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Runtime.Egress;
using ErrorCode = Mote.Capabilities.Wasi.Sockets.INetworks.ErrorCode;
using IpSocketAddress = Mote.Capabilities.Wasi.Sockets.INetworks.IpSocketAddress;

namespace Mote.Capabilities.Wasi.Sockets;

/// <summary>A UDP socket of a guest.</summary>
internal sealed class UdpSocket : IUdp.IUdpSocket, IOpenSocket, IDisposable
{
    /// <summary>Peers that have sent something, and may be answered.</summary>
    private const int MostHeard = 1024;

    private readonly Signal _arrived = new();
    private readonly HashSet<IPEndPoint> _heard = [];
    private readonly Queue<IPEndPoint> _heardInOrder = [];
    private readonly Lock _lock = new();
    private SocketAsyncEventArgs? _peek;
    private bool _peeking;
    private SocketError _fault;
    private bool _binding;
    private bool _bound;
    private bool _open;
    private IPEndPoint? _local;
    private bool _connectedBefore;
    private IPEndPoint? _allowed;
    private int _generation;
    private int _parts = 1;
    private bool _dropped;

    /// <summary>One that is not bound.</summary>
    public UdpSocket(SocketsGuest guest, Socket socket)
    {
        Guest = guest;
        Socket = socket;
        guest.Opened(this);
    }

    public SocketsGuest Guest { get; }

    public Socket Socket { get; }

    /// <summary>The one peer; null for many.</summary>
    public IPEndPoint? Peer { get; private set; }

    public bool IsClosed { get; private set; }

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> StartBind(INetworks.INetwork network, IpSocketAddress localAddress)
    {
        if (_binding) return ErrorCode.ConcurrencyConflict;
        if (_bound) return ErrorCode.InvalidState;
        IPEndPoint at = Addresses.ToEndPoint(localAddress);
        if (!Addresses.IsOf(at, Socket.AddressFamily)) return ErrorCode.InvalidArgument;
        // Without a grant to listen the port is the system's choice, and only peers that may be sent to are heard.
        bool open = Guest.Policy.AllowsBinding(SocketUse.UdpListen, at, note: at.Port != 0);
        if (!open && (at.Port != 0 || !Guest.Policy.UsesSockets(SocketUse.Udp, SocketUse.UdpListen))) return ErrorCode.AccessDenied;
        Result<Unit, ErrorCode> bound = SocketErrors.Try(() =>
        {
            Socket.Bind(at);
            _local = (IPEndPoint)Socket.LocalEndPoint!;
        });
        if (!bound.IsOk) return bound;
        _open = open;
        _binding = true;
        return bound;
    }

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> FinishBind()
    {
        if (!_binding) return ErrorCode.NotInProgress;
        _binding = false;
        _bound = true;
        return default(Unit);
    }

    /// <inheritdoc/>
    public Result<(IUdp.IIncomingDatagramStream, IUdp.IOutgoingDatagramStream), ErrorCode> Stream(IpSocketAddress? remoteAddress)
    {
        if (!_bound) return Failed(ErrorCode.InvalidState);
        IPEndPoint? peer = remoteAddress is { } given ? Addresses.ToEndPoint(given) : null;
        if (peer is not null && Fault(peer) is { } fault) return Failed(fault);
        Result<Unit, ErrorCode> connected = SocketErrors.Try(() =>
        {
            if (peer is not null) Socket.Connect(peer);
            else if (_connectedBefore) LetGo();
        });
        if (!connected.IsOk) return Failed(connected.Error);
        _connectedBefore = peer is not null;
        Peer = peer;
        _generation++; // streams from before are over
        _parts += 2;
        return (new DatagramInput(this, _generation), new DatagramOutput(this, _generation));

        static Result<(IUdp.IIncomingDatagramStream, IUdp.IOutgoingDatagramStream), ErrorCode> Failed(ErrorCode code) =>
            Result<(IUdp.IIncomingDatagramStream, IUdp.IOutgoingDatagramStream), ErrorCode>.Err(code);
    }

    /// <inheritdoc/>
    public Result<IpSocketAddress, ErrorCode> LocalAddress() =>
        _bound ? SocketErrors.Try(() => Addresses.ToGuest((IPEndPoint)Socket.LocalEndPoint!)) : Result<IpSocketAddress, ErrorCode>.Err(ErrorCode.InvalidState);

    /// <inheritdoc/>
    public Result<IpSocketAddress, ErrorCode> RemoteAddress() => Peer is not null ? Addresses.ToGuest(Peer) : Result<IpSocketAddress, ErrorCode>.Err(ErrorCode.InvalidState);

    /// <inheritdoc/>
    public INetworks.IpAddressFamily AddressFamily() =>
        Socket.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? INetworks.IpAddressFamily.Ipv4 : INetworks.IpAddressFamily.Ipv6;

    /// <inheritdoc/>
    public Result<byte, ErrorCode> UnicastHopLimit() => SocketOptions.HopLimit(Socket);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetUnicastHopLimit(byte value) => SocketOptions.SetHopLimit(Socket, value);

    /// <inheritdoc/>
    public Result<ulong, ErrorCode> ReceiveBufferSize() => SocketOptions.ReceiveBufferSize(Socket);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetReceiveBufferSize(ulong value) => SocketOptions.SetReceiveBufferSize(Socket, value);

    /// <inheritdoc/>
    public Result<ulong, ErrorCode> SendBufferSize() => SocketOptions.SendBufferSize(Socket);

    /// <inheritdoc/>
    public Result<Unit, ErrorCode> SetSendBufferSize(ulong value) => SocketOptions.SetSendBufferSize(Socket, value);

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => new ReadyPollable(Guest.Vm);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_dropped) return;
        _dropped = true;
        Release();
    }

    /// <summary>The socket or one of its streams was dropped.</summary>
    public void Release()
    {
        if (--_parts == 0) End();
    }

    /// <summary>Closes it, whoever still holds a part of it.</summary>
    public void End()
    {
        if (IsClosed) return;
        IsClosed = true;
        Guest.Closed(this);
        Socket.Dispose();
        _peek?.Dispose();
    }

    /// <summary>Is a stream one of the pair that was asked for last?</summary>
    public bool IsCurrent(int generation) => generation == _generation && !IsClosed;

    /// <summary>Why nothing may be sent there; null where it may.</summary>
    public ErrorCode? Fault(IPEndPoint to)
    {
        if (to.Equals(_allowed)) return null;
        if (!Addresses.IsOf(to, Socket.AddressFamily) || !Addresses.IsRemote(to)) return ErrorCode.InvalidArgument;
        if (!_heard.Contains(to) && !Guest.Policy.AllowsPeer(SocketUse.Udp, to, Guest.Resolved)) return ErrorCode.AccessDenied;
        _allowed = to; // one is enough: most sockets have one peer
        return null;
    }

    /// <summary>Does the guest hear a datagram from there?</summary>
    public bool Hears(IPEndPoint from)
    {
        if (Peer is not null && !Peer.Equals(from)) return false;
        if (from.Equals(_allowed)) return true;
        if (!_open) return Guest.Policy.AllowsPeer(SocketUse.Udp, from, Guest.Resolved, note: false);
        if (!_heard.Add(from)) return true;
        _heardInOrder.Enqueue(from);
        if (_heardInOrder.Count > MostHeard) _heard.Remove(_heardInOrder.Dequeue());
        return true;
    }

    /// <summary>Ready when a datagram is there.</summary>
    public Pollable Readable(int generation) => new SignalPollable(Guest.Vm, _arrived, () => !IsCurrent(generation) || HasFault || Socket.Poll(0, SelectMode.SelectRead), Wait);

    /// <summary>Ends the association with a peer. Linux takes a port that it chose itself away with it, so it is bound anew.</summary>
    private void LetGo()
    {
        Socket.Connect(new NoPeer());
        try
        {
            Socket.Bind(_local!);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.InvalidArgument)
        {
            // It still has its port.
        }
    }

    /// <summary>What went wrong while somebody waited: a look takes the system's error with it, so it is kept.</summary>
    public SocketError TakeFault()
    {
        lock (_lock)
        {
            SocketError fault = _fault;
            _fault = SocketError.Success;
            return fault;
        }
    }

    private bool HasFault
    {
        get
        {
            lock (_lock) return _fault != SocketError.Success;
        }
    }

    private void Wait()
    {
        lock (_lock)
        {
            if (_peeking || IsClosed) return;
            _peeking = true;
            if (_peek is null)
            {
                // Looks at one byte and leaves the datagram where it is.
                _peek = new SocketAsyncEventArgs { SocketFlags = SocketFlags.Peek, RemoteEndPoint = new IPEndPoint(AddressFamily() == INetworks.IpAddressFamily.Ipv4 ? IPAddress.Any : IPAddress.IPv6Any, 0) };
                _peek.SetBuffer(new byte[1]);
                _peek.Completed += (_, e) => Arrived(e.SocketError);
            }
        }

        try
        {
            if (!Socket.ReceiveFromAsync(_peek)) Arrived(_peek.SocketError);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Arrived(SocketError.Success); // the next read tells
        }
    }

    private void Arrived(SocketError error)
    {
        lock (_lock)
        {
            _peeking = false;
            if (error is not SocketError.MessageSize) _fault = error; // one byte of a longer datagram is what was asked for
        }

        _arrived.Raise();
    }

    /// <summary>AF_UNSPEC: a connected UDP socket is let go by connecting it to that.</summary>
    private sealed class NoPeer : EndPoint
    {
        public override AddressFamily AddressFamily => AddressFamily.Unspecified;

        public override SocketAddress Serialize() => new(AddressFamily.Unspecified, 16);
    }
}
