// [[trigger.timer]]: every key, and every fault with its line.
using Mote.Packaging.Timers;

namespace Mote.Packaging.Tests;

public sealed class TimerTriggerTests : IDisposable
{
    private const string Small = """
        mote = 1
        [app]
        name = "app"
        [[trigger.timer]]
        component = "c"
        every = "10s"
        [component.c]
        source = "c.wasm"
        """;

    private readonly Manifests _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Timer_IsRead()
    {
        AppManifest app = _files.Read("""
            mote = 1
            [app]
            name = "app"
            [[trigger.timer]]
            component = "c"
            every = "10s"
            [[trigger.timer]]
            component = "c"
            name = "nightly"
            cron = "0 3 * * MON-FRI"
            timezone = "Europe/Berlin"
            jitter = "2s"
            catch-up = "once"
            [component.c]
            source = "c.wasm"
            """);
        Assert.Empty(app.MqttTriggers);
        TimerTriggerManifest every = app.TimerTriggers[0], cron = app.TimerTriggers[1];
        Assert.Equal(new TimerTriggerManifest("c", "c", TimeSpan.FromSeconds(10), null, TimeSpan.Zero, MissedFirings.Skip, 4), every);
        Assert.Equal("every 10s", every.When);
        Assert.Equal(("nightly", "c", null, TimeSpan.FromSeconds(2), MissedFirings.Once, 7), (cron.Name, cron.Component, cron.Every, cron.Jitter, cron.Missed, cron.Line));
        Assert.Equal("0 3 * * MON-FRI (Europe/Berlin)", cron.When);
        Assert.Equal(new DateTimeOffset(2026, 11, 23, 3, 0, 0, TimeSpan.FromHours(1)), cron.Cron!.After(new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero)));
    }

    [Theory]
    [InlineData("90min", "every 90min")]
    [InlineData("2h", "every 2h")]
    [InlineData("120s", "every 2min")]
    [InlineData("250ms", "every 0.25s")]
    [InlineData("1d", "every 24h")]
    public void Every_IsShown(string every, string when) => Assert.Equal(when, _files.Read(Small.Replace("10s", every, StringComparison.Ordinal)).TimerTriggers[0].When);

    [Theory]
    [InlineData("every = \"10s\"\ncron = \"* * * * *\"", "cron", "a timer has `every` or `cron`, and this one has both")]
    [InlineData("jitter = \"1s\"", "[[trigger.timer]]", "a timer needs every = \"10s\" or cron = \"*/5 * * * *\"")]
    [InlineData("every = \"soon\"", "every", "`every` must be a time like \"50ms\", found \"soon\"")]
    [InlineData("every = \"10ms\"", "every", "`every` must be at least 100ms, found \"10ms\"")]
    [InlineData("every = \"1000d\"", "every", "`every` must be at most 8784h")]
    [InlineData("every = \"10s\"\ntimezone = \"Europe/Berlin\"", "timezone", "`timezone` is for a timer with `cron`")]
    [InlineData("cron = \"61 * * * *\"", "cron", "`cron`: \"61 * * * *\": Minutes: Value must be a number between 0 and 59")]
    [InlineData("cron = \"0 0 31 4 *\"", "cron", "never comes")]
    [InlineData("cron = \"* * * * *\"\ntimezone = \"Mars/Olympus\"", "timezone", "there is no time zone \"Mars/Olympus\" here: it is a name of the IANA database like \"Europe/Berlin\"")]
    [InlineData("cron = \"* * * * *\"\ntimezone = \"../../../etc/hostname\"", "timezone", "there is no time zone")]
    [InlineData("cron = \"* * * * *\"\ntimezone = \"\"", "timezone", "there is no time zone")]
    [InlineData("every = \"10s\"\njitter = \"11s\"", "jitter", "`jitter` must not be more than `every`")]
    [InlineData("cron = \"0 0 * * *\"\njitter = \"2h\"", "jitter", "`jitter` must be at most 1h")]
    [InlineData("every = \"10s\"\ncatch-up = \"some\"", "catch-up", "`catch-up` is \"skip\", \"once\" or \"all\", found \"some\"")]
    [InlineData("every = \"10s\"\nname = \"a/b\"", "a/b", "the timer's name `a/b` may have lowercase letters, digits and dashes")]
    [InlineData("every = \"10s\"\nevry = \"10s\"", "evry", "unknown key `evry` in [[trigger.timer]]")]
    [InlineData("every = 10", "every", "`every` must be a string, found an integer")]
    public void Fault_SaysWhereAndWhat(string keys, string at, string says) =>
        Assert.Contains(says, _files.Fault(Small.Replace("every = \"10s\"", keys, StringComparison.Ordinal), at), StringComparison.Ordinal);

    [Fact]
    public void Component_ThatIsNotThere_IsNamed() =>
        Assert.Contains("there is no component `d`", _files.Fault(Small.Replace("component = \"c\"", "component = \"d\"", StringComparison.Ordinal), "component = \"d\""), StringComparison.Ordinal);

    [Fact]
    public void Name_OfTwo_IsRefused()
    {
        const string Second = "[[trigger.timer]] # second\ncomponent = \"c\"\nevery = \"1s\"\n";
        string two = Small.Replace("[component.c]", Second + "[component.c]", StringComparison.Ordinal);
        Assert.Equal("there is a timer `c` already, at line 4: a timer is called as its component where it has no name: add name = \"…\"", _files.Fault(two, "# second"));
        Assert.Equal("there is a timer `c` already, at line 4: give this one another name", _files.Fault(two.Replace("# second", "\nname = \"c\"", StringComparison.Ordinal), "name = \"c\""));
        Assert.Equal(2, _files.Read(two.Replace("# second", "\nname = \"other\"", StringComparison.Ordinal)).TimerTriggers.Count);
    }

    [Fact]
    public void Timers_InThousands_AreRefused()
    {
        string many = string.Concat(Enumerable.Range(0, 1001).Select(i => $"[[trigger.timer]]\ncomponent = \"c\"\nevery = \"1s\"\nname = \"t{i}\"\n"));
        Assert.Contains("an app has at most 1000 timers", Assert.Throws<Toml.ConfigException>(() => _files.Read(Small.Replace("[component.c]", many + "[component.c]", StringComparison.Ordinal))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("# a comment", true)]
    [InlineData("catch-up = \"all\"", false)]
    [InlineData("name = \"other\"", false)]
    [InlineData("jitter = \"1s\"", false)]
    public void Manifest_ReadAgain_ReplacesComponentsWhereTheTimersAreTheSame(string line, bool same)
    {
        AppManifest before = _files.Read(Small);
        Assert.Equal(same, before.CanReplace(_files.Read(Small.Replace("every = \"10s\"", $"{line}\nevery = \"10s\"", StringComparison.Ordinal))));
    }
}
