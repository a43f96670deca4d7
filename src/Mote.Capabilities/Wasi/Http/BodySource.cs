// Where a body that a guest reads comes from: a pipe that the network fills.
using System.Buffers;
using System.IO.Pipelines;

namespace Mote.Capabilities.Wasi.Http;

/// <summary>
/// A body as the transport gives it. Everything is called on the guest's thread, but for the end of a wait, which may come
/// on any.
/// </summary>
public abstract class BodySource
{
    private readonly PipeReader _reader;
    private ReadOnlySequence<byte> _current;
    private Task<ReadResult>? _waiting;
    private bool _held;
    private bool _ended;
    private HttpBodyException? _fault;
    private Action? _wake;

    /// <summary>A body that comes out of this pipe.</summary>
    protected BodySource(PipeReader reader) => _reader = reader;

    /// <summary>Bytes read so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>True where there are bytes, the end, or a fault.</summary>
    internal bool IsReadable => !_current.IsEmpty || _ended || _fault is not null || Look();

    /// <summary>The trailers; null where the body has not ended, an empty set where there are none.</summary>
    public abstract Fields? Trailers { get; }

    /// <summary>What ended the body before its time; null where nothing did.</summary>
    internal HttpBodyException? Fault => _fault;

    /// <summary>True once all of it was read.</summary>
    public bool IsEnded => _ended;

    /// <summary>The guest wants nothing more of it.</summary>
    public virtual void Dropped()
    {
    }

    /// <summary>A fault of the transport in HTTP's words.</summary>
    protected abstract HttpBodyException Explain(Exception e);

    /// <summary>Up to this many bytes that are there; they are gone with the next call. Empty: wait, or the end.</summary>
    /// <exception cref="HttpBodyException">The body broke off.</exception>
    internal ReadOnlyMemory<byte> Take(int max)
    {
        if (!IsReadable || _current.IsEmpty) return _fault is null ? default : throw _fault;

        ReadOnlyMemory<byte> first = _current.First;
        if (first.Length > max) first = first[..max];
        _current = _current.Slice(first.Length);
        Bytes += first.Length;
        return first;
    }

    /// <summary>Calls <paramref name="wake"/> when there may be something.</summary>
    internal void Watch(Action wake)
    {
        Volatile.Write(ref _wake, wake);
        if (IsReadable)
        {
            wake();
            return;
        }

        if (_waiting is not null) return;
        try
        {
            _waiting = _reader.ReadAsync().AsTask();
            _waiting.ContinueWith(static (_, self) => Volatile.Read(ref ((BodySource)self!)._wake)?.Invoke(), this, TaskContinuationOptions.ExecuteSynchronously);
        }
        catch (Exception e)
        {
            _fault = Explain(e);
            wake();
        }
    }

    /// <summary>Ends <see cref="Watch"/>.</summary>
    internal void Unwatch() => Volatile.Write(ref _wake, null);

    /// <summary>Ends a read that was begun, so that nothing touches the transport after this. The rest is not read.</summary>
    public void Stop()
    {
        try
        {
            if (_waiting is { } waiting)
            {
                _waiting = null;
                if (!waiting.IsCompleted) _reader.CancelPendingRead();
                _current = waiting.GetAwaiter().GetResult().Buffer;
                _held = true;
            }

            if (!_held) return;
            _held = false;
            _reader.AdvanceTo(_current.Start);
        }
        catch (Exception e)
        {
            _fault ??= Explain(e);
        }
    }

    /// <summary>Looks whether something came; gives back what was read whole.</summary>
    private bool Look()
    {
        try
        {
            if (_held)
            {
                _held = false;
                _reader.AdvanceTo(_current.End);
            }

            ReadResult result;
            if (_waiting is { } waiting)
            {
                if (!waiting.IsCompleted) return false;
                _waiting = null;
                result = waiting.GetAwaiter().GetResult();
            }
            else if (!_reader.TryRead(out result))
            {
                return false;
            }

            _current = result.Buffer;
            _ended = result.IsCompleted && _current.IsEmpty;
            if (_current.IsEmpty) _reader.AdvanceTo(_current.End);
            else _held = true;
            return !_current.IsEmpty || _ended;
        }
        catch (Exception e)
        {
            _current = default;
            _fault = Explain(e);
            return true;
        }
    }
}
