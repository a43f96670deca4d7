// Streams that guests read.
using Mote.Components;
using Mote.Runtime;
using Error = Mote.Capabilities.Wasi.Io.IStreams.StreamError;

namespace Mote.Capabilities.Wasi.Io;

/// <summary>A stream that a guest reads. Reading gives at most <see cref="MaxRead"/> bytes at once.</summary>
public abstract class InputStream(MicroVm vm) : IStreams.IInputStream
{
    /// <summary>Most bytes of one read, whatever the guest asks for.</summary>
    public const int MaxRead = 64 * 1024;

    /// <summary>Whose stream it is.</summary>
    protected MicroVm Vm => vm;

    /// <summary>
    /// Up to <paramref name="max"/> bytes that are there; none and not <paramref name="closed"/> means wait. They are
    /// read before the next call, and may be gone after it.
    /// </summary>
    /// <exception cref="StreamFailure">The stream is broken.</exception>
    protected abstract ReadOnlyMemory<byte> Take(int max, out bool closed);

    /// <summary>Becomes ready when <see cref="Take"/> would give something.</summary>
    protected abstract Pollable Readable();

    /// <inheritdoc/>
    public Result<ReadOnlyMemory<byte>, Error> Read(ulong len)
    {
        try
        {
            ReadOnlyMemory<byte> bytes = Take((int)Math.Min(len, MaxRead), out bool closed);
            return closed && bytes.IsEmpty ? Error.Closed.Instance : bytes;
        }
        catch (StreamFailure e)
        {
            return new Error.LastOperationFailed(e.Error);
        }
    }

    /// <inheritdoc/>
    public Result<ReadOnlyMemory<byte>, Error> BlockingRead(ulong len)
    {
        while (true)
        {
            Result<ReadOnlyMemory<byte>, Error> result = Read(len);
            if (!result.IsOk || result.Value.Length > 0 || len == 0) return result;
            Readable().Block();
        }
    }

    /// <inheritdoc/>
    public Result<ulong, Error> Skip(ulong len) => Count(Read(len));

    /// <inheritdoc/>
    public Result<ulong, Error> BlockingSkip(ulong len) => Count(BlockingRead(len));

    /// <inheritdoc/>
    public IPoll.IPollable Subscribe() => Readable();

    private static Result<ulong, Error> Count(Result<ReadOnlyMemory<byte>, Error> read) => read.IsOk ? (ulong)read.Value.Length : read.Error;
}

/// <summary>Bytes that are all there; empty and closed where there are none.</summary>
public sealed class BytesInput(MicroVm vm, ReadOnlyMemory<byte> bytes) : InputStream(vm)
{
    private ReadOnlyMemory<byte> _rest = bytes;

    /// <inheritdoc/>
    protected override ReadOnlyMemory<byte> Take(int max, out bool closed)
    {
        ReadOnlyMemory<byte> taken = _rest[..Math.Min(max, _rest.Length)];
        _rest = _rest[taken.Length..];
        closed = taken.IsEmpty && _rest.IsEmpty;
        return taken;
    }

    /// <inheritdoc/>
    protected override Pollable Readable() => new ReadyPollable(Vm);
}

/// <summary>
/// Bytes of a .NET stream, read ahead by a thread of its own into a bounded buffer: a read that waits in the system
/// cannot be cancelled, so the guest never waits in one.
/// </summary>
public sealed class PumpedInput : InputStream
{
    private const int Capacity = 2 * MaxRead;
    private readonly Stream _source;
    private readonly Lock _lock = new();
    private readonly List<Action> _watchers = [];
    private readonly byte[] _buffer = new byte[Capacity];
    private readonly ManualResetEventSlim _room = new(true);
    private int _start;
    private int _count;
    private bool _closed;
    private bool _started;

    /// <summary>Reads <paramref name="source"/> from when the guest first asks.</summary>
    public PumpedInput(MicroVm vm, Stream source)
        : base(vm) => _source = source;

    /// <inheritdoc/>
    protected override ReadOnlyMemory<byte> Take(int max, out bool closed)
    {
        lock (_lock)
        {
            Start();
            int count = Math.Min(max, _count);
            var taken = new byte[count];
            for (int i = 0; i < count; i++) taken[i] = _buffer[(_start + i) % Capacity];
            _start = (_start + count) % Capacity;
            _count -= count;
            closed = _closed && _count == 0;
            _room.Set();
            return taken;
        }
    }

    /// <inheritdoc/>
    protected override Pollable Readable()
    {
        lock (_lock) Start();
        return new Waiter(this);
    }

    private void Start()
    {
        if (_started) return;
        _started = true;
        new Thread(Pump) { IsBackground = true, Name = "mote-stdin" }.Start();
    }

    private void Pump()
    {
        var chunk = new byte[MaxRead];
        while (true)
        {
            int count;
            try
            {
                count = _source.Read(chunk);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                count = 0;
            }

            int at = 0;
            do
            {
                _room.Wait();
                lock (_lock)
                {
                    if (count == 0) _closed = true;
                    int n = Math.Min(count - at, Capacity - _count);
                    for (int i = 0; i < n; i++) _buffer[(_start + _count + i) % Capacity] = chunk[at + i];
                    _count += n;
                    at += n;
                    if (_count == Capacity) _room.Reset();
                    foreach (Action watcher in _watchers) watcher();
                }
            }
            while (at < count);
            if (count == 0) return;
        }
    }

    private sealed class Waiter(PumpedInput input) : Pollable(input.Vm)
    {
        protected override bool IsReady
        {
            get
            {
                lock (input._lock) return input._count > 0 || input._closed;
            }
        }

        protected override void Watch(Action wake)
        {
            lock (input._lock) input._watchers.Add(wake);
        }

        protected override void Unwatch(Action wake)
        {
            lock (input._lock) input._watchers.Remove(wake);
        }
    }
}
