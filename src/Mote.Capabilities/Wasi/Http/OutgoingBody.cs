// A body that a guest writes. It is held back until the message that it belongs to is sent, and after that goes to the
// transport, which says when to wait.
using System.Buffers;
using System.IO.Pipelines;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>Where a body goes. Everything is called on the guest's thread, but for the end of a flush.</summary>
public abstract class BodySink
{
    private readonly PipeWriter _writer;
    private Task? _flushing;
    private Action? _wake;

    /// <summary>A body that goes into this pipe.</summary>
    protected BodySink(PipeWriter writer) => _writer = writer;

    /// <summary>True where no flush is on its way.</summary>
    /// <exception cref="HttpBodyException">The other side is gone.</exception>
    internal bool IsThrough
    {
        get
        {
            if (_flushing is not { } flushing) return true;
            if (!flushing.IsCompleted) return false;
            _flushing = null;
            try
            {
                flushing.GetAwaiter().GetResult();
                return true;
            }
            catch (Exception e)
            {
                throw Explain(e);
            }
        }
    }

    /// <summary>True where the message has no body on the wire, whatever the guest writes: an answer to HEAD, or a 204.</summary>
    public virtual bool Discards => false;

    /// <summary>Ends when the flush that is on its way does.</summary>
    public Task Flushing => _flushing ?? Task.CompletedTask;

    /// <summary>A fault of the transport in HTTP's words.</summary>
    protected abstract HttpBodyException Explain(Exception e);

    /// <summary>Before the first byte goes out: the head of the message, with the body's length where all of it is known.</summary>
    protected abstract void Begin(long? length);

    /// <summary>The body is whole.</summary>
    protected abstract void End(Fields? trailers);

    /// <summary>The body will never be whole: the other side must notice.</summary>
    public abstract void Abort();

    internal void Start(long? length)
    {
        try
        {
            Begin(length);
        }
        catch (Exception e)
        {
            throw Explain(e);
        }
    }

    /// <summary>Bytes into the pipe.</summary>
    /// <exception cref="HttpBodyException">The other side is gone.</exception>
    internal void Write(ReadOnlySpan<byte> bytes)
    {
        if (Discards) return;
        try
        {
            while (bytes.Length > 0)
            {
                Span<byte> room = _writer.GetSpan();
                int n = Math.Min(room.Length, bytes.Length);
                bytes[..n].CopyTo(room);
                _writer.Advance(n);
                bytes = bytes[n..];
            }
        }
        catch (Exception e)
        {
            throw Explain(e);
        }
    }

    /// <summary>Begins to send what was written.</summary>
    /// <exception cref="HttpBodyException">The other side is gone.</exception>
    internal void Flush()
    {
        if (!IsThrough) return;
        try
        {
            ValueTask<FlushResult> flushing = _writer.FlushAsync();
            if (flushing.IsCompletedSuccessfully)
            {
                if (flushing.Result.IsCompleted) throw new IOException("the other side reads no more");
                return;
            }

            _flushing = Check(flushing);
            _flushing.ContinueWith(static (_, self) => Volatile.Read(ref ((BodySink)self!)._wake)?.Invoke(), this, TaskContinuationOptions.ExecuteSynchronously);
        }
        catch (Exception e)
        {
            throw Explain(e);
        }

        static async Task Check(ValueTask<FlushResult> flushing)
        {
            FlushResult result = await flushing.ConfigureAwait(false);
            if (result.IsCompleted) throw new IOException("the other side reads no more");
        }
    }

    internal void Finish(Fields? trailers)
    {
        try
        {
            End(trailers);
        }
        catch (Exception e)
        {
            throw Explain(e);
        }
    }

    /// <summary>Waits for a flush that was begun, so that nothing touches the transport after this; false where it lasts.</summary>
    public bool Settle(TimeSpan atMost)
    {
        try
        {
            return _flushing is null || _flushing.Wait(atMost);
        }
        catch (AggregateException)
        {
            return true;
        }
    }

    internal void Watch(Action wake)
    {
        Volatile.Write(ref _wake, wake);
        if (_flushing is null or { IsCompleted: true }) wake();
    }

