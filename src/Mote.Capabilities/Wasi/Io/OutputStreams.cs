// Streams that guests write.
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;
using Error = Mote.Capabilities.Wasi.Io.IStreams.StreamError;

namespace Mote.Capabilities.Wasi.Io;

/// <summary>A stream that a guest writes.</summary>
public abstract class OutputStream(MicroVm vm) : IStreams.IOutputStream
{
    /// <summary>Bytes that one write may have.</summary>
    public const ulong Permit = 64 * 1024;

    private const ulong BlockingLimit = 4096;

    /// <summary>Whose stream it is.</summary>
    protected MicroVm Vm => vm;

    /// <summary>Writes bytes.</summary>
    /// <exception cref="IOException">They cannot be written, and never will.</exception>
    protected abstract void Put(ReadOnlySpan<byte> bytes);

    /// <summary>Sees that what was written goes through.</summary>
    protected abstract void Through();

    /// <summary>The instance is over: passes on what was held back.</summary>
    public virtual void End()
    {
    }

    /// <summary>Bytes that may be written now; 0 is wait for <see cref="Writable"/>.</summary>
    /// <exception cref="StreamFailure">The stream is broken.</exception>
    protected virtual ulong Room => Permit;

    /// <summary>True where what <see cref="Through"/> began is done.</summary>
    protected virtual bool IsThrough => true;

    /// <summary>True where nothing can be written any more, and nothing went wrong.</summary>
    protected virtual bool IsClosed => false;

    /// <summary>Becomes ready when there is room and nothing is on its way through.</summary>
    protected virtual Pollable Writable() => new ReadyPollable(vm);

    /// <inheritdoc/>
    public Result<ulong, Error> CheckWrite() => Try(static s => s.IsThrough ? s.Room : 0);

    /// <inheritdoc/>
    public Result<Unit, Error> Write(ReadOnlySpan<byte> contents)
    {
        if ((ulong)contents.Length > Permit) throw new TrapException($"write of {contents.Length} bytes: check-write allowed {Permit}");
        if (IsClosed) return Error.Closed.Instance;
        try
        {
            if ((ulong)contents.Length > Room) throw new TrapException($"write of {contents.Length} bytes: check-write allowed {Room}");
            Put(contents);
            return default(Unit);
        }
        catch (Exception e) when (IsFailure(e))
        {
            return Failed(e);
        }
    }

    /// <inheritdoc/>
    public Result<Unit, Error> BlockingWriteAndFlush(ReadOnlySpan<byte> contents)
    {
        if ((ulong)contents.Length > BlockingLimit) throw new TrapException($"blocking-write-and-flush of {contents.Length} bytes: at most {BlockingLimit} are allowed");
        do
        {
            Result<ulong, Error> room = WaitForRoom();
            if (!room.IsOk) return room.Error;
            int n = (int)Math.Min(room.Value, (ulong)contents.Length);
            Result<Unit, Error> written = Write(contents[..n]);
            if (!written.IsOk) return written;
            contents = contents[n..];
        }
        while (contents.Length > 0);
        return BlockingFlush();
    }

    /// <inheritdoc/>
    public Result<Unit, Error> Flush()
    {
        Result<ulong, Error> done = Try(static s =>
        {
            s.Through();
            return 0;
        });
        return done.IsOk ? default(Unit) : done.Error;
    }

    /// <inheritdoc/>
    public Result<Unit, Error> BlockingFlush()
    {
        Result<Unit, Error> begun = Flush();
        if (!begun.IsOk) return begun;
        while (true)
        {
            Result<ulong, Error> through = Try(static s => s.IsThrough ? 1UL : 0);
            if (!through.IsOk) return through.Error;
            if (through.Value == 1) return default(Unit);
            Writable().Block();
        }
    }

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => Writable();

    /// <inheritdoc/>
    public Result<Unit, Error> WriteZeroes(ulong len) =>
        len <= Permit ? Write(new byte[len]) : throw new TrapException($"write-zeroes of {len} bytes: check-write allowed {Permit}");

    /// <inheritdoc/>
    public Result<Unit, Error> BlockingWriteZeroesAndFlush(ulong len) =>
        len <= BlockingLimit ? BlockingWriteAndFlush(new byte[len]) : throw new TrapException($"blocking-write-zeroes-and-flush of {len} bytes: at most {BlockingLimit} are allowed");

