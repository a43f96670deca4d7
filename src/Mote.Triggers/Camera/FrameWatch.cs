// A look at a camera's pictures beside the components that are given them: the newest one only, and nothing while nobody looks.
namespace Mote.Triggers.Camera;

/// <summary>Where one camera's pictures can be looked at. Without a watcher it costs the camera a look at a field for each picture.</summary>
public sealed class FrameWatch
{
    private readonly Lock _lock = new();
    private volatile FrameWatcher[] _watchers = [];

    internal FrameWatch()
    {
    }

    /// <summary>Looks from now on, until the watcher is disposed of.</summary>
    /// <param name="came">Told that there is a newer picture, on the camera's own thread: it must return at once.</param>
    public FrameWatcher Begin(Action came)
    {
        var watcher = new FrameWatcher(this, came);
        lock (_lock) _watchers = [.. _watchers, watcher];
        return watcher;
    }

    internal void Offer(Frame frame)
    {
        foreach (FrameWatcher watcher in _watchers) watcher.Offer(frame);
    }

    internal void End(FrameWatcher watcher)
    {
        lock (_lock) _watchers = [.. _watchers.Where(w => w != watcher)];
    }
}

/// <summary>Somebody who looks at a camera's pictures. Holds one at most, and never holds up the camera.</summary>
public sealed class FrameWatcher : IDisposable
{
    private readonly FrameWatch _watch;
    private readonly Action _came;
    private Frame? _newest;
    private volatile bool _hasEnded;

    internal FrameWatcher(FrameWatch watch, Action came)
    {
        _watch = watch;
        _came = came;
    }

    /// <summary>True where there is a picture that was not taken yet.</summary>
    public bool HasNext => Volatile.Read(ref _newest) is not null;

    /// <summary>The newest picture, which is the caller's until it disposes of it; null where none has come since the last one.</summary>
    public WatchedFrame? TryTake() => Interlocked.Exchange(ref _newest, null) is { } frame ? new WatchedFrame(frame) : null;

    /// <summary>Looks no longer.</summary>
    public void Dispose()
    {
        _hasEnded = true;
        _watch.End(this);
        Interlocked.Exchange(ref _newest, null)?.Release();
    }

    internal void Offer(Frame frame)
    {
        Interlocked.Exchange(ref _newest, frame.Hold())?.Release();
        // The camera's thread may still have had this one in its hands.
        if (_hasEnded) Interlocked.Exchange(ref _newest, null)?.Release();
        else _came();
    }
}

/// <summary>A picture in the hands of somebody who looks at it.</summary>
public readonly struct WatchedFrame : IDisposable
{
    private readonly Frame _frame;

    internal WatchedFrame(Frame frame) => _frame = frame;

    /// <summary>Its pixels, which must not be changed, nor read after it was disposed of.</summary>
    public ReadOnlyMemory<byte> Pixels => _frame.Pixels;

    /// <summary>Its number, from 0.</summary>
    public long Sequence => _frame.Sequence;

    /// <summary>When it was complete in this process.</summary>
    public DateTimeOffset Time => _frame.Time;

    /// <summary>Gives it up. Once.</summary>
    public void Dispose() => _frame.Release();
}
