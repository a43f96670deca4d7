// Events into files: whole lines, finished files, and what a power cut or a full disk leaves.
using System.Text;
using Mote.DataPlane;

namespace Mote.Node.Tests.Upstreams;

public sealed class FileUpstreamTests : IDisposable
{
    private readonly UpstreamSite _site = new();
    private readonly List<string> _log = [];
    private readonly string _folder;
    private readonly FileUpstreamOptions _options;

    public FileUpstreamTests()
    {
        _folder = Directory.CreateDirectory(Path.Combine(_site.Folder, "out")).FullName;
        _options = new FileUpstreamOptions(Path.Combine(_folder, "events.jsonl"));
    }

    public void Dispose() => _site.Dispose();

    private FileUpstream Upstream(FileUpstreamOptions? options = null, TimeProvider? time = null) => new(options ?? _options, time ?? TimeProvider.System, _log.Add);

    private static Task<UpstreamAnswer> Send(FileUpstream upstream, params CloudEvent[] events) => upstream.SendAsync(events, TestContext.Current.CancellationToken);

    private string[] Finished => [.. Directory.GetFiles(_folder, "events-*.jsonl").Order(StringComparer.Ordinal)];

    /// <summary>The events of all files in the order of their names; the one that is written to comes last.</summary>
    private CloudEvent[] Read()
    {
        var all = new List<CloudEvent>();
        foreach (string file in Finished.Append(_options.Path).Where(File.Exists))
        {
            string text = File.ReadAllText(file);
            Assert.True(text.Length == 0 || text.EndsWith('\n'), $"{file} ends within a line");
            foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries)) all.Add(Assert.Single(CloudEvent.FromJsonBatch(Encoding.UTF8.GetBytes($"[{line}]"))!));
        }

        return [.. all];
    }

    [Fact]
    public async Task Events_AreLinesInOrder_WithTheirAttributesAndBytes()
    {
        byte[] every = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        CloudEvent[] events =
        [
            UpstreamSite.Event(1) with { Data = every, ContentType = null },
            UpstreamSite.Event(2) with { Data = "line\nbreak \u0000 \u2028 \"quoted\""u8.ToArray() },
            UpstreamSite.Event(3) with { Data = "{\"a\":\n1}"u8.ToArray(), ContentType = "application/json", Subject = "a\nb" },
        ];
        await using (UpstreamPump pump = new(Upstream(), _site.Outbox(events), TimeProvider.System, _log.Add))
        {
            Assert.True(await pump.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
            Assert.Equal((3L, 0L), (pump.Counts.Sent, pump.Counts.Retries));
        }

        CloudEvent[] read = Read();
        Assert.Equal(events.Select(e => (e.Id, e.Source, e.Type, e.Time, e.Subject)), read.Select(e => (e.Id, e.Source, e.Type, e.Time, e.Subject)));
        Assert.Equal(every, read[0].Data.ToArray());
        Assert.Equal(events[1].Data.ToArray(), read[1].Data.ToArray());
        Assert.Equal("{\"a\":1}", Encoding.UTF8.GetString(read[2].Data.Span));
        Assert.Empty(_log);
    }

    [Fact]
    public async Task File_ThatIsLargeEnough_IsFinished_AndNamesRiseAlsoWhereTheClockGoesBack()
    {
        var clock = new SetClock { Now = DateTimeOffset.FromUnixTimeMilliseconds(1_800_000_000_000) };
        await using FileUpstream upstream = Upstream(_options with { FileSize = 4096 }, clock);
        for (int i = 0; i < 40; i++)
        {
            clock.Now -= TimeSpan.FromHours(1);
            Assert.Equal(new UpstreamAnswer(1).Settled, (await Send(upstream, UpstreamSite.Event(i, 500))).Settled);
        }

        Assert.InRange(Finished.Length, 5, 20);
        Assert.All(Finished, f => Assert.InRange(new FileInfo(f).Length, 1, 4096));
        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"boot-{i}"), Read().Select(e => e.Id));
    }

    [Fact]
    public async Task FullFolder_Waits_SaysWhatToDo_AndGoesOnWhenFilesWereTakenAway()
    {
        await using var pump = new UpstreamPump(Upstream(_options with { FileSize = 4096, TotalSize = 20_000, Batch = 1 }), _site.Outbox([.. Enumerable.Range(0, 60).Select(i => UpstreamSite.Event(i, 500))]), new NoWaiting(), _log.Add);
        await Wait.Until(() => pump.Counts.LastError is not null, () => $"{pump.Counts}");
        Assert.InRange(Directory.GetFiles(_folder).Sum(f => new FileInfo(f).Length), 15_000, 20_000);
        Assert.Contains("total-size", pump.Counts.LastError, StringComparison.Ordinal);
        Assert.Contains("events-*.jsonl", _log[0], StringComparison.Ordinal);
        var taken = new List<string>();
        string[] Ids() => [.. taken.Concat(Read().Select(e => e.Id))];
        while (pump.Counts.Waiting > 0)
        {
            foreach (string file in Finished)
            {
                taken.AddRange(File.ReadAllLines(file).Select(l => CloudEvent.FromJsonBatch(Encoding.UTF8.GetBytes($"[{l}]"))![0].Id));
                File.Delete(file);
            }

            await pump.FlushAsync(TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken);
        }

        Assert.Equal(Enumerable.Range(0, 60).Select(i => $"boot-{i}"), Ids());
    }

    [Fact]
    public async Task FullFolder_WhereTheOldestMayGo_KeepsTheNewest_AndSaysSo()
    {
        await using FileUpstream upstream = Upstream(_options with { FileSize = 4096, TotalSize = 20_000, DropOldest = true });
        for (int i = 0; i < 200; i++) Assert.Equal(1, (await Send(upstream, UpstreamSite.Event(i, 500))).Settled);
        Assert.InRange(Directory.GetFiles(_folder).Sum(f => new FileInfo(f).Length), 12_000, 20_000);
        string[] ids = [.. Read().Select(e => e.Id)];
        Assert.Equal(Enumerable.Range(200 - ids.Length, ids.Length).Select(i => $"boot-{i}"), ids);
        Assert.All(_log, l => Assert.Contains("deleted", l, StringComparison.Ordinal));
        Assert.NotEmpty(_log);
    }

    [Theory]
    [InlineData("half a line")]
    [InlineData("zeros")]
    [InlineData("zeros within")]
    [InlineData("begin")]
    public async Task TornEnd_IsCutOff_AndNothingBeforeIt(string kind)
    {
        await using (FileUpstream first = Upstream()) await Send(first, [.. Enumerable.Range(0, 10).Select(i => UpstreamSite.Event(i))]);
        string whole = await File.ReadAllTextAsync(_options.Path, TestContext.Current.CancellationToken);
        string line = whole.Split('\n')[0];
        await File.AppendAllTextAsync(_options.Path, kind switch
        {
            "half a line" => line[..(line.Length / 2)],
            "zeros" => new string('\0', 5000),
            "zeros within" => $"{line[..40]}{new string('\0', 4096)}{line[50..]}\n{line}\n",
            _ => "{\"sp",
        }, TestContext.Current.CancellationToken);
        await using FileUpstream again = Upstream();
        Assert.Equal(1, (await Send(again, UpstreamSite.Event(10))).Settled);
        Assert.Equal(Enumerable.Range(0, 11).Select(i => $"boot-{i}"), Read().Select(e => e.Id));
        Assert.Contains("cut off", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TornEnd_OfOneLargeLine_IsCutOff()
    {
        await using (FileUpstream first = Upstream()) await Send(first, UpstreamSite.Event(0));
        await File.AppendAllTextAsync(_options.Path, "{\"specversion\":\"1.0\",\"data_base64\":\"" + new string('A', 6 << 20), TestContext.Current.CancellationToken);
        await using FileUpstream again = Upstream();
        Assert.Equal(1, (await Send(again, UpstreamSite.Event(1))).Settled);
        Assert.Equal(["boot-0", "boot-1"], Read().Select(e => e.Id));
    }

    [Fact]
    public async Task File_OfSomethingElse_IsLeftAlone()
    {
        await File.WriteAllTextAsync(_options.Path, "dear diary,", TestContext.Current.CancellationToken);
        await using FileUpstream upstream = Upstream();
        UpstreamAnswer answer = await Send(upstream, UpstreamSite.Event(1));
        Assert.Equal((0, UpstreamFault.Misconfigured), (answer.Settled, answer.Fault));
        Assert.Contains("not end with a line of this node", answer.Error, StringComparison.Ordinal);
        Assert.Equal("dear diary,", await File.ReadAllTextAsync(_options.Path, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task File_ThatWasMovedAway_IsBegunAnew()
    {
        await using FileUpstream upstream = Upstream();
        await Send(upstream, UpstreamSite.Event(1));
        string moved = Path.Combine(_site.Folder, "moved.jsonl");
        File.Move(_options.Path, moved);
        await Send(upstream, UpstreamSite.Event(2));
        Assert.Equal("boot-2", Assert.Single(Read()).Id);
        Assert.Single(await File.ReadAllLinesAsync(moved, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Folder_ThatIsNotThere_IsWaitedFor()
    {
        FileUpstreamOptions stick = _options with { Path = Path.Combine(_folder, "stick", "events.jsonl") };
        await using FileUpstream upstream = Upstream(stick);
        UpstreamAnswer answer = await Send(upstream, UpstreamSite.Event(1));
        Assert.Equal((0, UpstreamFault.Misconfigured), (answer.Settled, answer.Fault));
        Assert.Contains("stick", answer.Error, StringComparison.Ordinal);
        Directory.CreateDirectory(Path.GetDirectoryName(stick.Path)!);
        Assert.Equal(1, (await Send(upstream, UpstreamSite.Event(1))).Settled);
    }

    [Fact]
    public async Task FullDisk_LeavesWholeLines_AndGoesOnWhenThereIsRoom()
    {
        using Tmpfs disk = Tmpfs.Mount(_folder, 256 << 10);
        string filler = Path.Combine(_folder, "filler");
        await File.WriteAllBytesAsync(filler, new byte[200 << 10], TestContext.Current.CancellationToken);
        CloudEvent[] events = [.. Enumerable.Range(0, 100).Select(i => UpstreamSite.Event(i, 1000))];
        await using (var pump = new UpstreamPump(Upstream(_options with { Batch = 7 }), _site.Outbox(events), new NoWaiting(), _log.Add))
        {
            await Wait.Until(() => pump.Counts.Retries > 3, () => $"{pump.Counts}");
            Assert.True(new FileInfo(_options.Path).Length > 0); // what is in it now may be half a line that is about to be cut off
            Assert.True(pump.Counts.Waiting > 0);
            File.Delete(filler);
            Assert.True(await pump.FlushAsync(Client.Patience, TestContext.Current.CancellationToken));
        }

        Assert.Equal(events.Select(e => e.Id), Read().Select(e => e.Id));
    }

    private sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
