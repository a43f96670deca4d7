// The outbox on disk: what was put in comes out, in order, after an end of any kind; damage and a full disk are borne.
using System.Diagnostics;
using Mote.Backends.Sqlite;
using Mote.DataPlane;

namespace Mote.Node.Tests;

public sealed class OutboxTests : IDisposable
{
    private static readonly OutboxClass s_class = new("default");
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-outbox-tests-").FullName;
    private readonly List<string> _log = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string File => Path.Combine(_folder, "outbox.db");

    private SqliteOutbox Open(long maxBytes = 1L << 30, TimeProvider? time = null) => new(File, maxBytes, _log.Add, time ?? TimeProvider.System);

    private static CloudEvent Event(int n, int bytes = 100)
    {
        byte[] data = new byte[bytes];
        new Random(n).NextBytes(data);
        return new CloudEvent($"e-{n}", "/s", CloudEvent.MessageType, DateTimeOffset.UnixEpoch.AddMilliseconds(n), n % 3 == 0 ? null : $"töpic/{n}", n % 2 == 0 ? null : "text/plain", data) { TraceParent = n % 5 == 0 ? "00-1-2-01" : null };
    }

    private static Exception? Put(SqliteOutbox outbox, OutboxClass c, params CloudEvent[] events)
    {
        var done = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        outbox.Put([.. events.Select(e => (c, e))], done.SetResult);
        return done.Task.WaitAsync(Client.Patience).GetAwaiter().GetResult();
    }

    private static string[] Ids(SqliteOutbox outbox, int most = 100_000) => [.. outbox.Peek(most, long.MaxValue).Select(e => e.Event.Id)];

