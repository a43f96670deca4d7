// Values in the guest's hands: what it reads, what it writes, and their streams.
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Wasmtime;

namespace Mote.Capabilities.Blobstore;

/// <summary>A value that is being read: a part of an object.</summary>
internal sealed class BlobIncoming(BlobGuest guest, IBlobReader reader, long start, long length) : IBlobTypes.IIncomingValue, IDisposable
{
    private bool _given;

    public ulong Size() => (ulong)length;

    public Result<ReadOnlyMemory<byte>, string> All() => BlobGuest.Try<ReadOnlyMemory<byte>>(() =>
    {
        if (length > BlobGuest.MaxAtOnce) throw new BlobException($"the value has {length} bytes, and at most {BlobGuest.MaxAtOnce} are read at once: read it as a stream (incoming-value-consume-async)");
        try
        {
            var all = new byte[length];
            int at = 0;
            for (int n; at < all.Length && (n = reader.Read(all.AsSpan(at, Math.Min(all.Length - at, 1 << 20)), start + at)) > 0; at += n) guest.Vm.CheckDeadline();
            return at == all.Length ? all : throw new BlobException("the object is shorter than it was");
        }
        finally
        {
            guest.Close(reader);
        }
    });

    public Result<IStreams.IInputStream, string> Stream()
    {
        _given = true;
        return Result<IStreams.IInputStream, string>.Ok(new BlobInput(guest, reader, start, length));
    }

    /// <summary>The stream goes on without the value that it was made of.</summary>
    public void Dispose()
    {
        if (!_given) guest.Close(reader);
    }
}

internal sealed class BlobInput(BlobGuest guest, IBlobReader reader, long start, long length) : InputStream(guest.Vm), IDisposable
{
    private long _at;

    protected override ReadOnlyMemory<byte> Take(int max, out bool closed)
    {
        closed = _at == length;
        if (closed || max == 0) return default;
        Memory<byte> buffer = guest.Buffer((int)Math.Min(max, length - _at));
        try
        {
            int n = reader.Read(buffer.Span, start + _at);
            if (n == 0) throw new BlobException("the object is shorter than it was");
            _at += n;
            return buffer[..n];
        }
        catch (BlobException e)
        {
            throw new StreamFailure(new IoError(e.Message));
        }
    }

    protected override Pollable Readable() => new ReadyPollable(Vm);

    public void Dispose() => guest.Close(reader);
}

/// <summary>A value that is being written. Its bytes are on disk before it is known where they belong.</summary>
internal sealed class BlobOutgoing(BlobGuest guest) : IBlobTypes.IOutgoingValue, IDisposable
{
    /// <summary>Most objects that one value becomes.</summary>
    private const int MaxTargets = 8;

    private readonly List<BlobId> _targets = [];
    private IBlobWriter? _writer;
    private BlobOutput? _stream;
    private string? _fault;

    public Result<IStreams.IOutputStream, Unit> OutgoingValueWriteBody()
    {
        if (_stream is not null) return default(Unit);
        try
        {
            _stream = new BlobOutput(this, Writer());
            return Result<IStreams.IOutputStream, Unit>.Ok(_stream);
        }
        catch (BlobException e)
        {
            _fault = e.Message; // said by finish: this call has no words
            return default(Unit);
        }
    }

    /// <summary>It becomes this object when it is finished.</summary>
    public void Add(BlobId target)
    {
        if (_targets.Count >= MaxTargets) throw new BlobException($"one value becomes at most {MaxTargets} objects");
        _ = BlobNames.FileOf(target.Name, out _); // a name that is too long is an error here, and not at the end
        _targets.Add(target);
    }

    public Result<Unit, string> Finish()
    {
        if (_stream is { IsDropped: false }) throw new TrapException("outgoing-value.finish while its stream is still there: drop the stream first");
        try
        {
            return BlobGuest.Try(() =>
            {
                if (_fault is not null) throw new BlobException(_fault);
                if (_targets.Count == 0) throw new BlobException("this value was given to no object: call write-data before finish");
                IBlobWriter writer = Writer();
                long limit = guest.Limit;
                return guest.Away(() =>
                {
                    writer.Commit(_targets, limit);
                    return default(Unit);
                });
            });
        }
        finally
        {
            Dispose();
        }
    }

    public void Dispose()
    {
        if (_writer is not null) guest.Close(_writer);
        if (_stream is not null) _stream.IsDropped = true;
    }

    private IBlobWriter Writer() => _writer ??= guest.Write();

    internal sealed class BlobOutput(BlobOutgoing value, IBlobWriter writer) : OutputStream(value.Guest.Vm), IDisposable
    {
        public bool IsDropped { get; set; }

        protected override bool IsClosed => IsDropped;

        protected override void Put(ReadOnlySpan<byte> bytes)
        {
            try
            {
                writer.Write(bytes);
            }
            catch (BlobException e)
            {
                value._fault = e.Message; // a value that lacks some of its bytes must not become an object
                throw new StreamFailure(new IoError(e.Message));
            }
        }

        /// <summary>It is all on disk when the value is finished.</summary>
        protected override void Through()
        {
        }

        public void Dispose() => IsDropped = true;
    }

    private BlobGuest Guest => guest;
}
