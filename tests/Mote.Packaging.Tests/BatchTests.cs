// batch, batch-wait and batch-bytes of a trigger: what they are where nothing is said, and every fault with its line.
using Mote.Runtime;

namespace Mote.Packaging.Tests;

public sealed class BatchTests : IDisposable
{
    private const string Head = """
        mote = 1
        [app]
        name = "app"
        [component.c]
        source = "c.wasm"
        [component.d]
        source = "d.wasm"
        [component.d.limits]
        handles = 50

        """;

    private const string Mqtt = "[[trigger.mqtt]]\ntopic = \"in/#\"\ncomponent = \"c\"\n", OfD = "[[trigger.mqtt]]\ntopic = \"d/#\"\ncomponent = \"d\"\n",
        Flow = "[[trigger.flow]]\ntopic = \"f\"\ncomponent = \"c\"\n", Nats = "[[trigger.messaging]]\nsubject = \"n\"\ncomponent = \"c\"\n";

    private readonly Manifests _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(Mqtt)]
    [InlineData(Flow)]
    [InlineData(Nats)]
    public void Keys_AreRead_OfEachTriggerThatHasMessages(string trigger)
    {
        Assert.Null(_files.Read(Head + trigger).BatchOf("c"));
        AppManifest app = _files.Read(Head + trigger + "batch = 250\nbatch-wait = \"20ms\"\nbatch-bytes = \"64KiB\"\n");
        Assert.Equal(new BatchOptions(250, TimeSpan.FromMilliseconds(20), 64 << 10), app.BatchOf("c")!.Options);
        Assert.Null(app.BatchOf("d"));
    }

    [Theory]
    [InlineData("batch = 1", 1, 5, 1 << 20)]
    [InlineData("batch-wait = \"0ms\"", 100, 0, 1 << 20)]
    [InlineData("batch-wait = \"1min\"", 100, 60_000, 1 << 20)]
    [InlineData("batch-bytes = \"16MiB\"", 100, 5, 16 << 20)]
    public void WhatIsNotSaid_HasAStandard(string key, int size, int milliseconds, long bytes) =>
        Assert.Equal(new BatchOptions(size, TimeSpan.FromMilliseconds(milliseconds), bytes), _files.Read(Head + Mqtt + key).BatchOf("c")!.Options);

    [Fact]
    public void Batch_WithoutASize_LeavesAComponentHalfOfItsHandles() => Assert.Equal(25, _files.Read(Head + OfD + "batch-wait = \"1s\"").BatchOf("d")!.Options.Size);

    [Theory]
    [InlineData("batch = 0", "`batch`")]
    [InlineData("batch = 1001", "`batch`")]
    [InlineData("batch = \"many\"", "`batch`")]
    [InlineData("batch-wait = 20", "`batch-wait`")]
    [InlineData("batch-wait = \"soon\"", "`batch-wait` must be a time like \"20ms\", found \"soon\"")]
    [InlineData("batch-wait = \"61s\"", "`batch-wait` must be at most 60s, found \"61s\"")]
    [InlineData("batch-bytes = \"1B\"", "`batch-bytes` must be from 1 KiB to 16 MiB")]
    [InlineData("batch-bytes = \"17MiB\"", "`batch-bytes` must be from 1 KiB to 16 MiB")]
    public void Value_OutOfBounds_IsAnErrorAtItsLine(string key, string says) => Assert.Contains(says, _files.Fault(Head + Mqtt + key, key), StringComparison.Ordinal);

    [Fact]
    public void Batch_OfMoreThanTheComponentMayHold_IsAnError() =>
        Assert.Contains("[component.d.limits] has handles = 50", _files.Fault(Head + OfD + "batch = 50", "batch ="), StringComparison.Ordinal);

    [Fact]
    public void Batch_OfMoreThanMayBeInFlight_IsAnError()
    {
        const string Stream = Nats + "stream = \"S\"\nmax-in-flight = 10\n";
        Assert.Contains("`max-in-flight` = 10", _files.Fault(Head + Stream + "batch = 11", "batch = 11"), StringComparison.Ordinal);
        Assert.Equal(10, _files.Read(Head + Stream + "batch = 10").BatchOf("c")!.Options.Size);
    }

    [Fact]
    public void Triggers_OfOneComponent_MaySayItOnce_OrTheSame_AndNotDifferentThings()
    {
        Assert.Equal(7, _files.Read(Head + Mqtt + Flow + "batch = 7\n" + Nats).BatchOf("c")!.Options.Size);
        Assert.Equal(7, _files.Read(Head + Mqtt + "batch = 7\n" + Flow + "batch = 7\n" + OfD + "batch = 8\n").BatchOf("c")!.Options.Size);
        string fault = _files.Fault(Head + Mqtt + "batch = 7\n" + Flow + "batch = 9\n", "batch = 9");
        Assert.Contains("component `c`", fault, StringComparison.Ordinal);
        Assert.Contains("line 13", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void App_GoesOn_WhereTheSameStandsElsewhere_AndNotWhereItIsAnother()
    {
        AppManifest app = _files.Read(Head + Mqtt + "batch = 7\n");
        Assert.True(app.CanReplace(_files.Read(Head + Mqtt + "\n\nbatch = 7\n")));
        Assert.False(app.CanReplace(_files.Read(Head + Mqtt + "batch = 8\n")));
        Assert.False(app.CanReplace(_files.Read(Head + Mqtt)));
    }

    [Fact]
    public void Timer_HasNoBatches() =>
        Assert.Contains("`batch`", _files.Fault(Head + "[[trigger.timer]]\nevery = \"1s\"\ncomponent = \"c\"\nbatch = 2\n", "batch ="), StringComparison.Ordinal);
}
