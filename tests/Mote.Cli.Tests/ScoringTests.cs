// The scorers on cases small enough to be worked out by hand.
using Mote.Cli.Scoring;

namespace Mote.Cli.Tests;

public sealed class ScoringTests
{
    /// <summary>100 rows, of which the first 15 are not scored, and one window of ten rows.</summary>
    private static NabResult Nab(params int[] at)
    {
        var detected = new bool[100];
        foreach (int i in at) detected[i] = true;
        return NabScore.Of(detected, [(50, 59)], NabProfile.Standard);
    }

    [Fact]
    public void Nab_NothingDetected_LosesTheWindow() => Assert.Equal(new NabResult(-1, 1, 1, 0), Nab());

    [Fact]
    public void Nab_FirstRowOfTheWindow_IsWorthAll() => Assert.Equal(1, Nab(50).Raw, 12);

    [Fact]
    public void Nab_LastRowOfTheWindow_IsWorthLittle() =>
        // Position -0.1: (2 / (1 + e^-0.5) - 1) / (2 / (1 + e^-5) - 1).
        Assert.Equal(0.244918662 / 0.986614298, Nab(59).Raw, 8);

    [Fact]
    public void Nab_SeveralInOneWindow_CountOnce() => Assert.Equal(new NabResult(Nab(52).Raw, 1, 0, 0), Nab(59, 57, 52));

    [Fact]
    public void Nab_OutsideWithNoWindowBefore_CostsInFull()
    {
        NabResult r = Nab(20, 49, 50);
        Assert.Equal((1 - 0.22, 2), (Math.Round(r.Raw, 12), r.FalsePositives));
    }

    [Fact]
    public void Nab_ShortlyAfterTheWindow_CostsLess()
    {
        // A ninth of the window's width after it: 2 / (1 + e^(5/9)) - 1 = -0.270847.
        Assert.Equal(-1 - (0.11 * 0.270847), Nab(60).Raw, 6);
        // More than three times its width: in full.
        Assert.Equal(-1.11, Nab(88).Raw, 12);
    }

    [Fact]
    public void Nab_Probation_IsNotScored()
    {
        Assert.Equal(new NabResult(-1, 1, 1, 0), Nab(0, 14));
        Assert.Equal(1, Nab(15).FalsePositives);
        Assert.Equal((15, 750, 169), (NabScore.Probation(100), NabScore.Probation(100_000), NabScore.Probation(1127)));
    }

    [Fact]
    public void Nab_SecondWindow_IsMeasuredFromTheFirst()
    {
        var detected = new bool[200];
        detected[45] = detected[100] = true;
        NabResult r = NabScore.Of(detected, [(40, 49), (100, 119)], NabProfile.Standard);
        Assert.Equal((2, 0, 0), (r.Windows, r.Missed, r.FalsePositives));
        // Row 45 is in the middle: position -0.5.
        Assert.Equal(1 + (((2 / (1 + Math.Exp(-2.5))) - 1) / ((2 / (1 + Math.Exp(-5))) - 1)), r.Raw, 12);
    }

    [Fact]
    public void Nab_Normalize_GoesFromNothingToPerfect()
    {
        Assert.Equal(0, NabScore.Normalize(-4, 4, NabProfile.Standard), 12);
        Assert.Equal(100, NabScore.Normalize(4, 4, NabProfile.Standard), 12);
        Assert.Equal(50, NabScore.Normalize(0, 4, NabProfile.Standard), 12);
        Assert.Equal(100, NabScore.Normalize(4, 4, new NabProfile(1, 2, 0.11)), 12);
    }

    [Fact]
    public void Confusion_RatesAreThoseOfTheLeaderboard()
    {
        // Two of three anomalous rows found, one of four healthy ones not left alone.
        Confusion c = default;
        foreach ((bool anomaly, bool alarm) in new[] { (true, true), (true, true), (true, false), (false, true), (false, false), (false, false), (false, false) }) c = c.Add(anomaly, alarm);
        Assert.Equal(new Confusion(2, 1, 1, 3), c);
        Assert.Equal((2 / 3.0, 0.25, 1 / 3.0), (c.F1, c.FalseAlarmRate, c.MissedAlarmRate));
        Assert.Equal(new Confusion(4, 2, 2, 6), c + c);
        // A line of the published table: MSET on the pump's file valve1/2.csv.
        Assert.Equal(337 / (337 + (338 / 2.0)), new Confusion(337, 338, 0, 0).F1, 12);
    }

    [Fact]
    public void Confusion_NothingThere_IsNothing() => Assert.Equal((0, 0, 0), (default(Confusion).F1, default(Confusion).FalseAlarmRate, default(Confusion).MissedAlarmRate));

    [Fact]
    public void AlarmState_RaisedStandsAndEventPasses()
    {
        var alarm = new AlarmState();
        Assert.False(alarm.After([]));
        Assert.True(alarm.After([new Alert("raised", "{}")]));
        Assert.True(alarm.After([]));
        Assert.False(alarm.After([new Alert("cleared", "{}")]));
        Assert.True(alarm.After([new Alert("event", "{}")]));
        Assert.False(alarm.After([new Alert("summary", "{}")]));
    }

    [Theory]
    [InlineData("ts;a;b;anomaly\n2020-03-09 10:14:33;1.5;2;0.0\n2020-03-09 10:14:34;;3;1\n", """{"ts":"2020-03-09T10:14:33.000Z","values":{"a":1.5,"b":2}}""", """{"ts":"2020-03-09T10:14:34.000Z","values":{"a":null,"b":3}}""")]
    [InlineData("timestamp,value,anomaly\n2014-04-01 00:00:00,20,0\n2014-04-01 00:05:00,21,1\n", """{"ts":"2014-04-01T00:00:00.000Z","value":20}""", """{"ts":"2014-04-01T00:05:00.000Z","value":21}""")]
    [InlineData("a,b,anomaly\n1,2,0\n3,4,1\n", """{"values":{"a":1,"b":2}}""", """{"values":{"a":3,"b":4}}""")]
    public void LabelledTable_Rows_AreMessagesAndLabels(string text, params string[] messages)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["t.csv"], text);
        LabelledRow[] rows = [.. LabelledTable.Read(folder["t.csv"], "anomaly", [])];
        Assert.Equal(messages, rows.Select(r => System.Text.Encoding.UTF8.GetString(r.Message)));
        Assert.Equal([false, true], rows.Select(r => r.Anomaly));
    }

    [Theory]
    [InlineData("a,b\n1,2\n", "t.csv:1: there is no column `anomaly`")]
    [InlineData("a,anomaly\n1,0,5\n", "t.csv:2: 3 fields, the header has 2")]
    [InlineData("ts,a,anomaly\n2020-01-01,1,0\nx,1,0\n", "t.csv:3: `x` is not a time")]
    [InlineData("a,b,anomaly\n1,2,0\n1,hot,0\n", "t.csv:3: column b: `hot` is not a number")]
    [InlineData("a,anomaly\n1,yes\n", "t.csv:2: the label `yes` is not a number")]
    [InlineData("", "the file is empty")]
    public void LabelledTable_BadFile_SaysWhere(string text, string message)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["t.csv"], text);
        Assert.Contains(message, Assert.Throws<CliException>(() => LabelledTable.Read(folder["t.csv"], "anomaly", []).ToArray()).Message, StringComparison.Ordinal);
    }
}
