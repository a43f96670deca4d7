// Tables as people write them.
using System.Text;
using System.Text.Json;
using Mote.Cli.Simulation;

namespace Mote.Cli.Tests;

public sealed class CsvReplayTests : IDisposable
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private CsvReplay Replay(string text, params string[] skip) => new(_folder.Write("Press Line 1.csv", text), rate: 2, skip, "plant", s_start);

    private static (string Topic, double Value) Read(SimulatedMessage m)
    {
        using JsonDocument json = JsonDocument.Parse(m.Payload);
        return (m.Topic, json.RootElement.GetProperty("value").GetDouble());
    }

    [Theory]
    [InlineData("a,b\n1,2\n3,4\n")]
    [InlineData("a,b\r\n1,2\r\n3,4\r\n")]
    [InlineData("a;b\n1;2\n3;4")]
    [InlineData("a\tb\n1\t2\n\n3\t4\n\n")]
    [InlineData("\ufeffa,b\n 1 , 2 \n3,4\n")]
    [InlineData("\"a\",\"b\"\n\"1\",\"2\"\n\"3\",\"4\"\n")]
    public void Messages_Table_GivesEachNumberInOrder(string text)
    {
        CsvReplay replay = Replay(text);
        SimulatedMessage[] messages = [.. replay.Messages()];
        Assert.Equal([("plant/press-line-1/a", 1), ("plant/press-line-1/b", 2), ("plant/press-line-1/a", 3), ("plant/press-line-1/b", 4)], messages.Select(Read));
        Assert.Equal([0, 0.5, 1, 1.5], messages.Select(m => m.At.TotalSeconds));
        Assert.Equal(0, replay.Skipped);
    }

    [Fact]
    public void Messages_QuotedFields_MayHaveSeparatorsAndQuotes()
    {
        CsvReplay replay = Replay("\"temp, inside\";\"say \"\"hi\"\"\"\n1;2\n");
        Assert.Equal([("plant/press-line-1/temp-inside", 1), ("plant/press-line-1/say-hi", 2)], replay.Messages().Select(Read));
    }

    [Fact]
    public void Messages_TimesInTheFirstColumn_ArePassedOn()
    {
        SimulatedMessage m = Assert.Single(Replay("when,a\n2024-05-06T07:08:09Z,1\n").Messages());
        Assert.Contains("\"ts\":\"2024-05-06T07:08:09.000Z\"", Encoding.UTF8.GetString(m.Payload));
    }

    [Fact]
    public void Messages_NumbersInTheFirstColumn_AreReadings() =>
        Assert.Contains("\"ts\":\"2026-01-01T00:00:00.000Z\"", Encoding.UTF8.GetString(Replay("a\n1\n").Messages().First().Payload));

    [Theory]
    [InlineData("a,b\nNaN,1\n", 1, ":2: column a: `NaN` is not a number")]
    [InlineData("a,b\n1,inf\n", 1, ":2: column b: `inf` is not a number")]
    [InlineData("a,b\n1,1e999\n", 1, ":2: column b: `1e999` is not a number")]
    [InlineData("a,b\nx,1\n", 1, ":2: column a: `x` is not a number")]
    [InlineData("a;b\n1,5;1\n", 1, ":2: column a: `1,5` is not a number")]
    [InlineData("a,b\n1\n2,3,4\n5,6\n", 2, ":2: 1 fields, the header has 2")]
    public void Messages_WhatIsNoNumber_IsLeftOutAndCounted(string text, int skipped, string first)
    {
        CsvReplay replay = Replay(text);
        Assert.NotEmpty(replay.Messages().ToArray());
        Assert.Equal(skipped, replay.Skipped);
        Assert.EndsWith(first, replay.FirstSkipped);
    }

    [Fact]
    public void Messages_EmptyFields_AreNotMistakes()
    {
        CsvReplay replay = Replay("a,b\n,1\n2,\n");
        Assert.Equal([1, 2], replay.Messages().Select(m => Read(m).Value));
        Assert.Equal(0, replay.Skipped);
    }

    [Fact]
    public void Messages_SkippedColumns_AreLeftOut() =>
        Assert.Equal(["plant/press-line-1/b"], Replay("a,b\n1,2\n", "a").Messages().Select(m => m.Topic));

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData("a,b\n1,2\n", "there is no column `c`")]
    public void Messages_FileThatCannotBeUsed_SaysWhy(string text, string words)
    {
        CliException e = Assert.Throws<CliException>(() => Replay(text, "c").Messages().ToArray());
        Assert.Equal(ExitCode.BadInput, e.ExitCode);
        Assert.Contains(words, e.Message);
    }

    [Fact]
    public void Messages_TooManyColumns_AreRefused() =>
        Assert.Contains("10001 columns", Assert.Throws<CliException>(() => Replay(new string(',', 10_000) + "\n").Messages().ToArray()).Message);

    [Theory]
    [InlineData("Temp [°C]", "temp-c")]
    [InlineData("a/b+c#d", "a-b-c-d")]
    [InlineData("--", "x")]
    [InlineData("", "x")]
    public void Slug_AnyName_IsOneLevelOfATopic(string name, string expected) => Assert.Equal(expected, CsvReplay.Slug(name));
}
