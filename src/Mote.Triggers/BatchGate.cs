// When the events that wait make a batch: there are enough of them, or the oldest has waited long enough for others.
using Mote.Runtime;

namespace Mote.Triggers;

/// <summary>
/// Counts the events of lanes that nobody works on, and knows when a worker is to take them. Used under the lock of
/// <see cref="WaitingEvents"/>; only its clock is not.
/// </summary>
internal sealed class BatchGate : IDisposable
{
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly long _wait;
    private long _events;
    private long _bytes;
    private long _dueAt = long.MaxValue;
    private long _ringsAt = long.MaxValue;

    /// <summary>A gate.</summary>
    /// <param name="options">How large a batch is, and how long it waits.</param>
    /// <param name="capacity">Most events that wait: more than these a batch does not get.</param>
    /// <param name="time">The clock.</param>
    /// <param name="due">Told, on the clock's thread, when events have waited long enough, perhaps.</param>
    public BatchGate(BatchOptions options, int capacity, TimeProvider time, Action due)
    {
        Size = Math.Min(options.Size, capacity);
        MaxBytes = options.MaxBytes;
        _time = time;
        _wait = (long)(options.Wait.TotalSeconds * time.TimestampFrequency);
        _timer = time.CreateTimer(static d => ((Action)d!)(), due, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Most events of a batch.</summary>
    public int Size { get; }

    /// <summary>Most bytes of a batch that has more than one event.</summary>
    public long MaxBytes { get; }

    /// <summary>True where nothing waits for more: the node stops.</summary>
    public bool IsHurried { get; set; }

    /// <summary>True where a batch is to be made of what waits.</summary>
    public bool IsDue => _events > 0 && (IsHurried || _events >= Size || _bytes >= MaxBytes || _dueAt <= _time.GetTimestamp());

    /// <summary>What counts of an event.</summary>
    public static long BytesOf(in MessageEvent e) => e.Message.WireBytes(e.Message.Topic);

    /// <summary>Whether an event is a batch by itself: one that has failed must not take others with it, and a timer's waits for nobody.</summary>
    public static bool IsAlone(in MessageEvent e) => e.Attempt > 0 || e.IsOfTimer;

    /// <summary>An event has come into a lane.</summary>
    public void Added(WaitingEvents.Lane lane, in MessageEvent e)
    {
        long bytes = BytesOf(e);
        if (lane.Events.Count == 1) lane.Since = _time.GetTimestamp();
        lane.Bytes += bytes;
        if (lane.IsBusy) return;
        _events++;
        _bytes += bytes;
        if (lane.Events.Count == 1) _dueAt = Math.Min(_dueAt, DueAt(lane));
    }

    /// <summary>An event was taken out of a lane that a worker has.</summary>
    public static void Removed(WaitingEvents.Lane lane, in MessageEvent e) => lane.Bytes -= BytesOf(e);

    /// <summary>A lane with events is nobody's.</summary>
    public void Free(WaitingEvents.Lane lane)
    {
        _events += lane.Events.Count;
        _bytes += lane.Bytes;
        _dueAt = Math.Min(_dueAt, DueAt(lane));
    }

    /// <summary>A worker takes a lane.</summary>
    public void Taken(WaitingEvents.Lane lane)
    {
        _events -= lane.Events.Count;
        _bytes -= lane.Bytes;
    }

    /// <summary>A batch has been taken: what is left is due when its oldest is.</summary>
    public void Left(Queue<WaitingEvents.Lane> ready)
    {
        _dueAt = long.MaxValue;
        if (_events >= Size) return; // due in any case, and no more than a batch is ever looked at
        foreach (WaitingEvents.Lane lane in ready) _dueAt = Math.Min(_dueAt, DueAt(lane));
    }

    /// <summary>Sees to it that somebody comes when what waits is due. Not before, and not twice for the same time.</summary>
    public void Arm()
    {
        if (_events == 0 || _dueAt >= _ringsAt) return;
        _ringsAt = _dueAt;
        long left = Math.Max(0, _dueAt - _time.GetTimestamp());
        // A timer's time is in whole milliseconds: one that rang early would ring again.
        _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(1000.0 * left / _time.TimestampFrequency)), Timeout.InfiniteTimeSpan);
    }

    /// <summary>The clock has rung.</summary>
    public void Rang() => _ringsAt = long.MaxValue;

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private long DueAt(WaitingEvents.Lane lane) => IsAlone(lane.Events.Peek()) ? long.MinValue : lane.Since + _wait;
}
