// Lines for people, and latencies in buckets.
using Mote.DataPlane;

namespace Mote.Node.Tests;

public sealed class ThrottledLogTests
{
    private sealed class ManualTime : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }

    [Fact]
    public void Write_AFlood_PassesOnAFew_AndSaysHowManyNot()
    {
        var lines = new List<string>();
        var time = new ManualTime();
        var log = new ThrottledLog(lines.Add, time);
        for (int i = 0; i < 1000; i++) log.Write("a", $"line {i}");
        Assert.Equal(ThrottledLog.Burst, lines.Count);
        log.Write("b", "another source");
        Assert.Equal("another source", lines[^1]);
        time.Now += TimeSpan.FromSeconds(1);
        lines.Clear();
        for (int i = 0; i < 100; i++) log.Write("a", $"later {i}");
        Assert.Equal(["[a] 980 lines left out: at most 5 a second are shown", "later 0", "later 1", "later 2", "later 3", "later 4"], lines);
        lines.Clear();
        log.Flush();
        Assert.Equal(["[a] 95 lines left out: at most 5 a second are shown"], lines);
    }

    [Fact]
    public void Percentile_IsExactToAnEighth()
    {
        var histogram = new LatencyHistogram();
        Assert.Equal(TimeSpan.Zero, histogram.Percentile(0.5));
        for (int us = 1; us <= 10_000; us++) histogram.Add(TimeSpan.FromMicroseconds(us));
        foreach (double share in (double[])[0.01, 0.5, 0.9, 0.99, 1.0])
        {
            double exact = share * 10_000, found = histogram.Percentile(share).TotalMicroseconds;
            Assert.InRange(found, exact * 0.99, exact * 1.126);
        }

        var both = new LatencyHistogram();
        both.Add(histogram);
        both.Add(histogram);
        Assert.Equal(20_000, both.Count);
        Assert.Equal(histogram.Percentile(0.5), both.Percentile(0.5));
        both.Add(TimeSpan.FromDays(1000));
        both.Add(TimeSpan.FromSeconds(-1));
        Assert.Equal(20_002, both.Count);
    }
}