    /// <inheritdoc/>
    public Result<ulong, Error> Splice(IStreams.IInputStream src, ulong len)
    {
        Result<ulong, Error> room = CheckWrite();
        return room.IsOk ? Move(src, Math.Min(len, room.Value), 0) : room;
    }

    /// <inheritdoc/>
    public Result<ulong, Error> BlockingSplice(IStreams.IInputStream src, ulong len)
    {
        Result<ulong, Error> room = WaitForRoom();
        if (!room.IsOk || len == 0) return room.IsOk ? 0UL : room;
        Result<ReadOnlyMemory<byte>, Error> first = src.BlockingRead(Math.Min(len, room.Value));
        if (!first.IsOk) return first.Error;
        Result<Unit, Error> written = Write(first.Value.Span);
        ulong done = (ulong)first.Value.Length;
        return written.IsOk ? Move(src, Math.Min(len, room.Value) - done, done) : written.Error;
    }

    /// <summary>Passes on what is there, piece by piece, up to this many bytes. What was moved counts, whatever comes after it.</summary>
    private Result<ulong, Error> Move(IStreams.IInputStream src, ulong most, ulong done)
    {
        while (most > 0)
        {
            // What was passed on may have filled the stream: then this is what could be moved now.
            Result<ulong, Error> room = CheckWrite();
            if (!room.IsOk || room.Value == 0) return done > 0 ? done : room;
            Result<ReadOnlyMemory<byte>, Error> read = src.Read(Math.Min(most, room.Value));
            if (!read.IsOk) return done > 0 ? done : read.Error;
            if (read.Value.IsEmpty) break;
            Result<Unit, Error> written = Write(read.Value.Span);
            if (!written.IsOk) return written.Error;
            most -= (ulong)read.Value.Length;
            done += (ulong)read.Value.Length;
        }

        return done;
    }

    private Result<ulong, Error> WaitForRoom()
    {
        while (true)
        {
            Result<ulong, Error> room = CheckWrite();
            if (!room.IsOk || room.Value > 0) return room;
            Writable().Block();
        }
    }

    private Result<ulong, Error> Try(Func<OutputStream, ulong> body)
    {
        if (IsClosed) return Error.Closed.Instance;
        try
        {
            return body(this);
        }
        catch (Exception e) when (IsFailure(e))
        {
            return Failed(e);
        }
    }

    // UnauthorizedAccessException is what .NET throws where standard output is closed.
    private static bool IsFailure(Exception e) => e is IOException or UnauthorizedAccessException or StreamFailure;

    private static Error.LastOperationFailed Failed(Exception e) => new((e as StreamFailure)?.Error ?? new IoError(e.Message));
}

/// <summary>Writes to a .NET stream.</summary>
public sealed class StreamOutput(MicroVm vm, Stream target) : OutputStream(vm)
{
    /// <inheritdoc/>
    protected override void Put(ReadOnlySpan<byte> bytes)
    {
        lock (target) target.Write(bytes);
    }

    /// <inheritdoc/>
    protected override void Through()
    {
        lock (target) target.Flush();
    }
}

/// <summary>Gives each line to a function: what a component prints, in a node's log. Lines are bounded.</summary>
public sealed class LineOutput(MicroVm vm, Action<string> line) : OutputStream(vm)
{
    private const int MaxLine = 8 * 1024;
    private readonly List<byte> _pending = [];

    /// <inheritdoc/>
    protected override void Put(ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            if (b != '\n') _pending.Add(b);
            if (b == '\n') Emit(_pending.Count);
            else if (_pending.Count >= MaxLine) Emit(WholeLetters());
        }
    }

    /// <inheritdoc/>
    protected override void Through()
    {
        // A flush in the middle of a line does not end the line.
    }

    /// <inheritdoc/>
    public override void End()
    {
        if (_pending.Count > 0) Emit(_pending.Count);
    }

    /// <summary>Bytes up to a letter whose UTF-8 is not all there yet, so that a line is not cut inside it.</summary>
    private int WholeLetters()
    {
        int last = _pending.Count - 1;
        while (last > _pending.Count - 4 && (_pending[last] & 0xc0) == 0x80) last--;
        int length = _pending[last] switch { >= 0xf0 => 4, >= 0xe0 => 3, >= 0xc0 => 2, _ => 1 };
        return last + length > _pending.Count ? last : _pending.Count;
    }

    private void Emit(int count)
    {
        line(System.Text.Encoding.UTF8.GetString([.. _pending[..count]]).TrimEnd('\r'));
        _pending.RemoveRange(0, count);
    }
}
