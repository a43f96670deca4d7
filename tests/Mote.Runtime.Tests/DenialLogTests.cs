// Refusals are said once each, with the line that would allow them, and cannot fill the memory.
namespace Mote.Runtime.Tests;

public sealed class DenialLogTests
{
    [Fact]
    public void Add_TheSameTwice_ReportsOnceAndCounts()
    {
        var reported = new List<Denial>();
        var log = new DenialLog(reported.Add);
        var app = new AppComponent("app", "filter", Grants.None, new MicroVmLimits()) { Denials = log };
        for (int i = 0; i < 5; i++) app.Denied("the key-value store `a`", "keyvalue = [\"a\"]");
        app.Denied("the key-value store `b`", "keyvalue = [\"b\"]");
        Assert.Equal(2, reported.Count);
        Assert.Equal("component `filter` was denied the key-value store `a`; to allow it, put under [component.filter.grants]: keyvalue = [\"a\"]", reported[0].ToString());
        Assert.Equal([1L, 5L], log.All.Select(d => d.Value).Order());
    }

    [Fact]
    public void Add_WithoutEnd_StaysBounded()
    {
        int reported = 0;
        var log = new DenialLog(_ => reported++);
        for (int i = 0; i < 100_000; i++) log.Add(new Denial("filter", $"number {i}", ""));
        Assert.Equal(1000, log.All.Count);
        Assert.Equal(1000, reported);
        log.Add(new Denial("filter", "number 3", ""));
        Assert.Equal(2, log.All.Single(d => d.Key.What == "number 3").Value);
    }
}
