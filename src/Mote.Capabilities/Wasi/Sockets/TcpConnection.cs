// A TCP connection in a guest's hands: what is received is read straight from the system, what is sent is kept only as far
// as the system does not take it at once. No thread belongs to a connection; the system calls back.
using System.Buffers;
using System.Net.Sockets;
using Mote.Capabilities.Wasi.Io;

namespace Mote.Capabilities.Wasi.Sockets;

/// <summary>A connection. It is open while its socket, its input or its output is; the guest's thread uses it, and callbacks.</summary>
internal sealed class TcpConnection : IOpenSocket
{
    /// <summary>How long what was written last may take to leave after the guest has gone.</summary>
    private static readonly TimeSpan s_linger = TimeSpan.FromSeconds(5);

    private readonly SocketsGuest _guest;
    private readonly Lock _lock = new();
    private readonly Signal _readable = new();
    private readonly Signal _writable = new();
    private SocketAsyncEventArgs? _wait;
    private SocketAsyncEventArgs? _send;
    private bool _waiting;
    private byte[]? _pending;
    private int _pendingAt;
    private int _pendingEnd;
    private SocketError _sendFault;
    private bool _faultTold;
    private bool _readEnded;
    private bool _writeEnded;
    private bool _closing;
    private ITimer? _lingering;
    private int _parts = 3;

    /// <summary>A connection over a connected socket.</summary>
    public TcpConnection(SocketsGuest guest, Socket socket)
    {
        _guest = guest;
        Socket = socket;
        socket.NoDelay = true; // a guest's write is a message; it does its own gathering
        Input = new TcpInput(this);
        Output = new TcpOutput(this);
        guest.Opened(this);
    }

    public Socket Socket { get; }

    public SocketsGuest Guest => _guest;

    public TcpInput Input { get; }

    public TcpOutput Output { get; }

    /// <summary>True where nothing more is written: it was shut down, or the fault was told.</summary>
    public bool IsWriteEnded => _writeEnded;

    /// <summary>True where something waits for the system to take it.</summary>
    public bool IsSending
    {
        get
        {
            lock (_lock) return _pending is not null;
        }
    }

    /// <summary>Bytes that are there, up to this many; they are gone with the next read of this instance.</summary>
    public ReadOnlyMemory<byte> Read(int max, out bool closed)
    {
        closed = _readEnded;
        if (_readEnded || max == 0) return default;
        byte[] scratch = _guest.Scratch;
        int count = Socket.Receive(scratch.AsSpan(0, Math.Min(max, scratch.Length)), SocketFlags.None, out SocketError error);
        switch (error)
        {
            case SocketError.Success:
                closed = _readEnded = count == 0;
                _guest.Vm.Usage.BytesIn += count;
                return scratch.AsMemory(0, count);
            case SocketError.WouldBlock or SocketError.IOPending:
                return default;
            default:
                _readEnded = true;
                throw Failure(error);
        }
    }

    /// <summary>Ready when <see cref="Read"/> would give bytes, the end or an error.</summary>
    public Pollable Readable() => new SignalPollable(_guest.Vm, _readable, () => _readEnded || _closing || Socket.Poll(0, SelectMode.SelectRead), Wait);

    /// <summary>Ready when nothing waits to be sent.</summary>
    public Pollable Writable() => new SignalPollable(_guest.Vm, _writable, () => _writeEnded || !IsSending);

    /// <summary>Sends; what the system does not take now is kept and follows. Called only where nothing is being sent.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        ThrowIfFaulty();
        if (!_guest.Vm.Component.MaySend(bytes.Length))
        {
            // The bytes would be missing from the stream: nothing may follow them.
            Fail(SocketError.AccessDenied);
            ThrowIfFaulty();
        }

        int sent = Socket.Send(bytes, SocketFlags.None, out SocketError error);
        if (error is SocketError.WouldBlock or SocketError.IOPending)
        {
            sent = 0;
        }
        else if (error != SocketError.Success)
        {
            Fail(error);
            ThrowIfFaulty();
            return;
        }

        _guest.Vm.Usage.BytesOut += bytes.Length;
        if (sent == bytes.Length) return;
        byte[] rest = ArrayPool<byte>.Shared.Rent(bytes.Length - sent);
        bytes[sent..].CopyTo(rest);
        lock (_lock)
        {
            _pending = rest;
            _pendingAt = 0;
            _pendingEnd = bytes.Length - sent;
            if (_send is null)
            {
                _send = new SocketAsyncEventArgs();
                _send.Completed += (_, e) => Sent(e);
            }
        }

