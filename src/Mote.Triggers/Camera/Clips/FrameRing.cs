// The last pictures of a camera, in memory: an event may come to need them.
namespace Mote.Triggers.Camera.Clips;

/// <summary>Holds pictures for a time and to a number, whichever is less. One thread adds; any may take.</summary>
/// <param name="keep">How long.</param>
/// <param name="most">How many.</param>
internal sealed class FrameRing(TimeSpan keep, int most)
{
    private readonly object _lock = new();
    private readonly Frame?[] _slots = new Frame?[most];
    private long _first;
    private long _next;
    private bool _isClosed;

    /// <summary>A picture has come: the one behind the last.</summary>
    public void Add(Frame frame)
    {
        lock (_lock)
        {
            if (_isClosed) return;
            if (_next == 0) _first = _next = frame.Sequence;
            if (_next - _first == _slots.Length) Release();
            _slots[_next++ % _slots.Length] = frame.Hold();
            while (_next - _first > 1 && frame.Time - At(_first).Time > keep) Release();
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>The first picture since a time; the one to come where there is none.</summary>
    /// <param name="since">The time.</param>
    /// <param name="isShort">True where older ones had to go for want of room.</param>
    public long FirstSince(DateTimeOffset since, out bool isShort)
    {
        lock (_lock)
        {
            isShort = _next - _first == _slots.Length && At(_first).Time > since;
            for (long i = _first; i < _next; i++)
            {
                if (At(i).Time >= since) return i;
            }

            return _next;
        }
    }

    /// <summary>Pictures a second, of those that are here; null where they are too few to tell.</summary>
    public double? Rate()
    {
        lock (_lock)
        {
            if (_next - _first < 3) return null;
            double seconds = (At(_next - 1).Time - At(_first).Time).TotalSeconds;
            return seconds > 0 ? (_next - _first - 1) / seconds : null;
        }
    }

    /// <summary>A picture, held for whoever takes it: the one that is asked for, or the oldest where that is gone.</summary>
    /// <param name="sequence">Which one; waits where it has not come yet.</param>
    /// <param name="patience">How long.</param>
    /// <returns>Null where none came in that time, or none comes any more.</returns>
    public Frame? Take(long sequence, TimeSpan patience)
    {
        long end = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        lock (_lock)
        {
            while (sequence >= _next && !_isClosed)
            {
                long left = end - Environment.TickCount64;
                if (left <= 0 || !Monitor.Wait(_lock, TimeSpan.FromMilliseconds(left))) return null;
            }

            return sequence >= _next ? null : At(Math.Max(sequence, _first)).Hold();
        }
    }

    /// <summary>Nothing comes any more; what is here can still be taken.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            Monitor.PulseAll(_lock);
        }
    }

    private Frame At(long sequence) => _slots[sequence % _slots.Length]!;

    private void Release()
    {
        At(_first).Release();
        _slots[_first++ % _slots.Length] = null;
    }
}
