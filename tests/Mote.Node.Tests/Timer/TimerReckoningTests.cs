// Which firing is due and what was missed: on time, late, after power cuts, and by clocks that are wrong and put right.
using System.Globalization;
using Mote.Triggers;
using Mote.Triggers.Timer;

namespace Mote.Node.Tests.Timer;

public sealed class TimerReckoningTests
{
    private static readonly TimerSchedule s_tenMinutes = TimerSchedule.Every(TimeSpan.FromMinutes(10));

    private readonly List<string> _log = [];
    private DateTimeOffset _now = At("2026-11-23 12:00:05");

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private TimerReckoning Timer(CatchUp catchUp, TimerMark? mark = null, TimerSchedule? schedule = null, TimeSpan jitter = default, string when = "it") =>
        new(new TimerOptions("app", "c", "t", schedule ?? s_tenMinutes, when, jitter, catchUp), new Random(1), mark, _now, TimeSpan.Zero, _log.Add);

    private static TimerMark Mark(string last, string? high = null) => new("it", At(last), high is null ? null : At(high));

    private Firing? Step(TimerReckoning timer, string now) => timer.Step(_now = At(now), TimeSpan.Zero);

    /// <summary>Steps and ends the firing where there is one.</summary>
    private Firing? Run(TimerReckoning timer, string now, Outcome outcome = Outcome.Handled)
    {
        Firing? firing = Step(timer, now);
        if (firing is not null) timer.Done(outcome, _now, TimeSpan.Zero);
        return firing;
    }

    private static void Is(string scheduled, long missed, Firing? firing) => Assert.Equal(new Firing(At(scheduled), missed), firing);

    [Theory]
    [InlineData(CatchUp.Skip)]
    [InlineData(CatchUp.Once)]
    [InlineData(CatchUp.All)]
    public void Time_ThatComes_Fires_Once(CatchUp catchUp)
    {
        TimerReckoning timer = Timer(catchUp);
        Assert.Null(Step(timer, "2026-11-23 12:00:05"));
        Assert.Equal(At("2026-11-23 12:10:00"), timer.Wake);
        Assert.Null(Step(timer, "2026-11-23 12:09:59.9999999"));
        Is("2026-11-23 12:10:00", 0, Run(timer, "2026-11-23 12:10:00.003"));
        Assert.Null(Step(timer, "2026-11-23 12:10:00.004"));
        Is("2026-11-23 12:20:00", 0, Run(timer, "2026-11-23 12:20:00"));
        Assert.Equal((2, 0), (timer.Fired, timer.Missed));
        Assert.Equal(At("2026-11-23 12:30:00"), timer.Next(_now));
        Assert.Empty(_log);
    }

    [Theory]
    [InlineData(CatchUp.Skip)]
    [InlineData(CatchUp.Once)]
    public void Time_ThatComesWhileAFiringIsOpen_IsMissed_AndToldWithTheNext(CatchUp catchUp)
    {
        TimerReckoning timer = Timer(catchUp);
        Is("2026-11-23 12:10:00", 0, Step(timer, "2026-11-23 12:10:00"));
        Assert.Null(timer.Wake);
        Assert.Null(Step(timer, "2026-11-23 12:20:00"));
        Assert.Null(Step(timer, "2026-11-23 12:35:00"));
        Assert.Equal((0, 2), (timer.Fired, timer.Missed));
        timer.Done(Outcome.Handled, _now, TimeSpan.Zero);
        Assert.Null(Step(timer, "2026-11-23 12:35:01"));
        Is("2026-11-23 12:40:00", 2, Run(timer, "2026-11-23 12:40:00"));
        Is("2026-11-23 12:50:00", 0, Run(timer, "2026-11-23 12:50:00"));
        Assert.Equal(2, timer.Missed);
    }

    [Fact]
    public void All_WhileAFiringIsOpen_ComesAfterIt()
    {
        TimerReckoning timer = Timer(CatchUp.All);
        Is("2026-11-23 12:10:00", 0, Step(timer, "2026-11-23 12:10:00"));
        Assert.Null(Step(timer, "2026-11-23 12:35:00"));
        timer.Done(Outcome.Handled, _now, TimeSpan.Zero);
        Is("2026-11-23 12:20:00", 0, Run(timer, "2026-11-23 12:35:00"));
        Is("2026-11-23 12:30:00", 0, Run(timer, "2026-11-23 12:35:00"));
        Assert.Null(Run(timer, "2026-11-23 12:35:00"));
        Assert.Equal(0, timer.Missed);
    }