    /// <summary>Whoever has a message in memory handles it; were it given from the disk too, it would be handled twice.</summary>
    [Fact]
    public async Task Inbox_DoesNotGiveWhatIsInMemory_AlsoWhereItComesWhileThatIsRead()
    {
        using SqliteOutbox outbox = Open();
        const int Messages = 1000, Writers = 4; // more than processors: the reader is interrupted anywhere
        Task parking = Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Factory.StartNew(
            () =>
            {
                using var stored = new AutoResetEvent(false);
                for (int i = 0; i < Messages; i++)
                {
                    outbox.Park("in", [(byte)(i % 2)], isInMemory: i % 2 == 0, _ => stored.Set());
                    stored.WaitOne();
                }
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
        long last = 0;
        int given = 0;
        while (true)
        {
            bool isLast = parking.IsCompleted;
            foreach (InboxEntry e in outbox.Peek("in", last, 64, 1 << 20))
            {
                Assert.Equal([1], e.Record.ToArray());
                Assert.True(e.Id > last);
                last = e.Id;
                given++;
            }

            if (isLast && given == Writers * Messages / 2) break;
            await Task.Yield();
        }
    }

    /// <summary>What a batch has made, and the end of all messages that it was made of: after a crash, too, all of it or nothing.</summary>
    [Fact]
    public async Task Put_EndsSeveralMessages_InOneTransaction()
    {
        long[] ids = new long[5];
        using (SqliteOutbox outbox = Open())
        {
            for (int i = 0; i < ids.Length; i++)
            {
                var stored = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
                ids[i] = outbox.Park("in", [(byte)i], isInMemory: true, stored.SetResult);
                Assert.Null(await stored.Task.WaitAsync(Client.Patience, TestContext.Current.CancellationToken));
            }

            var put = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
            outbox.Put([(new OutboxClass("default"), Event(1)), (new OutboxClass("default"), Event(2))], put.SetResult, new InboxIds([ids[0], 0, ids[2], ids[3]]));
            Assert.Null(await put.Task.WaitAsync(Client.Patience, TestContext.Current.CancellationToken));
            Assert.Equal((2L, 2L), (outbox.WaitingFor("in"), outbox.InboxCounts.Waiting));
        }

        using SqliteOutbox again = Open();
        Assert.Equal([ids[1], ids[4]], again.Peek("in", 0, 100, 1 << 20).Select(e => e.Id));
        Assert.Equal(2, again.Counts.Waiting);
    }

    [Fact]
    public void Record_ComesBackAsItWas_AndADamagedOneIsKnown()
    {
        var random = new Random(1);
        for (int i = 0; i < 300; i++)
        {
            CloudEvent e = Event(i, random.Next(0, 300));
            byte[] record = EventRecord.Write(e);
            CloudEvent back = EventRecord.Read(record);
            Assert.Equal(e with { Data = default }, back with { Data = default });
            Assert.Equal(e.Data.ToArray(), back.Data.ToArray());
            uint check = EventRecord.Check(record);
            record[random.Next(record.Length)] ^= (byte)(1 << random.Next(8));
            Assert.NotEqual(check, EventRecord.Check(record));
            // Whatever it is now: an event or a clear no.
            try
            {
                EventRecord.Read(record.AsMemory(0, random.Next(record.Length + 1)));
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    [Fact]
    public void WhatIsPutIn_IsThereAfterReopening_UntilItIsTakenOut()
    {
        using (SqliteOutbox outbox = Open())
        {
            for (int i = 0; i < 50; i++) Assert.Null(Put(outbox, s_class, Event(2 * i), Event((2 * i) + 1)));
            IReadOnlyList<OutboxEntry> first = outbox.Peek(30, long.MaxValue);
            outbox.Remove([.. first.Select(e => e.Id)]);
            Assert.Equal(Enumerable.Range(30, 70).Select(i => $"e-{i}"), Ids(outbox)); // at once, also where the disk does not know yet
            Assert.Equal(Event(17).Data.ToArray(), first[17].Event.Data.ToArray());
        }

        using SqliteOutbox again = Open();
        Assert.Equal(Enumerable.Range(30, 70).Select(i => $"e-{i}"), Ids(again));
        Assert.Equal(70, again.Counts.Waiting);
        Assert.Null(Put(again, s_class, Event(100)));
        Assert.Equal("e-100", Ids(again)[^1]);
    }

    [Fact]
    public void Budget_TakesTheLowestPrioritysOldest_AndSaysSo()
    {
        using SqliteOutbox outbox = Open(maxBytes: 100_000);
        OutboxClass low = new("low", -1), high = new("high", 1);
        for (int i = 0; i < 50; i++) Put(outbox, low, Event(i, 1000));
        for (int i = 100; i < 150; i++) Put(outbox, high, Event(i, 1000));
        Assert.InRange(outbox.Counts.Bytes, 90_000, 100_000);
        string[] ids = Ids(outbox);
        Assert.Equal(Enumerable.Range(100, 50).Select(i => $"e-{i}"), ids.Take(50));
        int kept = ids.Length - 50;
        Assert.Equal(Enumerable.Range(50 - kept, kept).Select(i => $"e-{i}"), ids.Skip(50));
        OutboxGap gap = Assert.Single(outbox.Gaps());
        Assert.Equal(("low", 50L - kept), (gap.Class, gap.Messages));
        for (int i = 200; i < 250; i++) Put(outbox, high, Event(i, 1000));
        Assert.DoesNotContain(Ids(outbox), id => id.Length == 4); // none of the low ones is left
        outbox.Told(gap); // an old state: what was dropped since is told too
        Assert.Equal(2, outbox.Gaps().Count);
        foreach (OutboxGap g in outbox.Gaps()) outbox.Told(g);
        Assert.Empty(outbox.Gaps());
    }

    [Fact]
    public void Age_IsCountedOnAClockThatNoJumpMoves()
    {
        var time = new JumpingTime();
        OutboxClass aging = new("aging", MaxAge: TimeSpan.FromHours(1));
        using (SqliteOutbox outbox = Open(time: time))
        {
            Put(outbox, aging, Event(0));
            time.Jump(TimeSpan.FromDays(365 * 20));
            time.Pass(TimeSpan.FromMinutes(40));
            Put(outbox, aging, Event(1));
            time.Jump(TimeSpan.FromDays(-365 * 30));
            time.Pass(TimeSpan.FromMinutes(10));
            Put(outbox, aging, Event(2));
            Assert.Equal(["e-0", "e-1", "e-2"], Ids(outbox));
            time.Pass(TimeSpan.FromMinutes(15));
            Put(outbox, aging, Event(3)); // 65 minutes after the first
            Assert.Equal(["e-1", "e-2", "e-3"], Ids(outbox));
        }

        time.Pass(TimeSpan.FromMinutes(50)); // while the node was off
        using SqliteOutbox again = Open(time: time);
        Put(again, aging, Event(4));
        Assert.Equal(["e-3", "e-4"], Ids(again)); // the second is 75 minutes old and the third 65
        Assert.Equal("aging", Assert.Single(again.Gaps()).Class);
    }

    [Fact]
    public void FlippedBits_CostTheirOwnRecords()
    {
        using (SqliteOutbox outbox = Open())
        {
            for (int i = 0; i < 200; i++) Put(outbox, s_class, Event(i, 1500));
        }

        // In the middle of what records 20 and 150 hold.
        byte[] file = System.IO.File.ReadAllBytes(File);
        foreach (int n in (int[])[20, 150])
        {
            int at = file.AsSpan().IndexOf(Event(n, 1500).Data.Span[700..800]);
            Assert.True(at > 0);
            file[at + 50] ^= 0x10;
        }

        System.IO.File.WriteAllBytes(File, file);
        using SqliteOutbox again = Open();
        Assert.Equal(Enumerable.Range(0, 200).Where(i => i is not (20 or 150)).Select(i => $"e-{i}"), Ids(again));
        Assert.Equal(2, again.Counts.Damaged);
        Assert.Contains(_log, l => l.Contains("2 records are damaged", StringComparison.Ordinal));
        Assert.Equal(198, Ids(again).Length);
    }

    [Fact]
    public void DamagedDatabase_IsPutAside_AndTheRestIsTakenOver()
    {
        using (SqliteOutbox outbox = Open())
        {
            for (int i = 0; i < 200; i++) Put(outbox, s_class, Event(i, 1500));
        }

        byte[] file = System.IO.File.ReadAllBytes(File);
        new Random(1).NextBytes(file.AsSpan(0, 100)); // the header
        System.IO.File.WriteAllBytes(File, file);
        using (SqliteOutbox again = Open())
        {
            Assert.Null(Put(again, s_class, Event(1000)));
            Assert.Equal(["e-1000"], Ids(again));
            Assert.True(System.IO.File.Exists(File + ".damaged"));
            Assert.Contains(_log, l => l.Contains("is damaged", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void TornJournal_LosesNothingThatWasConfirmed()
    {
        string copy = Path.Combine(_folder, "copy.db");
        using (SqliteOutbox outbox = Open())
        {
            for (int i = 0; i < 20; i++) Put(outbox, s_class, Event(i));
            // As a power cut leaves it: the database and its journal as they are now, with half a frame more.
            System.IO.File.Copy(File, copy);
            byte[] journal = System.IO.File.ReadAllBytes(File + "-wal");
            byte[] torn = [.. journal, .. journal.AsSpan(32, 2000)];
            System.IO.File.WriteAllBytes(copy + "-wal", torn);
        }

        using var after = new SqliteOutbox(copy, 1L << 30, _log.Add, TimeProvider.System);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"e-{i}"), Ids(after));
        Assert.Empty(_log);
    }

    [Fact]
    public void FullDisk_IsSaid_AndPassesWhenThereIsRoom()
    {
        string mount = Directory.CreateDirectory(Path.Combine(_folder, "small")).FullName;
        Assert.SkipUnless(Environment.IsPrivilegedProcess && Shell("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount) == 0, "a small file system cannot be mounted here");
        try
        {
            string file = Path.Combine(mount, "outbox.db"), ballast = Path.Combine(mount, "ballast");
            System.IO.File.WriteAllBytes(ballast, new byte[1 << 20]);
            var kept = new List<string>();
            using (var outbox = new SqliteOutbox(file, 1L << 30, _log.Add, TimeProvider.System))
            {
                int n = 0;
                Exception? fault;
                while ((fault = Put(outbox, s_class, Event(n, 20_000))) is null) kept.Add($"e-{n++}");
                Assert.Contains("the disk is full", fault.Message, StringComparison.Ordinal);
                Assert.NotNull(outbox.Counts.Fault);
                Assert.InRange(kept.Count, 3, 100);
                Assert.Equal(kept, Ids(outbox)); // what is there can be read and sent
                System.IO.File.Delete(ballast);
                Assert.Null(Put(outbox, s_class, Event(n, 20_000)));
                kept.Add($"e-{n}");
                Assert.Null(outbox.Counts.Fault);
                Assert.Equal(2, _log.Count); // once when it began, once when it was over
            }

            using var again = new SqliteOutbox(file, 1L << 30, _log.Add, TimeProvider.System);
            Assert.Equal(kept, Ids(again));
        }
        finally
        {
            Shell("umount", mount);
        }
    }

    [Fact]
    public void ManyWriters_ShareWritesToTheDisk()
    {
        using SqliteOutbox outbox = Open();
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 16 }, w =>
        {
            for (int i = 0; i < 50; i++) Assert.Null(Put(outbox, s_class, Event((w * 1000) + i)));
        });
        string[] ids = Ids(outbox);
        Assert.Equal(800, ids.Length);
        for (int w = 0; w < 16; w++) Assert.Equal(Enumerable.Range(w * 1000, 50).Select(i => $"e-{i}"), ids.Where(id => int.Parse(id.AsSpan(2), System.Globalization.CultureInfo.InvariantCulture) / 1000 == w)); // each writer's order
    }

    private static int Shell(string program, params string[] arguments)
    {
        try
        {
            using Process p = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            p.WaitForExit();
            return p.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }

    /// <summary>A wall clock that jumps, and a monotonic one that does not.</summary>
    private sealed class JumpingTime : TimeProvider
    {
        private DateTimeOffset _wall = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        private long _monotonic = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Jump(TimeSpan by) => _wall += by;

        public void Pass(TimeSpan time)
        {
            _wall += time;
            _monotonic += time.Ticks;
        }

        public override DateTimeOffset GetUtcNow() => _wall;

        public override long GetTimestamp() => _monotonic;
    }
}