    internal void Unwatch() => Volatile.Write(ref _wake, null);
}

/// <summary>A body to write. One that is dropped before it is finished is cut off, and the other side notices.</summary>
/// <param name="vm">Whose it is.</param>
/// <param name="length">What the guest said it will write (content-length); null where it did not.</param>
/// <param name="sizeError">The error of a body that has another length.</param>
/// <param name="isEgress">The component sends it of its own accord: it counts against what it may send.</param>
public sealed class OutgoingBody(MicroVm vm, long? length, Func<ulong, IHttpTypes.ErrorCode> sizeError, bool isEgress = false) : IHttpTypes.IOutgoingBody, IDisposable
{
    /// <summary>Bytes that are held before the message is sent, or before it is known that the body has more.</summary>
    public const int Held = 16 * 1024;

    private byte[]? _held;
    private int _heldBytes;
    private int _unflushed;
    private bool _begun;
    private bool _taken;
    private BodySink? _sink;
    private HttpBodyException? _fault;

    /// <summary>Bytes written so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>True where the guest ended it in order.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>True once the guest has written all that the message's length says, or has finished it. Other threads may ask.</summary>
    public bool IsWhole => IsFinished || Bytes == length;

    /// <summary>True where it is over, in order or not.</summary>
    public bool IsOver { get; private set; }

    internal MicroVm Vm => vm;

    /// <summary>Bytes that may be written now.</summary>
    internal ulong Room
    {
        get
        {
            ThrowIfFaulty();
            if (_sink is null) return (ulong)(Held - _heldBytes);
            return IsThrough ? OutputStream.Permit : 0;
        }
    }

    /// <summary>True where nothing is on its way; before the message is sent, what was written is safe here.</summary>
    internal bool IsThrough
    {
        get
        {
            ThrowIfFaulty();
            try
            {
                return _sink is null || _sink.IsThrough;
            }
            catch (HttpBodyException e)
            {
                throw Fail(e);
            }
        }
    }

    /// <inheritdoc/>
    public Result<IStreams.IOutputStream, Unit> Write()
    {
        if (_taken) return default(Unit);
        _taken = true;
        return new BodyOutput(this);
    }

    /// <summary>The message is sent: the body goes here from now on.</summary>
    internal void Attach(BodySink sink)
    {
        _sink = sink;
        if (!IsFinished) return;
        try
        {
            EndNow(null);
        }
        catch (StreamFailure)
        {
            // The other side is gone, and the guest has nothing left that it could be told with.
        }
    }

    internal void Put(ReadOnlySpan<byte> bytes)
    {
        ThrowIfFaulty();
        if (length is { } most && Bytes + bytes.Length > most) throw Fail(new HttpBodyException(sizeError((ulong)(Bytes + bytes.Length)), $"the body has more than the {most} bytes of its content-length"));
        if (isEgress && !vm.Component.MaySend(bytes.Length)) throw Fail(new HttpBodyException(IHttpTypes.ErrorCode.HTTPRequestDenied.Instance, $"this would be more than the component may send: egress = \"{vm.Component.Limits.Egress}\" under its limits"));
        Bytes += bytes.Length;
        vm.Usage.BytesOut += bytes.Length;
        if (!_begun)
        {
            if (_heldBytes + bytes.Length <= Held)
            {
                if (_held is null)
                {
                    vm.Hold(Held);
                    _held = ArrayPool<byte>.Shared.Rent(Held);
                }

                bytes.CopyTo(_held.AsSpan(_heldBytes));
                _heldBytes += bytes.Length;
                return;
            }

            Release(length);
        }

        try
        {
            _sink!.Write(bytes);
        }
        catch (HttpBodyException e)
        {
            throw Fail(e);
        }

        _unflushed += bytes.Length;
        if (_unflushed >= (int)OutputStream.Permit) FlushNow();
    }

    internal void Through()
    {
        ThrowIfFaulty();
        if (_sink is null) return;
        if (!_begun) Release(length);
        FlushNow();
    }

