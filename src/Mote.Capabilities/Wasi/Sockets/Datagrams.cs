// Datagrams that come in and go out of a UDP socket.
using System.Net;
using System.Net.Sockets;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Wasmtime;
using ErrorCode = Mote.Capabilities.Wasi.Sockets.INetworks.ErrorCode;

namespace Mote.Capabilities.Wasi.Sockets;

/// <summary>What comes in. A stream of a pair that was replaced gives nothing more.</summary>
internal sealed class DatagramInput(UdpSocket socket, int generation) : IUdp.IIncomingDatagramStream, IDisposable
{
    /// <summary>Most datagrams of one call, and most that are dropped in one because nobody may be heard from there.</summary>
    private const int Most = 16;
    private const int MostDropped = 64;
    private bool _dropped;

    /// <inheritdoc/>
    public Result<IUdp.IncomingDatagram[], ErrorCode> Receive(ulong maxResults)
    {
        if (!socket.IsCurrent(generation)) return Result<IUdp.IncomingDatagram[], ErrorCode>.Err(ErrorCode.InvalidState);
        if (maxResults > 0 && socket.TakeFault() is var fault and not SocketError.Success) return Failed(fault);
        var received = new List<IUdp.IncomingDatagram>();
        int bytes = 0, dropped = 0;
        byte[] scratch = socket.Guest.Scratch;
        EndPoint any = new IPEndPoint(socket.Socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (received.Count < (int)Math.Min(maxResults, Most) && bytes < InputStream.MaxRead && dropped < MostDropped)
        {
            try
            {
                if (!socket.Socket.Poll(0, SelectMode.SelectRead)) break;
                EndPoint from = any;
                int count = socket.Socket.ReceiveFrom(scratch.AsSpan(), SocketFlags.None, ref from);
                if (!socket.Hears((IPEndPoint)from))
                {
                    dropped++;
                    continue;
                }

                received.Add(new IUdp.IncomingDatagram(scratch.AsSpan(0, count).ToArray(), Addresses.ToGuest((IPEndPoint)from)));
                bytes += count + 1;
                socket.Guest.Vm.Usage.BytesIn += count;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.IOPending)
            {
                break;
            }
            catch (SocketException) when (received.Count > 0)
            {
                break; // it is told the next time, or was of a datagram that is gone
            }
            catch (SocketException e)
            {
                return Failed(e.SocketErrorCode);
            }
        }

        return received.ToArray();

        static Result<IUdp.IncomingDatagram[], ErrorCode> Failed(SocketError e) =>
            Result<IUdp.IncomingDatagram[], ErrorCode>.Err(e == SocketError.ConnectionReset ? ErrorCode.RemoteUnreachable : SocketErrors.Of(e));
    }

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => socket.Readable(generation);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_dropped) return;
        _dropped = true;
        socket.Release();
    }
}

/// <summary>What goes out.</summary>
internal sealed class DatagramOutput(UdpSocket socket, int generation) : IUdp.IOutgoingDatagramStream, IDisposable
{
    private const int Most = 16;

    /// <summary>What IPv4 and UDP leave of 64 KiB; IPv6's limit is a little more, and the system says where it ends.</summary>
    private const int MostBytes = 65535 - 8;

    private ulong _permitted;
    private bool _dropped;

    /// <inheritdoc/>
    public Result<ulong, ErrorCode> CheckSend()
    {
        if (!socket.IsCurrent(generation)) return ErrorCode.InvalidState;
        _permitted = CanSend ? Most : 0UL;
        return _permitted;
    }

    /// <inheritdoc/>
    public Result<ulong, ErrorCode> Send(IUdp.OutgoingDatagram[] datagrams)
    {
        if (datagrams.Length == 0) return 0UL;
        if ((ulong)datagrams.Length > _permitted) throw new TrapException($"send of {datagrams.Length} datagrams: check-send allowed {_permitted}");
        _permitted = 0;
        if (!socket.IsCurrent(generation)) return ErrorCode.InvalidState;
        ulong sent = 0;
        foreach (IUdp.OutgoingDatagram d in datagrams)
        {
            if (SendOne(d) is { } error) return sent > 0 || error == ErrorCode.WouldBlock ? sent : error;
            sent++;
        }

        return sent;
    }

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => new Sendable(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_dropped) return;
        _dropped = true;
        socket.Release();
    }

    private bool CanSend => !socket.IsCurrent(generation) || socket.Socket.Poll(0, SelectMode.SelectWrite);

    private ErrorCode? SendOne(IUdp.OutgoingDatagram datagram)
    {
        IPEndPoint? to = datagram.RemoteAddress is { } address ? Addresses.ToEndPoint(address) : socket.Peer;
        if (to is null || (socket.Peer is not null && !socket.Peer.Equals(to))) return ErrorCode.InvalidArgument;
        if (socket.Fault(to) is { } fault) return fault;
        if (datagram.Data.Length > MostBytes) return ErrorCode.DatagramTooLarge;
        if (!socket.Guest.Vm.Component.MaySend(datagram.Data.Length)) return ErrorCode.AccessDenied;
        try
        {
            if (socket.Peer is not null) socket.Socket.Send(datagram.Data.Span, SocketFlags.None);
            else socket.Socket.SendTo(datagram.Data.Span, SocketFlags.None, to);
            socket.Guest.Vm.Usage.BytesOut += datagram.Data.Length;
            return null;
        }
        catch (SocketException e)
        {
            return SocketErrors.Of(e.SocketErrorCode);
        }
    }

    /// <summary>Ready when the system takes a datagram. It says so by no callback that would not send one, so it is asked every millisecond: what waits is the network card's queue.</summary>
    private sealed class Sendable(DatagramOutput output) : Pollable(output.Socket.Guest.Vm)
    {
        protected override bool IsReady => output.CanSend;

        protected override long? ReadyAt => System.Diagnostics.Stopwatch.GetTimestamp() + (System.Diagnostics.Stopwatch.Frequency / 1000);
    }

    private UdpSocket Socket => socket;
}