    [Fact]
    public void HeldUp_ForLessThanAMinute_IsNotMissed()
    {
        TimerReckoning timer = Timer(CatchUp.Skip);
        Is("2026-11-23 12:10:00", 0, Run(timer, "2026-11-23 12:10:59"));
        // Asleep for an hour, and awake at the right moment.
        Is("2026-11-23 13:10:00", 5, Run(timer, "2026-11-23 13:10:30"));
    }

    [Fact]
    public void Skip_AfterSleep_GoesOnWithTheNext()
    {
        TimerReckoning timer = Timer(CatchUp.Skip);
        Assert.Null(Step(timer, "2026-11-23 15:05:00"));
        Assert.Equal(18, timer.Missed);
        Is("2026-11-23 15:10:00", 18, Run(timer, "2026-11-23 15:10:00"));
    }

    [Fact]
    public void Skip_AfterPowerOff_KnowsNothing()
    {
        TimerReckoning timer = Timer(CatchUp.Skip, Mark("2026-11-20 12:00:00"));
        Assert.Null(Step(timer, "2026-11-23 12:00:06"));
        Assert.Equal(0, timer.Missed);
    }

    [Fact]
    public void Once_AfterPowerOff_FiresForTheLatest()
    {
        TimerReckoning timer = Timer(CatchUp.Once, Mark("2026-11-23 09:00:00"), schedule: TimerSchedule.Every(TimeSpan.FromHours(1)));
        Is("2026-11-23 12:00:00", 2, Run(timer, "2026-11-23 12:40:00"));
        Assert.Null(Run(timer, "2026-11-23 12:40:00"));
        Assert.Equal(new TimerMark("it", At("2026-11-23 12:00:00"), null), timer.Mark);
        Is("2026-11-23 13:00:00", 0, Run(timer, "2026-11-23 13:00:00"));
    }

    [Fact]
    public void All_AfterPowerOff_FiresForEach_InOrder()
    {
        TimerReckoning timer = Timer(CatchUp.All, Mark("2026-11-23 11:30:00"));
        Is("2026-11-23 11:40:00", 0, Run(timer, "2026-11-23 12:00:05"));
        Is("2026-11-23 11:50:00", 0, Run(timer, "2026-11-23 12:00:05"));
        Is("2026-11-23 12:00:00", 0, Run(timer, "2026-11-23 12:00:05"));
        Assert.Null(Run(timer, "2026-11-23 12:00:05"));
        Assert.Empty(_log);
    }

    [Fact]
    public void All_AfterAMonth_IsBounded_AndSaysSo()
    {
        TimerReckoning timer = Timer(CatchUp.All, Mark("2026-10-23 12:00:00"));
        var fired = new List<Firing>();
        while (Run(timer, "2026-11-23 12:00:05") is { } f) fired.Add(f);
        Assert.Equal(TimerReckoning.MaxBacklog, fired.Count);
        const int Missed = (31 * 144) - TimerReckoning.MaxBacklog;
        Is("2026-11-16 13:30:00", Missed, fired[0]);
        Assert.All(fired.Skip(1), f => Assert.Equal(0, f.Missed));
        Assert.Equal(At("2026-11-23 12:00:00"), fired[^1].Scheduled);
        Assert.Equal((TimerReckoning.MaxBacklog, Missed), (timer.Fired, timer.Missed));
        Assert.StartsWith($"{Missed} firings before 2026-11-16T13:2", Assert.Single(_log));
        Assert.EndsWith("were missed: at most 1000 are made up for", _log[0]);
    }

    [Fact]
    public void Firing_OpenAtThePowerCut_ComesAgain()
    {
        TimerReckoning timer = Timer(CatchUp.Once);
        Is("2026-11-23 12:10:00", 0, Run(timer, "2026-11-23 12:10:00"));
        Is("2026-11-23 12:20:00", 0, Step(timer, "2026-11-23 12:20:00"));
        Assert.Equal(At("2026-11-23 12:10:00"), timer.Mark.Last);
        TimerReckoning again = Timer(CatchUp.Once, timer.Mark);
        Is("2026-11-23 12:20:00", 0, Run(again, "2026-11-23 12:21:30"));
    }

