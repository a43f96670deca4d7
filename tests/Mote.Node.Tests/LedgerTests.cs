// What came, what left and what was written, of a whole node and of the parts that count it.
using System.Net;
using Mote.DataPlane;
using Mote.Node.Tests.Timer;
using Mote.Runtime;
using Mote.Tests.Servers;

namespace Mote.Node.Tests;

public sealed class LedgerTests : IDisposable
{
    private readonly TestSite _site = new();

    public void Dispose() => _site.Dispose();

    [Fact]
    public async Task Node_CountsByTopicWhatComesAndWhatLeaves_AndWhatItWritesForThat()
    {
        await using Collector collector = await Collector.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), null, _ => { });
        _site.Config = _site.Config with { UpstreamUrl = collector.Url, UpstreamTopics = ["out"], Telemetry = new() { Metrics = new IPEndPoint(IPAddress.Loopback, 0) } };
        await using EdgeNode node = await _site.Start("""
            mote = 1
            [app]
            name = "test"
            [[trigger.mqtt]]
            topic = "in/#"
            component = "first"
            [[trigger.flow]]
            topic = "counts"
            component = "second"
            [component.first]
            source = "handler.wasm"
            [component.first.grants]
            keyvalue = ["default"]
            publish = ["counts", "out"]
            [component.second]
            source = "handler.wasm"
            [component.second.grants]
            publish = ["out"]
            """);
        await using Client client = await Client.Connect(node.Broker!.Address);
        string text = new('x', 100);
        for (int i = 0; i < 5; i++) Assert.True((await client.Publish("in/a", text)).IsSuccess); // goes on to `out` as it is
        for (int i = 0; i < 3; i++) Assert.True((await client.Publish("in/b", "c" + text)).IsSuccess); // counts, and the count goes by a flow to the second, and from there to `out`
        await Wait.Until(() => node.Ledger().Apps.Sum(a => a.All.MessagesOut) == 8, () => $"{node.Report()}"); // a message is acknowledged when it is on disk, and may be handled later
        LedgerOfApp app = Assert.Single(node.Ledger().Apps);
        Assert.Equal("test", app.App);
        Assert.Equal(
            [
                new LedgerRow("counts", 0, 0, 0, 0, 3 * (8 + 3)),
                new LedgerRow("in/a", 5, 5 * 104, 0, 0, 5 * 103),
                new LedgerRow("in/b", 3, 3 * 105, 0, 0, 0),
                new LedgerRow("out", 0, 0, 8, (5 * 103) + (3 * 11), 0),
            ],
            app.Topics);
        Assert.Equal((8L, (5L * 104) + (3 * 105), 8L), (app.All.MessagesIn, app.All.BytesIn, app.All.MessagesOut));
        Assert.Equal(app.All.BytesIn - app.All.BytesOut, app.All.BytesSaved);
        using var http = new HttpClient();
        Dictionary<string, double> samples = TelemetryTests.Parse(await http.GetStringAsync(node.MetricsUrl, TestContext.Current.CancellationToken));
        Assert.Equal(5, samples["mote_ledger_messages_total{mote_app=\"test\",mote_topic=\"in/a\",network_io_direction=\"receive\"}"]);
        Assert.Equal(548, samples["mote_ledger_io_bytes_total{mote_app=\"test\",mote_topic=\"out\",network_io_direction=\"transmit\"}"]);
        Assert.Equal(5, samples["mote_ledger_saved_bytes{mote_app=\"test\",mote_topic=\"in/a\"}"]);

        // Journal and pages are more than the records; keys and values are another file; the code was compiled.
        Assert.SkipUnless(File.Exists("/proc/self/io"), "this kernel keeps no account of what tasks write");
        WearDay today = node.Ledger().Disk[0];
        Assert.True(today.Written["outbox"] > 8 * 4096, $"{today.Written["outbox"]} bytes for the outbox");
        Assert.True(today.Written["keyvalue"] > 3 * 4096, $"{today.Written["keyvalue"]} bytes for keys and values");
        Assert.True(today.Written["code"] > 10_000, $"{today.Written["code"]} bytes of code");
        Assert.Equal(node.Inbox!.Value.BytesWritten > 0, today.Written.ContainsKey("inbox")); // only where this machine took its time
        Assert.NotNull(today.Kernel);
        Assert.True(samples["mote_disk_written_bytes_total{mote_disk_purpose=\"outbox\"}"] > 8 * 4096);
    }

    [Fact]
    public void Topics_BeyondTheMost_AreOneRow_AndNothingIsCountedTwiceOrNotAtAll()
    {
        var ledger = new AppLedger("a", new HashSet<string> { "inside/#" });
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, t =>
        {
            for (int i = 0; i < 1000; i++)
            {
                ledger.In("in/#", $"in/{i % 500}", 10);
                ledger.Out($"in/{i % 500}", $"out/{t}", 3);
                ledger.In("inside/#", "inside/x", 1000);
            }
        });
        IReadOnlyList<LedgerRow> rows = ledger.Rows;
        Assert.InRange(rows.Count, AppLedger.MostTopics + 1, AppLedger.MostTopics + 9); // one more for each who came at the same moment
        Assert.Null(rows[^1].Topic);
        Assert.Equal((8000L, 80_000L, 8000L, 24_000L, 24_000L), (rows.Sum(r => r.MessagesIn), rows.Sum(r => r.BytesIn), rows.Sum(r => r.MessagesOut), rows.Sum(r => r.BytesOut), rows.Sum(r => r.BytesMade)));
    }

    [Fact]
    public void Wear_IsKeptByDay_OverRestarts_AndWhereTheClockIsWrong()
    {
        string file = Path.Combine(_site.Folder, "wear.txt");
        var time = new ManualTime(new DateTimeOffset(2026, 11, 23, 23, 0, 0, TimeSpan.Zero));
        var log = new List<string>();
        var wear = new DiskWear();
        long pages = 0;
        wear.Observe(WearSource.Outbox, () => pages);
        using (var book = new WearBook(file, wear, time, log.Add))
        {
            pages = 5000;
            wear.Add(WearSource.Timers, 70);
            Assert.Equal(("2026-11-23", 5070L), (book.Days()[0].Day, book.Days()[0].Total));
            time.Pass(TimeSpan.FromHours(2));
            pages = 6000;
            WearDay[] days = [.. book.Days()];
            Assert.Equal(["2026-11-24", "2026-11-23"], days.Select(d => d.Day));
            Assert.Equal((1000L, 5000L, 70L), (days[0].Written["outbox"], days[1].Written["outbox"], days[1].Written["timers"]));
        }

        // Another process: its counts begin at nothing.
        wear = new DiskWear();
        using (var book = new WearBook(file, wear, time, log.Add))
        {
            wear.Add(WearSource.Outbox, 11);
            Assert.Equal(1011, book.Days()[0].Written["outbox"]);
            Assert.Equal(5070, book.Days()[1].Total);
            for (int i = 0; i < 100; i++)
            {
                time.Set(new DateTimeOffset(i % 2 == 0 ? 1990 : 2050, 1, 1, 0, 0, 0, TimeSpan.Zero).AddDays(i));
                wear.Add(WearSource.Logs, 1);
                Assert.Equal(1, book.Days().Single(d => d.Day == DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture)).Total);
                Assert.InRange(book.Days().Count, 1, WearBook.MostDays);
            }
        }

        Assert.Empty(log);
        File.AppendAllText(file, "2026-11-25 outbox=much\n\0\0");
        using (var book = new WearBook(file, new DiskWear(), time, log.Add)) Assert.NotEmpty(book.Days());
        Assert.Contains("is damaged", Assert.Single(log), StringComparison.Ordinal);
    }

    [Fact]
    public void Ledger_GoesOnOverRestarts_AndLosesAtMostAnHourToACrash()
    {
        string file = Path.Combine(_site.Folder, "ledger.json");
        var time = new ManualTime(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));
        var log = new List<string>();
        var crashed = new LedgerBook(file, time, log.Add);
        AppLedger first = crashed.Open("a", new HashSet<string>());
        time.Pass(TimeSpan.FromHours(1));
        Assert.False(File.Exists(file)); // nothing was counted
        first.In("in/#", "in/\"1\"\n", 10);
        first.Out("in/\"1\"\n", "out", 3);
        time.Pass(TimeSpan.FromMinutes(59));
        Assert.False(File.Exists(file));
        time.Pass(TimeSpan.FromMinutes(1));
        DateTime written = File.GetLastWriteTimeUtc(file);
        byte[] kept = File.ReadAllBytes(file);
        time.Pass(TimeSpan.FromHours(5));
        Assert.Equal(written, File.GetLastWriteTimeUtc(file)); // not again for the same
        first.In("in/#", "in/2", 1000); // and this is lost
        LedgerRow[] expected = [new("in/\"1\"\n", 1, 10, 0, 0, 3), new("out", 0, 0, 1, 3, 0)];

        // It was killed: another one reads what is there. Its own run has counted nothing yet.
        using (var book = new LedgerBook(file, time, log.Add))
        {
            AppLedger again = book.Open("a", new HashSet<string>());
            Assert.Equal(expected, again.Totals);
            Assert.Empty(again.Rows);
            again.In("in/#", "in/2", 5);
            Assert.Equal([.. expected[..1], new("in/2", 1, 5, 0, 0, 0), expected[1]], again.Totals);
            Assert.Equal([new("in/2", 1, 5, 0, 0, 0)], again.Rows);
            Assert.Equal(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero), book.Since);
        }

        // An app that does not run is there when it comes again; many of them are not.
        for (int i = 0; i < LedgerBook.MostPast + 5; i++)
        {
            using var book = new LedgerBook(file, time, log.Add);
            book.Open($"other-{i}", new HashSet<string>()).In("in/#", "in/x", i);
        }

        using (var book = new LedgerBook(file, time, log.Add)) Assert.Equal(LedgerBook.MostPast + 4, Assert.Single(book.Open($"other-{LedgerBook.MostPast + 4}", new HashSet<string>()).Totals).BytesIn);
        Assert.Equal(LedgerBook.MostPast + 1, System.Text.Json.JsonDocument.Parse(File.ReadAllText(file)).RootElement.GetProperty("apps").GetArrayLength());
        Assert.Empty(log);
        crashed.Dispose();

        // Damaged in any way, the node starts, and says so where it cannot read it.
        var random = new Random(1);
        for (int i = 0; i < 300; i++)
        {
            byte[] bad = [.. kept];
            for (int n = random.Next(1, 4); n > 0; n--) bad[random.Next(bad.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(file, bad[..random.Next(bad.Length + 1)]);
            using var book = new LedgerBook(file, time, log.Add);
            book.Open("a", new HashSet<string>()).In("in/#", "in/1", 1);
        }

        Assert.All(log, l => Assert.Contains("counted anew", l, StringComparison.Ordinal));
        Assert.InRange(log.Count, 200, 300);
    }

    [Fact]
    public async Task Ledger_OfANodeThatIsKilled_HasWhatWasKept()
    {
        string? program = Environment.GetEnvironmentVariable("MOTE_BINARY");
        Assert.SkipUnless(File.Exists(program), "MOTE_BINARY names no published mote (./test makes one)");
        File.WriteAllText(Path.Combine(_site.Folder, Packaging.AppManifest.FileName), TestSite.App);
        int port = Loopback.FreePort();
        File.WriteAllText(Path.Combine(_site.Folder, "node.toml"), $"[node]\ndata = \"data\"\n[broker]\nlisten = \"127.0.0.1:{port}\"\n");
        // Ended, killed, killed: what the first run has counted is there after all of them, and nothing that nobody sent.
        for (int run = 0; run < 3; run++)
        {
            using System.Diagnostics.Process node = NodeProcess.Start(program!, _site.Folder);
            try
            {
                NodeStatus? status = null;
                for (long start = System.Diagnostics.Stopwatch.GetTimestamp(); status is null; await Task.Delay(20, TestContext.Current.CancellationToken))
                {
                    Assert.True(!node.HasExited && System.Diagnostics.Stopwatch.GetElapsedTime(start) < Client.Patience, "the node does not start");
                    status = await ControlClient.AskAsync(Path.Combine(_site.Folder, "data"), Client.Patience, TestContext.Current.CancellationToken);
                }

                Assert.Equal(run == 0 ? 0 : 20, status.Ledger!.Apps.Single().All.MessagesIn);
                await using Client client = await Client.Connect($"127.0.0.1:{port}");
                for (int i = 0; i < 20; i++) await client.Publish("in/a", "x");
                status = await ControlClient.AskAsync(Path.Combine(_site.Folder, "data"), Client.Patience, TestContext.Current.CancellationToken);
                Assert.Equal(run == 0 ? 20 : 40, status!.Ledger!.Apps.Single().All.MessagesIn);
                if (run == 0) System.Diagnostics.Process.Start("kill", [$"{node.Id}"]).Dispose();
                else node.Kill();
                await node.WaitForExitAsync(TestContext.Current.CancellationToken);
            }
            finally
            {
                if (!node.HasExited) node.Kill();
                await node.WaitForExitAsync(CancellationToken.None);
            }
        }
    }
}
