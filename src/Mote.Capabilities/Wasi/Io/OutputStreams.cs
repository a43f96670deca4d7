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

    /// <inheritdoc/>
    public Result<ulong, Error> CheckWrite() => Permit;

    /// <inheritdoc/>
    public Result<Unit, Error> Write(ReadOnlySpan<byte> contents)
    {
        if ((ulong)contents.Length > Permit) throw new TrapException($"write of {contents.Length} bytes: check-write allowed {Permit}");
        try
        {
            Put(contents);
            return default(Unit);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) // the latter where standard output is closed
        {
            return new Error.LastOperationFailed(new IoError(e.Message));
        }
    }

    /// <inheritdoc/>
    public Result<Unit, Error> BlockingWriteAndFlush(ReadOnlySpan<byte> contents)
    {
        if ((ulong)contents.Length > BlockingLimit) throw new TrapException($"blocking-write-and-flush of {contents.Length} bytes: at most {BlockingLimit} are allowed");
        Result<Unit, Error> written = Write(contents);
        return written.IsOk ? BlockingFlush() : written;
    }

    /// <inheritdoc/>
    public Result<Unit, Error> Flush() => BlockingFlush();

    /// <inheritdoc/>
    public Result<Unit, Error> BlockingFlush()
    {
        try
        {
            Through();
            return default(Unit);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) // the latter where standard output is closed
        {
            return new Error.LastOperationFailed(new IoError(e.Message));
        }
    }

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => new ReadyPollable(vm);

    /// <inheritdoc/>
    public Result<Unit, Error> WriteZeroes(ulong len) =>
        len <= Permit ? Write(new byte[len]) : throw new TrapException($"write-zeroes of {len} bytes: check-write allowed {Permit}");

    /// <inheritdoc/>
    public Result<Unit, Error> BlockingWriteZeroesAndFlush(ulong len) =>
        len <= BlockingLimit ? BlockingWriteAndFlush(new byte[len]) : throw new TrapException($"blocking-write-zeroes-and-flush of {len} bytes: at most {BlockingLimit} are allowed");

    /// <inheritdoc/>
    public Result<ulong, Error> Splice(IStreams.IInputStream src, ulong len) => Move(src.Read(Math.Min(len, Permit)));

    /// <inheritdoc/>
    public Result<ulong, Error> BlockingSplice(IStreams.IInputStream src, ulong len) => Move(src.BlockingRead(Math.Min(len, Permit)));

    private Result<ulong, Error> Move(Result<ReadOnlyMemory<byte>, Error> read)
    {
        if (!read.IsOk) return read.Error;
        Result<Unit, Error> written = Write(read.Value.Span);
        return written.IsOk ? (ulong)read.Value.Length : written.Error;
    }
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