    [Fact]
    public void Schedule_ThatIsAnother_CatchesNothingUp()
    {
        TimerReckoning timer = Timer(CatchUp.All, Mark("2026-11-20 12:00:00"), when: "another");
        Assert.Null(Step(timer, "2026-11-23 12:00:06"));
        Assert.True(timer.HasChanged);
        Assert.Equal("another", timer.Mark.When);
    }

    [Fact]
    public void Jitter_DelaysEachFiring_ByLessThanItself()
    {
        TimerReckoning timer = Timer(CatchUp.Once, jitter: TimeSpan.FromSeconds(20));
        var delays = new List<TimeSpan>();
        for (DateTimeOffset t = At("2026-11-23 12:10:00"); delays.Count < 200; t = t.AddMinutes(10))
        {
            if (timer.Step(t, TimeSpan.Zero) is null)
            {
                delays.Add(timer.Wake!.Value - t);
                Assert.Null(timer.Step(timer.Wake.Value.AddTicks(-1), TimeSpan.Zero));
                Assert.Equal(t, timer.Step(timer.Wake.Value, TimeSpan.Zero)!.Value.Scheduled);
            }

            timer.Done(Outcome.Handled, t, TimeSpan.Zero);
        }

        Assert.All(delays, d => Assert.InRange(d, TimeSpan.Zero, TimeSpan.FromSeconds(20)));
        Assert.True(delays.Max() - delays.Min() > TimeSpan.FromSeconds(15));
        // What is made up for is spread as well.
        TimerReckoning late = Timer(CatchUp.Once, Mark("2026-11-23 09:00:00"), jitter: TimeSpan.FromSeconds(20));
        _now = At("2026-11-23 12:05:00");
        Assert.Null(late.Step(_now, TimeSpan.Zero));
        Assert.InRange(late.Wake!.Value - _now, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void Result_ThatCouldNotBePassedOn_IsTriedAgain_WithGrowingPauses()
    {
        TimerReckoning timer = Timer(CatchUp.Once);
        Is("2026-11-23 12:10:00", 0, Run(timer, "2026-11-23 12:10:00", Outcome.NotDelivered));
        foreach (int seconds in (int[])[1, 2, 4, 8, 16, 32, 60, 60])
        {
            Assert.Equal(_now.AddSeconds(seconds), timer.Wake);
            Assert.Null(timer.Step(timer.Wake!.Value.AddTicks(-1), TimeSpan.Zero));
            _now = timer.Wake.Value;
            Is("2026-11-23 12:10:00", 0, timer.Step(_now, TimeSpan.Zero));
            timer.Done(Outcome.NotDelivered, _now, TimeSpan.Zero);
        }

        Assert.Equal((0, At("2026-11-23 12:00:05")), (timer.Fired, timer.Mark.Last));
        _now = timer.Wake!.Value;
        Assert.NotNull(timer.Step(_now, TimeSpan.Zero));
        timer.Done(Outcome.Handled, _now, TimeSpan.Zero);
        Assert.Equal((1, At("2026-11-23 12:10:00")), (timer.Fired, timer.Mark.Last));
        // A timer that makes up for nothing does not repeat, and one that fails is over.
        TimerReckoning skip = Timer(CatchUp.Skip);
        Assert.NotNull(Run(skip, "2026-11-23 12:20:00", Outcome.NotDelivered));
        Assert.Null(Run(skip, "2026-11-23 12:20:10"));
        Assert.NotNull(Run(timer, "2026-11-23 12:20:11", Outcome.Failed));
        Assert.Null(Run(timer, "2026-11-23 12:20:12"));
        Assert.Equal(2, timer.Fired);
    }

    [Theory]
    [InlineData(CatchUp.Skip)]
    [InlineData(CatchUp.Once)]
    [InlineData(CatchUp.All)]
    public void Clock_SetBackALittle_FiresNothingTwice(CatchUp catchUp)
    {
        TimerReckoning timer = Timer(catchUp);
        Is("2026-11-23 12:10:00", 0, Run(timer, "2026-11-23 12:10:00"));
        Assert.Null(Run(timer, "2026-11-23 12:06:00"));
        Assert.Null(Run(timer, "2026-11-23 12:10:00"));
        Is("2026-11-23 12:20:00", 0, Run(timer, "2026-11-23 12:20:00"));
        Assert.Empty(_log);
    }

    [Theory]
    [InlineData(CatchUp.Skip, "2026-11-23 07:03:00", "2026-11-23 07:10:00")]
    [InlineData(CatchUp.Once, "2006-01-01 00:00:01", "2006-01-01 00:10:00")]
    [InlineData(CatchUp.All, "1970-01-01 00:00:01", "1970-01-01 00:10:00")]
    public void Clock_SetBackByHoursOrYears_DoesNotStopTheTimer(CatchUp catchUp, string now, string next)
    {
        TimerReckoning timer = Timer(catchUp);
        Is("2026-11-23 12:10:00", 0, Run(timer, "2026-11-23 12:10:00"));
        Assert.Null(Run(timer, now));
        Assert.Equal(At(next), timer.Wake);
        Is(next, 0, Run(timer, next));
        Assert.Equal(0, timer.Missed);
        Assert.Contains("the clock was set back", Assert.Single(_log));
    }

    [Fact]
    public void Clock_SetBackWhileAFiringWaits_DoesNotMakeItWaitForHours()
    {
        TimerReckoning timer = Timer(CatchUp.Once, schedule: TimerSchedule.Every(TimeSpan.FromDays(1)), jitter: TimeSpan.FromMinutes(5));
        Assert.Null(Step(timer, "2026-11-24 00:00:00"));
        Assert.Null(Step(timer, "2026-11-23 22:00:00"));
        Assert.InRange(timer.Wake!.Value, _now, _now.AddMinutes(5));
        Assert.NotNull(Run(timer, "2026-11-23 22:05:00"));
        Assert.Null(Run(timer, "2026-11-24 00:00:00"));
        Assert.Null(Step(timer, "2026-11-25 00:00:00"));
        Is("2026-11-25 00:00:00", 0, Run(timer, "2026-11-25 00:05:00"));
    }

    [Theory]
    [InlineData(CatchUp.Skip)]
    [InlineData(CatchUp.Once)]
    [InlineData(CatchUp.All)]
    public void Clock_ThatLeapsByYears_FiresNothingExtra(CatchUp catchUp)
    {
        TimerReckoning timer = Timer(catchUp, schedule: TimerSchedule.Every(TimeSpan.FromMilliseconds(100)));
        Assert.NotNull(Run(timer, "2026-11-23 12:00:05.1"));
        Assert.Null(Run(timer, "2083-01-01 00:00:00.05"));
        Is("2083-01-01 00:00:00.1", 0, Run(timer, "2083-01-01 00:00:00.1"));
        // And back, where it was right.
        Assert.Null(Run(timer, "2026-11-23 12:00:06.05"));
        Is("2026-11-23 12:00:06.1", 0, Run(timer, "2026-11-23 12:00:06.1"));
        Assert.Equal(0, timer.Missed);
    }

    [Theory]
    [InlineData(CatchUp.Skip)]
    [InlineData(CatchUp.Once)]
    [InlineData(CatchUp.All)]
    public void Clock_ThatWasSetAWhileAgo_LosesNothingThatCameSince(CatchUp catchUp)
    {
        TimerReckoning timer = Timer(catchUp);
        Assert.Null(timer.Step(At("2026-11-23 12:00:06"), TimeSpan.FromSeconds(10)));
        // Eight seconds after the last look it is past a time: it was set before that, or after.
        Is("2026-11-23 05:00:00", 0, timer.Step(At("2026-11-23 05:00:07"), TimeSpan.FromSeconds(18)));
        timer.Done(Outcome.Handled, At("2026-11-23 05:00:07"), TimeSpan.FromSeconds(18));
        Is("2051-11-23 05:00:00", 0, timer.Step(At("2051-11-23 05:00:07"), TimeSpan.FromSeconds(26)));
        timer.Done(Outcome.Handled, At("2051-11-23 05:00:07"), TimeSpan.FromSeconds(26));
        Assert.Null(timer.Step(At("2026-11-23 05:00:09"), TimeSpan.FromSeconds(34)));
    }

    [Fact]
    public void Clock_WithoutBattery_StartsIn1970_AndIsPutRight_CatchesUpWhatWasMissed()
    {
        TimerMark before = Mark("2026-11-23 12:10:00");
        _now = At("1970-01-01 00:00:10");
        TimerReckoning timer = Timer(CatchUp.Once, before);
        Assert.Null(Run(timer, "1970-01-01 00:00:10"));
        Is("1970-01-01 00:10:00", 0, Run(timer, "1970-01-01 00:10:00"));
        Assert.Equal(new TimerMark("it", At("1970-01-01 00:10:00"), At("2026-11-23 12:10:00")), timer.Mark);
        // The power goes once more, before a time server is reached.
        timer = Timer(CatchUp.Once, timer.Mark);
        Assert.Null(Run(timer, "1970-01-01 00:12:00"));
        Is("2026-11-23 12:40:00", 2, Run(timer, "2026-11-23 12:45:00"));
        Assert.Null(Run(timer, "2026-11-23 12:45:01"));
        Assert.Equal(new TimerMark("it", At("2026-11-23 12:40:00"), null), timer.Mark);
    }

    [Fact]
    public void Clock_ThatWasAheadByYears_AndIsPutRight_CatchesUpAsBefore()
    {
        TimerReckoning timer = Timer(CatchUp.Once);
        Is("2026-11-23 12:10:00", 0, Run(timer, "2026-11-23 12:10:00"));
        Assert.Null(Run(timer, "2036-11-23 12:10:05"));
        Assert.Null(Run(timer, "2026-11-23 12:10:15"));
        Is("2026-11-23 12:20:00", 0, Run(timer, "2026-11-23 12:20:00"));
        TimerReckoning again = Timer(CatchUp.Once, timer.Mark);
        Is("2026-11-23 13:40:00", 7, Run(again, "2026-11-23 13:45:00"));
    }

    [Fact]
    public void Clock_OfAnyKind_OpensOneFiringAtATime_AndNeverStopsTheTimer()
    {
        const int Seed = 20261123;
        var random = new Random(Seed);
        for (int i = 0; i < 60; i++)
        {
            var interval = TimeSpan.FromSeconds(random.Next(1, 5000));
            var catchUp = (CatchUp)random.Next(3);
            TimerReckoning timer = Timer(catchUp, schedule: TimerSchedule.Every(interval), jitter: interval * random.NextDouble());
            long fired = 0;
            bool open = false;
            for (int step = 0; step < 300; step++)
            {
                _now += random.Next(20) switch
                {
                    0 => TimeSpan.FromDays(random.Next(-20_000, 20_000)),
                    1 => TimeSpan.FromMinutes(random.Next(-500, 500)),
                    _ => interval * random.NextDouble() * 3,
                };
                if (_now.Year is < 1960 or > 2400) _now = At("2026-11-23 12:00:00");
                Firing? firing = timer.Step(_now, TimeSpan.Zero);
                Assert.False(open && firing is not null);
                if (firing is { } f)
                {
                    open = true;
                    fired++;
                    Assert.InRange(f.Missed, 0, timer.Missed);
                }

                if (open && random.Next(4) > 0)
                {
                    timer.Done(Outcome.Handled, _now, TimeSpan.Zero);
                    open = false;
                    // Whatever the clock did, the next firing is near: half a period or three hours are waited out at most.
                    DateTimeOffset latest = _now + (interval * 2.5 < TimeSpan.FromHours(3) ? interval * 2.5 : TimeSpan.FromHours(3) + (interval * 2));
                    Assert.True(timer.Wake <= latest, $"at {_now:O}, every {interval}: {timer.Wake:O}, seed {Seed}");
                }

                if (random.Next(40) > 0) continue;
                timer = Timer(catchUp, timer.Mark, TimerSchedule.Every(interval), interval * random.NextDouble());
                open = false;
            }

            // A timer that makes up for nothing fires where it is looked at in time, which is seldom here.
            Assert.True(fired > 50 || catchUp == CatchUp.Skip, $"{fired} of 300 steps, seed {Seed}");
        }
    }
}
