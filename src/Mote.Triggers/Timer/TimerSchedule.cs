// When a timer fires, and questions about long stretches of time, answered without walking through them.
namespace Mote.Triggers.Timer;

/// <summary>The times at which a timer fires.</summary>
public abstract class TimerSchedule
{
    /// <summary>The zone in which its times are told.</summary>
    public TimeZoneInfo Zone { get; private init; } = TimeZoneInfo.Utc;

    /// <summary>Fires at the multiples of a time since 1970-01-01T00:00:00Z: every node fires at the same moments, and a restart changes nothing.</summary>
    public static TimerSchedule Every(TimeSpan interval) => new Interval(interval);

    /// <summary>Fires when a function says so, which gives the first time after another; null where there is none.</summary>
    public static TimerSchedule Of(Func<DateTimeOffset, DateTimeOffset?> after, TimeZoneInfo zone) => new Function(after) { Zone = zone };

    /// <summary>The first time after another; null where there is none.</summary>
    public abstract DateTimeOffset? After(DateTimeOffset time);

    /// <summary>How many times there are after one and up to another, that included; <paramref name="max"/> where there are more.</summary>
    public virtual long Count(DateTimeOffset after, DateTimeOffset upTo, long max)
    {
        long count = 0;
        for (DateTimeOffset? t = After(after); t <= upTo && count < max; t = After(t.Value)) count++;
        return count;
    }

    /// <summary>The latest moment after which there are <paramref name="n"/> times up to another one; <paramref name="after"/> where there are no more than that.</summary>
    public DateTimeOffset StartOfLast(int n, DateTimeOffset after, DateTimeOffset upTo)
    {
        if (Count(after, upTo, n + 1L) <= n) return after;
        // More than n after `from`, at most n after `to`.
        long from = after.UtcTicks, to = upTo.UtcTicks;
        while (to - from > 1)
        {
            long middle = from + ((to - from) / 2);
            if (Count(new DateTimeOffset(middle, TimeSpan.Zero), upTo, n + 1L) > n) from = middle;
            else to = middle;
        }

        return new DateTimeOffset(to, TimeSpan.Zero);
    }

    private sealed class Interval(TimeSpan interval) : TimerSchedule
    {
        private static readonly long s_epoch = DateTimeOffset.UnixEpoch.UtcTicks;

        public override DateTimeOffset? After(DateTimeOffset time)
        {
            long next = (Multiples(time) + 1) * interval.Ticks;
            return next > DateTimeOffset.MaxValue.UtcTicks - s_epoch ? null : new DateTimeOffset(s_epoch + next, TimeSpan.Zero);
        }

        public override long Count(DateTimeOffset after, DateTimeOffset upTo, long max) => Math.Clamp(Multiples(upTo) - Multiples(after), 0, max);

        /// <summary>How many intervals have ended since 1970; negative before.</summary>
        private long Multiples(DateTimeOffset time)
        {
            (long whole, long rest) = Math.DivRem(time.UtcTicks - s_epoch, interval.Ticks);
            return rest < 0 ? whole - 1 : whole;
        }
    }

    private sealed class Function(Func<DateTimeOffset, DateTimeOffset?> after) : TimerSchedule
    {
        public override DateTimeOffset? After(DateTimeOffset time) => after(time);
    }
}