        SendOn();
    }

    /// <summary>Throws what went wrong with sending; it is told once, then the stream is closed.</summary>
    public void ThrowIfFaulty()
    {
        SocketError fault;
        lock (_lock) fault = _sendFault;
        if (fault == SocketError.Success || _faultTold) return;
        _faultTold = _writeEnded = true;
        // The other side has gone in good order: closed, not broken.
        if (fault != SocketError.Shutdown) throw Failure(fault);
    }

    /// <summary>Nothing more is read; what is there is dropped.</summary>
    public void EndReading() => _readEnded = true;

    /// <summary>Nothing more is written; the other side is told after what was written before.</summary>
    public void EndWriting()
    {
        if (_writeEnded) return;
        _writeEnded = true;
        bool now;
        lock (_lock) now = _pending is null;
        if (now) SendFin();
        _writable.Raise();
    }

    /// <summary>The guest has dropped the socket, the input or the output.</summary>
    public void Release()
    {
        if (--_parts == 0) End();
    }

    /// <summary>The connection is over: what was written still leaves, within bounds.</summary>
    public void End()
    {
        if (_closing) return;
        _guest.Closed(this);
        _readEnded = true;
        bool now;
        lock (_lock)
        {
            _closing = true;
            now = _pending is null;
            if (!now) _lingering = TimeProvider.System.CreateTimer(static c => ((TcpConnection)c!).Close(), this, s_linger, Timeout.InfiniteTimeSpan);
        }

        if (!now) return;
        EndWriting();
        Close();
    }

    /// <summary>A callback will come when there is something to read.</summary>
    private void Wait()
    {
        lock (_lock)
        {
            if (_waiting || _closing) return;
            _waiting = true;
            if (_wait is null)
            {
                _wait = new SocketAsyncEventArgs();
                _wait.Completed += (_, _) => Arrived();
                _wait.SetBuffer(Memory<byte>.Empty); // waits for bytes and takes none
            }
        }

        try
        {
            if (!Socket.ReceiveAsync(_wait)) Arrived();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Arrived(); // the next read tells
        }
    }

    private void Arrived()
    {
        lock (_lock) _waiting = false;
        _readable.Raise();
    }

    private void SendOn()
    {
        SocketAsyncEventArgs send = _send!;
        try
        {
            while (true)
            {
                lock (_lock)
                {
                    if (_pending is null) return;
                    send.SetBuffer(_pending.AsMemory(_pendingAt, _pendingEnd - _pendingAt));
                }

                if (Socket.SendAsync(send)) return;
                Took(send);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Fail((e as SocketException)?.SocketErrorCode ?? SocketError.ConnectionAborted);
            AfterSending();
        }
    }

    private void Sent(SocketAsyncEventArgs e)
    {
        Took(e);
        SendOn();
    }

    private void Took(SocketAsyncEventArgs e)
    {
        if (e.SocketError != SocketError.Success)
        {
            Fail(e.SocketError);
            AfterSending();
            return;
        }

        lock (_lock)
        {
            _pendingAt += e.BytesTransferred;
            if (_pendingAt < _pendingEnd) return;
        }

        AfterSending();
    }

    /// <summary>All of it went, or none of it will.</summary>
    private void AfterSending()
    {
        bool closing;
        lock (_lock)
        {
            if (_pending is null) return;
            ArrayPool<byte>.Shared.Return(_pending);
            _pending = null;
            closing = _closing;
        }

        if (_writeEnded || closing) SendFin();
        if (closing) Close();
        _writable.Raise();
    }

    private void Fail(SocketError error)
    {
        lock (_lock)
        {
            if (_sendFault == SocketError.Success) _sendFault = error;
        }
    }

    private void SendFin()
    {
        try
        {
            Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // There is nobody any more to be told.
        }
    }

    private void Close()
    {
        _lingering?.Dispose();
        Socket.Dispose();
        _wait?.Dispose();
        _send?.Dispose();
        _readable.Raise();
        _writable.Raise();
    }

    private static StreamFailure Failure(SocketError error) => new(new SocketIoError(SocketErrors.Of(error), $"{new SocketException((int)error).Message} ({error})"));
}

/// <summary>An error of a connection's stream.</summary>
internal sealed class SocketIoError(INetworks.ErrorCode code, string message) : IoError(message)
{
    public INetworks.ErrorCode Code => code;
}

/// <summary>What comes in.</summary>
internal sealed class TcpInput(TcpConnection connection) : InputStream(connection.Guest.Vm), IDisposable
{
    private bool _dropped;

    public void Dispose()
    {
        if (_dropped) return;
        _dropped = true;
        connection.EndReading();
        connection.Release();
    }

    protected override ReadOnlyMemory<byte> Take(int max, out bool closed) => connection.Read(max, out closed);

    protected override Pollable Readable() => connection.Readable();
}

/// <summary>What goes out.</summary>
internal sealed class TcpOutput(TcpConnection connection) : OutputStream(connection.Guest.Vm), IDisposable
{
    private bool _dropped;

    protected override ulong Room
    {
        get
        {
            connection.ThrowIfFaulty();
            return connection.IsSending ? 0 : Permit;
        }
    }

    protected override bool IsThrough
    {
        get
        {
            connection.ThrowIfFaulty();
            return !connection.IsSending;
        }
    }

    protected override bool IsClosed => connection.IsWriteEnded;

    public void Dispose()
    {
        if (_dropped) return;
        _dropped = true;
        connection.EndWriting();
        connection.Release();
    }

    protected override void Put(ReadOnlySpan<byte> bytes) => connection.Write(bytes);

    protected override void Through() => connection.ThrowIfFaulty();

    protected override Pollable Writable() => connection.Writable();
}
