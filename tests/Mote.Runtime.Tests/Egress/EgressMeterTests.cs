// The meter of an egress budget: never more than the budget and what came back since.
namespace Mote.Runtime.Tests.Egress;

public sealed class EgressMeterTests
{
    private sealed class Clock : TimeProvider
    {
        public long Ticks { get; set; } = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Ticks;
    }

    [Fact]
    public void WhatIsGivenBack_IsThereAgain_ButNotTwice()
    {
        var clock = new Clock();
        var meter = new EgressMeter(clock);
        var budget = new EgressBudget(100, TimeSpan.FromSeconds(100));
        Assert.True(meter.TrySpend(budget, 80));
        meter.GiveBack(budget, 80, TimeSpan.Zero);
        Assert.Equal(0, meter.Sent);
        Assert.True(meter.TrySpend(budget, 100));
        Assert.False(meter.TrySpend(budget, 1));
        // 60 of it come back by themselves; the other 40 are given back, and then it is all there, and no more.
        clock.Ticks += TimeSpan.FromSeconds(60).Ticks;
        Assert.True(meter.TrySpend(budget, 60));
        meter.GiveBack(budget, 100, TimeSpan.FromSeconds(60));
        Assert.True(meter.TrySpend(budget, 40));
        Assert.False(meter.TrySpend(budget, 1));
    }

    [Fact]
    public void Spend_IsNeverMoreThanTheBudget_AndWhatCameBack()
    {
        var random = new Random(Seeds.Of(20261123));
        for (int run = 0; run < 100; run++)
        {
            var clock = new Clock();
            var meter = new EgressMeter(clock);
            var budget = new EgressBudget(random.Next(1, 10_000), TimeSpan.FromSeconds(random.Next(1, 10_000)));
            double elapsed = 0;
            long sent = 0, refused = 0;
            for (int i = 0; i < 200; i++)
            {
                double wait = random.NextDouble() * budget.Per.TotalSeconds / 20;
                clock.Ticks += (long)(wait * TimeSpan.TicksPerSecond);
                elapsed += wait;
                long bytes = random.Next(0, (int)budget.Bytes / 4 + 2);
                if (meter.TrySpend(budget, bytes)) sent += bytes;
                else refused += bytes;
                Assert.InRange(sent, 0, budget.Bytes * (1 + (elapsed / budget.Per.TotalSeconds)) + 1);
            }

            Assert.Equal((sent, refused), (meter.Sent, meter.Refused));
            // And what it may, it may: after the whole time all of it is there again.
            clock.Ticks += budget.Per.Ticks + 1;
            Assert.True(meter.TrySpend(budget, budget.Bytes));
            Assert.False(meter.TrySpend(budget, 1 + (budget.Bytes / 100)));
        }
    }

    [Fact]
    public void MoreThanTheWholeBudget_NeverGoes() => Assert.False(new EgressMeter(new Clock()).TrySpend(new EgressBudget(10, TimeSpan.FromSeconds(1)), 11));
}