    /// <summary>The guest has written all of it.</summary>
    internal Result<Unit, IHttpTypes.ErrorCode> Finish(Fields? trailers)
    {
        if (_fault is not null)
        {
            trailers?.Dispose();
            Abort(); // it will never be whole, and nobody has it any more who could drop it
            return _fault.Code;
        }

        if (IsShort)
        {
            trailers?.Dispose();
            Abort();
            return sizeError((ulong)Bytes);
        }

        IsFinished = true;
        if (_sink is null)
        {
            Trailers = trailers;
            return default(Unit);
        }

        try
        {
            EndNow(trailers);
            return default(Unit);
        }
        catch (StreamFailure e)
        {
            return ((HttpIoError)e.Error).Code;
        }
    }

    /// <summary>True where the guest wrote less than it said. None at all may be right: it may turn out that the message has no body.</summary>
    private bool IsShort => length is { } said && said != Bytes && !(Bytes == 0 && _sink is null or { Discards: true });

    /// <summary>Trailers of a body that was finished before its message was sent.</summary>
    private Fields? Trailers { get; set; }

    /// <summary>The guest dropped it.</summary>
    public void Dispose()
    {
        if (!IsFinished) Abort();
    }

    /// <summary>Cuts it off.</summary>
    internal void Abort()
    {
        if (IsOver) return;
        IsOver = true;
        Trailers?.Dispose();
        _fault ??= new HttpBodyException(new IHttpTypes.ErrorCode.InternalError("the body was cut off"), "the body was cut off");
        GiveBack();
        _sink?.Abort();
    }

    internal void Watch(Action wake)
    {
        if (_sink is null) wake();
        else _sink.Watch(wake);
    }

    internal void Unwatch() => _sink?.Unwatch();

    private void EndNow(Fields? trailers)
    {
        if (IsShort)
        {
            Abort();
            return;
        }

        IsOver = true;
        // All of it is here and nothing has gone out: the other side learns its length first.
        if (!_begun) Release(length ?? Bytes);
        trailers ??= Trailers;
        try
        {
            _sink!.Finish(trailers);
        }
        catch (HttpBodyException e)
        {
            throw Fail(e);
        }
        finally
        {
            trailers?.Dispose();
        }
    }

    private void Release(long? known)
    {
        _begun = true;
        try
        {
            _sink!.Start(known);
            if (_heldBytes > 0) _sink.Write(_held.AsSpan(0, _heldBytes));
        }
        catch (HttpBodyException e)
        {
            throw Fail(e);
        }

        _unflushed = _heldBytes;
        GiveBack();
    }

    private void GiveBack()
    {
        if (_held is not null)
        {
            ArrayPool<byte>.Shared.Return(_held);
            vm.Hold(-Held);
        }

        _held = null;
        _heldBytes = 0;
    }

    private void FlushNow()
    {
        _unflushed = 0;
        try
        {
            _sink!.Flush();
        }
        catch (HttpBodyException e)
        {
            throw Fail(e);
        }
    }

    private void ThrowIfFaulty()
    {
        if (_fault is not null) throw _fault.ToStreamFailure();
    }

    private StreamFailure Fail(HttpBodyException e)
    {
        _fault = e;
        return e.ToStreamFailure();
    }
}

/// <summary>A body as a stream.</summary>
internal sealed class BodyOutput(OutgoingBody body) : OutputStream(body.Vm)
{
    protected override ulong Room => Math.Min(Permit, body.Room);

    protected override bool IsThrough => body.IsThrough;

    protected override bool IsClosed => body.IsOver || body.IsFinished;

    protected override void Put(ReadOnlySpan<byte> bytes) => body.Put(bytes);

    protected override void Through() => body.Through();

    protected override Pollable Writable() => new Ready(body);

    private sealed class Ready(OutgoingBody body) : Pollable(body.Vm)
    {
        protected override bool IsReady
        {
            get
            {
                try
                {
                    return body.IsThrough && body.Room > 0;
                }
                catch (StreamFailure)
                {
                    return true;
                }
            }
        }

        protected override void Watch(Action wake) => body.Watch(wake);

        protected override void Unwatch(Action wake) => body.Unwatch();
    }
}
