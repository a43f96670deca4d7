// A clock that a test sets, and alarms that ring when the test lets time pass.
namespace Mote.Node.Tests.Timer;

/// <summary>The wall clock and time that passes are two things: <see cref="Set"/> changes only the first.</summary>
internal sealed class ManualTime(DateTimeOffset start) : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<Alarm> _alarms = [];
    private DateTimeOffset _now = start;
    private TimeSpan _passed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock) return _now;
    }

    public override long GetTimestamp()
    {
        lock (_lock) return _passed.Ticks;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var alarm = new Alarm(this, () => callback(state));
        lock (_lock) _alarms.Add(alarm);
        alarm.Change(dueTime, period);
        return alarm;
    }

    /// <summary>Sets the wall clock, as an operator or a time server does. No alarm rings.</summary>
    public void Set(DateTimeOffset now)
    {
        lock (_lock) _now = now;
    }

    /// <summary>Lets time pass; alarms ring on this thread, each at its time.</summary>
    public void Pass(TimeSpan time)
    {
        TimeSpan end;
        lock (_lock) end = _passed + time;
        while (true)
        {
            Alarm? next;
            lock (_lock)
            {
                next = _alarms.Where(a => a.Due <= end).MinBy(a => a.Due);
                TimeSpan to = next?.Due ?? end;
                if (to > _passed)
                {
                    _now += to - _passed;
                    _passed = to;
                }

                if (next is null) return;
                next.Due = null;
            }

            next.Ring();
        }
    }

    private sealed class Alarm(ManualTime time, Action ring) : ITimer
    {
        public TimeSpan? Due { get; set; }

        public void Ring() => ring();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Assert.Equal(Timeout.InfiniteTimeSpan, period);
            lock (time._lock) Due = dueTime == Timeout.InfiniteTimeSpan ? null : time._passed + dueTime;
            return true;
        }

        public void Dispose()
        {
            lock (time._lock) time._alarms.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
