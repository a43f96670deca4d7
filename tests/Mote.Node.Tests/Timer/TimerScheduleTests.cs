// Questions about long stretches of time, against walking through them.
using Mote.Triggers.Timer;

namespace Mote.Node.Tests.Timer;

public sealed class TimerScheduleTests
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Every_IsAtMultiplesSince1970()
    {
        TimerSchedule seven = TimerSchedule.Every(TimeSpan.FromHours(7));
        DateTimeOffset t = s_start;
        for (int i = 0; i < 10; i++)
        {
            t = seven.After(t)!.Value;
            Assert.Equal(0, (t - DateTimeOffset.UnixEpoch).Ticks % TimeSpan.FromHours(7).Ticks);
        }

        Assert.Equal(s_start.AddDays(-1), TimerSchedule.Every(TimeSpan.FromDays(1)).After(s_start.AddDays(-1).AddTicks(-1)));
        Assert.Equal(DateTimeOffset.UnixEpoch, TimerSchedule.Every(TimeSpan.FromDays(1)).After(DateTimeOffset.UnixEpoch.AddTicks(-1)));
        Assert.Equal(DateTimeOffset.UnixEpoch.AddDays(-1), TimerSchedule.Every(TimeSpan.FromDays(1)).After(DateTimeOffset.UnixEpoch.AddDays(-1.5)));
        Assert.Null(TimerSchedule.Every(TimeSpan.FromDays(1)).After(DateTimeOffset.MaxValue));
    }

    [Fact]
    public void CountAndStartOfLast_AreWhatAWalkFinds()
    {
        const int Seed = 1123;
        var random = new Random(Seed);
        for (int i = 0; i < 500; i++)
        {
            var interval = TimeSpan.FromTicks(random.NextInt64(TimeSpan.TicksPerSecond, TimeSpan.TicksPerHour));
            // The same times, as a function and in bursts: what crons like "* 3 * * *" are.
            TimerSchedule schedule = random.Next(3) switch
            {
                0 => TimerSchedule.Every(interval),
                1 => TimerSchedule.Of(TimerSchedule.Every(interval).After, TimeZoneInfo.Utc),
                _ => TimerSchedule.Of(t => t.Hour == 3 ? TimerSchedule.Every(interval).After(t) : TimerSchedule.Every(interval).After(t.AddTicks(-(t.TimeOfDay.Ticks)).AddHours(t.Hour < 3 ? 3 : 27)), TimeZoneInfo.Utc),
            };
            DateTimeOffset after = s_start.AddTicks(random.NextInt64(TimeSpan.TicksPerDay)), upTo = after.AddTicks(random.NextInt64(5 * TimeSpan.TicksPerDay));
            var walk = new List<DateTimeOffset>();
            for (DateTimeOffset? t = schedule.After(after); t <= upTo; t = schedule.After(t.Value)) walk.Add(t.Value);
            Assert.Equal(Math.Min(walk.Count, 100), schedule.Count(after, upTo, 100));
            Assert.Equal(walk.Count, schedule.Count(after, upTo, long.MaxValue));
            int n = random.Next(1, 50);
            DateTimeOffset start = schedule.StartOfLast(n, after, upTo);
            Assert.Equal(Math.Min(n, walk.Count), schedule.Count(start, upTo, long.MaxValue));
            Assert.Equal(walk.Count > n, start > after);
            if (walk.Count > n) Assert.Equal(walk[^n], schedule.After(start));
        }
    }
}
