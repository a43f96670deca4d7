// Timers by a clock that the test sets, with their file on a real disk.
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Mote.Triggers;
using Mote.Triggers.Timer;

namespace Mote.Node.Tests.Timer;

public sealed class TimerServiceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-timer-tests-").FullName;
    private readonly ConcurrentQueue<string> _log = new();
    private readonly ManualTime _time = new(At("2026-11-23 12:00:05"));
    private readonly List<MessageEvent> _events = [];
    private bool _endsAtOnce = true;

    private string StateFile => Path.Combine(_folder, "timers.state");

    public void Dispose()
    {
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.Delete(_folder, recursive: true);
    }

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private TimerService Start(params (string Name, TimeSpan Every, CatchUp CatchUp)[] timers)
    {
        var service = new TimerService(_time, new Random(1), StateFile, _log.Enqueue);
        foreach ((string name, TimeSpan every, CatchUp catchUp) in timers) service.Add(new TimerOptions("app", "c", name, TimerSchedule.Every(every), $"every {every}", TimeSpan.Zero, catchUp), Take);
        service.Start();
        _time.Pass(TimeSpan.Zero);
        return service;
    }

    private ValueTask Take(MessageEvent e, CancellationToken token)
    {
        lock (_events) _events.Add(e);
        if (_endsAtOnce) e.Done!(Outcome.Handled);
        return ValueTask.CompletedTask;
    }

    private IEnumerable<string> Texts => _events.Select(e => $"{e.Message.Topic} {Encoding.UTF8.GetString(e.Message.Bytes.Span)}");

    /// <summary>What is on disk, as a node that starts after a power cut finds it. Time passes meanwhile, a step each look, where it must: while a write is under way no other begins.</summary>
    private async Task Saved(string contains, TimeSpan step = default)
    {
        await Wait.Until(IsThere, () => File.Exists(StateFile) ? File.ReadAllText(StateFile) : "no file");

        bool IsThere()
        {
            if (File.Exists(StateFile) && File.ReadAllText(StateFile).Contains(contains, StringComparison.Ordinal)) return true;
            if (step > TimeSpan.Zero) _time.Pass(step);
            return false;
        }
    }

    [Fact]
    public async Task Timers_FireInOrder_WithTopicsOfTheirOwn()
    {
        await using TimerService service = Start(("fast", TimeSpan.FromSeconds(10), CatchUp.Skip), ("slow", TimeSpan.FromSeconds(25), CatchUp.Once));
        _time.Pass(TimeSpan.FromSeconds(30));
        Assert.Equal(
            [
                """timer/fast {"scheduled":"2026-11-23T12:00:10Z","fired":"2026-11-23T12:00:10Z","missed":0}""",
                """timer/fast {"scheduled":"2026-11-23T12:00:20Z","fired":"2026-11-23T12:00:20Z","missed":0}""",
                """timer/slow {"scheduled":"2026-11-23T12:00:25Z","fired":"2026-11-23T12:00:25Z","missed":0}""",
                """timer/fast {"scheduled":"2026-11-23T12:00:30Z","fired":"2026-11-23T12:00:30Z","missed":0}""",
            ],
            Texts);
        Assert.All(_events, e => Assert.Equal(("application/json", e.Message.Topic), (e.Message.Type, e.Filter)));
        Assert.Equal([("fast", 3, 0, At("2026-11-23 12:00:40")), ("slow", 1, 0, At("2026-11-23 12:00:50"))], service.Status.Select(s => (s.Options.Name, s.Fired, s.Missed, s.Next!.Value)));
        Assert.Empty(_log);
    }

    [Fact]
    public async Task Cron_TellsTimesOfItsZone()
    {
        TimeZoneInfo berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");
        Assert.True(Packaging.Timers.CronSchedule.TryParse("1 13 * * *", berlin, out Packaging.Timers.CronSchedule? cron, out _));
        await using var service = new TimerService(_time, new Random(1), StateFile, _log.Enqueue);
        service.Add(new TimerOptions("app", "c", "t", TimerSchedule.Of(cron.After, cron.Zone), cron.ToString(), TimeSpan.Zero, CatchUp.Skip), Take);
        service.Start();
        _time.Pass(TimeSpan.FromMinutes(2));
        Assert.Equal(["""timer/t {"scheduled":"2026-11-23T13:01:00+01:00","fired":"2026-11-23T13:01:00+01:00","missed":0}"""], Texts);
    }

    [Fact]
    public async Task Firing_ThatIsNotOver_LeavesNoneBehindIt()
    {
        _endsAtOnce = false;
        await using TimerService service = Start(("t", TimeSpan.FromSeconds(1), CatchUp.Skip));
        _time.Pass(TimeSpan.FromHours(1));
        Assert.Single(_events);
        Assert.Equal(0, service.Status[0].Fired);
        Assert.InRange(service.Status[0].Missed, 3580, 3599); // the clock is looked at now and then
        _events[0].Done!(Outcome.Handled);
        Assert.Equal((1, 3599), (service.Status[0].Fired, service.Status[0].Missed));
        _time.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal(2, _events.Count);
        Assert.Contains("\"missed\":3599", Texts.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clock_ThatIsSet_IsNoticedWithinSeconds()
    {
        await using TimerService service = Start(("t", TimeSpan.FromHours(1), CatchUp.Skip));
        _time.Set(At("2026-11-23 12:59:58"));
        _time.Pass(TimeSpan.FromSeconds(12));
        Assert.Single(_events);
        _time.Set(At("2026-11-23 03:59:58"));
        _time.Pass(TimeSpan.FromSeconds(12));
        Assert.Equal(2, _events.Count);
        _time.Set(At("2061-11-23 03:59:58"));
        _time.Pass(TimeSpan.FromSeconds(12));
        Assert.Equal(3, _events.Count);
    }

    [Fact]
    public async Task PowerCut_LosesNoFiringThatWasPromised()
    {
        (string, TimeSpan, CatchUp)[] timers = [("skip", TimeSpan.FromMinutes(10), CatchUp.Skip), ("once", TimeSpan.FromMinutes(10), CatchUp.Once), ("all", TimeSpan.FromMinutes(10), CatchUp.All)];
        TimerService first = Start(timers);
        await Saved("\"app/once\""); // also before anything has fired: the first may be what is missed
        _time.Pass(TimeSpan.FromMinutes(10));
        Assert.Equal(3, _events.Count);
        _time.Pass(TimeSpan.FromSeconds(10));
        await Saved("12:10:00", TimeSpan.FromSeconds(1));
        byte[] atThePowerCut = File.ReadAllBytes(StateFile);
        await first.DisposeAsync();
        File.WriteAllBytes(StateFile, atThePowerCut);
        File.WriteAllText(StateFile + ".tmp", "half of a wri");
        _events.Clear();

        _time.Set(At("2026-11-23 12:45:00"));
        await using TimerService second = Start(timers);
        _time.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal(
            [
                """timer/once {"scheduled":"2026-11-23T12:40:00Z","fired":"2026-11-23T12:45:00Z","missed":2}""",
                """timer/all {"scheduled":"2026-11-23T12:20:00Z","fired":"2026-11-23T12:45:00Z","missed":0}""",
                """timer/all {"scheduled":"2026-11-23T12:30:00Z","fired":"2026-11-23T12:45:00Z","missed":0}""",
                """timer/all {"scheduled":"2026-11-23T12:40:00Z","fired":"2026-11-23T12:45:00Z","missed":0}""",
            ],
            Texts);
        Assert.Empty(_log);
    }

    [Fact]
    public async Task End_InOrder_WritesTheLastFiring_AndFiresNothingMore()
    {
        TimerService first = Start(("t", TimeSpan.FromMinutes(10), CatchUp.Once));
        _time.Pass(TimeSpan.FromMinutes(10));
        first.Stop();
        await first.DisposeAsync();
        Assert.Contains("12:10:00", File.ReadAllText(StateFile), StringComparison.Ordinal);
        _time.Pass(TimeSpan.FromHours(1));
        Assert.Single(_events);
        await using TimerService second = Start(("t", TimeSpan.FromMinutes(10), CatchUp.Once));
        Assert.Equal(2, _events.Count);
        Assert.Contains("\"missed\":5", Texts.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Skip_WritesNothing()
    {
        TimerService service = Start(("t", TimeSpan.FromSeconds(1), CatchUp.Skip));
        _time.Pass(TimeSpan.FromMinutes(1));
        await service.DisposeAsync();
        Assert.Equal(60, _events.Count);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("flipped")]
    [InlineData("torn")]
    [InlineData("empty")]
    [InlineData("other")]
    [InlineData("version")]
    [InlineData("huge")]
    public async Task File_ThatIsDamaged_IsSetAside_AndSaid_AndTimersGoOn(string damage)
    {
        TimerService first = Start(("t", TimeSpan.FromMinutes(10), CatchUp.Once));
        await first.DisposeAsync();
        byte[] content = File.ReadAllBytes(StateFile);
        byte[] damaged = damage switch
        {
            "flipped" => [.. content[..^20], (byte)(content[^20] ^ 4), .. content[^19..]],
            "torn" => content[..^30],
            "empty" => [],
            "other" => "a file of somebody else's, with more bytes in it than a checksum has\nand a second line"u8.ToArray(),
            "version" => Checked("{\"version\":2,\"timers\":{}}"),
            _ => new byte[20 << 20],
        };
        File.WriteAllBytes(StateFile, damaged);
        _time.Pass(TimeSpan.FromHours(1));
        TimerService second = Start(("t", TimeSpan.FromMinutes(10), CatchUp.Once));
        Assert.Empty(_events);
        Assert.StartsWith($"what timers did last cannot be used ({StateFile}: ", Assert.Single(_log));
        Assert.EndsWith($"nothing is caught up; the file is now {StateFile}.damaged", _log.First());
        Assert.Equal(damaged, File.ReadAllBytes(StateFile + ".damaged"));
        _time.Pass(TimeSpan.FromMinutes(10));
        Assert.Single(_events);
        await second.DisposeAsync();
        // And what is written now can be used.
        await using TimerService third = Start(("t", TimeSpan.FromMinutes(10), CatchUp.Once));
        Assert.Single(_log);

        static byte[] Checked(string body) => [.. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(body)))), (byte)'\n', .. Encoding.ASCII.GetBytes(body)];
    }

    [Fact]
    public async Task EveryFlippedBit_IsFound()
    {
        TimerService first = Start(("t", TimeSpan.FromMinutes(10), CatchUp.Once));
        await first.DisposeAsync();
        byte[] content = File.ReadAllBytes(StateFile);
        for (int bit = 0; bit < content.Length * 8; bit += 3)
        {
            byte[] flipped = [.. content];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(StateFile, flipped);
            _log.Clear();
            Assert.Empty(new TimerFile(StateFile, _log.Enqueue).Load());
            Assert.Single(_log);
        }
    }

    [Fact]
    public async Task Disk_ThatTakesNothing_IsSaidOnce_TriedAgain_AndStopsNoTimer()
    {
        // A folder in the place of the file that is renamed: this fails for root, too.
        Directory.CreateDirectory(StateFile + ".tmp");
        TimerService service = Start(("t", TimeSpan.FromSeconds(30), CatchUp.Once));
        await Wait.Until(() => !_log.IsEmpty, () => "nothing was said");
        for (int i = 0; i < 20; i++) _time.Pass(TimeSpan.FromSeconds(30));
        Assert.Equal(20, _events.Count);
        Directory.Delete(StateFile + ".tmp");
        await Wait.Until(
            () =>
            {
                _time.Pass(TimeSpan.FromSeconds(10));
                return _log.Count == 2;
            },
            () => string.Join('\n', _log));
        Assert.StartsWith("what timers did last cannot be written, and is tried again; after a power cut they may fire again", _log.First());
        Assert.Equal("what timers did last is on disk again", _log.Last());
        Assert.True(File.Exists(StateFile));
        await service.DisposeAsync();
    }

    [Fact]
    public async Task Writes_AreTenSecondsApart()
    {
        await using TimerService service = Start(("t", TimeSpan.FromSeconds(1), CatchUp.Once));
        await Saved("app/t");
        _time.Pass(TimeSpan.FromSeconds(9));
        Assert.Equal(9, _events.Count);
        Assert.DoesNotContain("12:00:1", File.ReadAllText(StateFile), StringComparison.Ordinal);
        // The clock goes on until the next write is there; none comes before ten seconds have gone.
        await Wait.Until(
            () =>
            {
                _time.Pass(TimeSpan.FromSeconds(1));
                return !File.ReadAllText(StateFile).Contains("12:00:05", StringComparison.Ordinal);
            },
            () => File.ReadAllText(StateFile));
        Assert.DoesNotContain("12:00:0", File.ReadAllText(StateFile), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Queue_ThatIsFull_HoldsOneFiring()
    {
        var room = new TaskCompletionSource();
        int waiting = 0;
        await using var service = new TimerService(_time, new Random(1), StateFile, _log.Enqueue);
        service.Add(new TimerOptions("app", "c", "t", TimerSchedule.Every(TimeSpan.FromSeconds(1)), "every 1s", TimeSpan.Zero, CatchUp.Skip), async (e, token) =>
        {
            Interlocked.Increment(ref waiting);
            await room.Task.WaitAsync(token);
            await Take(e, token);
        });
        service.Start();
        _time.Pass(TimeSpan.FromMinutes(1));
        Assert.Equal(1, waiting);
        Assert.Empty(_events);
        room.SetResult();
        await Wait.Until(() => service.Status[0].Fired == 1, () => "not fired");
        _time.Pass(TimeSpan.FromSeconds(1));
        await Wait.Until(() => service.Status[0].Fired == 2, () => "not fired again");
    }
}
