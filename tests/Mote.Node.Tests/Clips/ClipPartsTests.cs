// The parts that clips are made of: the pictures in memory, the pace of the video, and the folder.
using System.Globalization;
using Mote.Age;
using Mote.Node.Tests.Timer;
using Mote.Node.Tests.Upstreams;
using Mote.Runtime;
using Mote.Triggers.Camera;
using Mote.Triggers.Camera.Clips;

namespace Mote.Node.Tests.Clips;

public sealed class ClipPartsTests : IDisposable
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("mote-clips-").FullName;
    private readonly List<string> _log = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static FrameRing Ring(double seconds, int most, int count, double rate = 10, long first = 0)
    {
        var ring = new FrameRing(TimeSpan.FromSeconds(seconds), most);
        var buffers = new FrameBuffers(1, 4);
        for (int i = 0; i < count; i++) ring.Add(new Frame(buffers, [(byte)i], first + i, s_start.AddSeconds(i / rate)));
        return ring;
    }

    private static long? Sequence(FrameRing ring, long wanted) => ring.Take(wanted, TimeSpan.Zero)?.Sequence;

    [Theory]
    [InlineData(0)]
    [InlineData(1000)] // the node's second clip of a camera that it opened long ago
    public void Ring_HoldsAsLongAsItIsTold(long first)
    {
        FrameRing ring = Ring(2, 100, 50, first: first);
        Assert.Equal(first + 29, ring.FirstSince(s_start, out bool isShort)); // 49 is the last; 20 of a tenth of a second before it
        Assert.False(isShort);
        Assert.Equal(first + 40, ring.FirstSince(s_start.AddSeconds(4), out _));
        Assert.Equal(first + 50, ring.FirstSince(s_start.AddSeconds(9), out _));
        Assert.Equal(first + 29, Sequence(ring, first + 3)); // gone: the oldest there is
        Assert.Equal(first + 49, Sequence(ring, first + 49));
        Assert.Null(Sequence(ring, first + 50));
        Assert.Equal(10, ring.Rate()!.Value, 6);
    }

    [Fact]
    public void Ring_HoldsNoMoreThanItHasRoomFor_AndSaysSo()
    {
        FrameRing ring = Ring(10, 8, 50);
        Assert.Equal(42, ring.FirstSince(s_start, out bool isShort));
        Assert.True(isShort);
        Assert.Equal(45, ring.FirstSince(s_start.AddSeconds(4.5), out isShort));
        Assert.False(isShort);
    }

    [Fact]
    public async Task Ring_WaitsForWhatIsToCome_AndEndsWhenItIsClosed()
    {
        FrameRing ring = Ring(10, 100, 3);
        Task<Frame?> next = Task.Run(() => ring.Take(3, TimeSpan.FromMinutes(1)), TestContext.Current.CancellationToken);
        ring.Add(new Frame(new FrameBuffers(1, 4), [7], 3, s_start));
        Assert.Equal(3, (await next)!.Sequence);
        next = Task.Run(() => ring.Take(4, TimeSpan.FromMinutes(1)), TestContext.Current.CancellationToken);
        ring.Close();
        Assert.Null(await next);
        Assert.Equal(2, Sequence(ring, 2)); // what is there can still be had
    }

    [Fact]
    public void Buffers_ComeBack_WhenNobodyHoldsThem()
    {
        var buffers = new FrameBuffers(4, 1);
        var ring = new FrameRing(TimeSpan.FromMinutes(1), 2);
        byte[] first = buffers.Rent();
        for (int i = 0; i < 3; i++)
        {
            var frame = new Frame(buffers, i == 0 ? first : buffers.Rent(), i, s_start);
            ring.Add(frame);
            frame.Release();
        }

        Assert.Same(first, buffers.Rent());
    }

    [Fact]
    public void Pace_IsThatOfTheScene()
    {
        var pace = new ClipPace(10, s_start);
        // In time, and in a burst after half a second of nothing: each once.
        for (int i = 0; i < 20; i++) Assert.Equal(1, pace.TimesOf(s_start.AddSeconds(i / 10.0)));
        for (int i = 20; i < 26; i++) Assert.Equal(1, pace.TimesOf(s_start.AddSeconds(2.5)));
        // The camera was away for five seconds: the picture stands as long.
        Assert.InRange(pace.TimesOf(s_start.AddSeconds(7.6)), 49, 51);
        Assert.Equal(1, pace.TimesOf(s_start.AddSeconds(7.7)));
        // And for an hour: that is not waited for.
        Assert.Equal(1, pace.TimesOf(s_start.AddHours(1)));
        Assert.Equal(1, pace.TimesOf(s_start.AddHours(1).AddSeconds(0.1)));
        Assert.Equal(240, new ClipPace(1e9, s_start).Rate);
        Assert.Equal(1, new ClipPace(0.001, s_start).Rate);
    }

    private ClipStore Store(ManualTime time, long maxBytes = 1 << 20) => new(_folder, TimeSpan.FromHours(1), maxBytes, AgeIdentity.Create().Recipient, time, _log.Add);

    private string Put(DateTimeOffset start, int bytes, string end = ".mkv.age")
    {
        string path = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "app", "line-1")).FullName, $"{start.UtcDateTime.ToString("yyyyMMdd'T'HHmmss.fff'Z'", CultureInfo.InvariantCulture)}-watch{end}");
        File.WriteAllBytes(path, new byte[bytes]);
        return path;
    }

    [Fact]
    public void Clips_GoWhenTheirTimeIsOver_AndNothingElseDoes()
    {
        var time = new ManualTime(s_start);
        string old = Put(s_start.AddMinutes(-59), 10), cut = Put(s_start.AddMinutes(-58), 10, ".mkv.age.part"), young = Put(s_start.AddMinutes(-5), 10);
        string[] others = [Path.Combine(_folder, "key.txt"), Path.Combine(_folder, "app", "notes.txt"), Path.Combine(_folder, "app", "line-1", "holiday.mkv.age")];
        foreach (string other in others) File.WriteAllText(other, "somebody's");
        using ClipStore store = Store(time);
        store.Start();
        Assert.Equal([old, cut, young], ClipStore.List(_folder).Select(c => c.Path));
        Assert.Equal([true, false, true], ClipStore.List(_folder).Select(c => c.IsWhole));
        time.Pass(TimeSpan.FromMinutes(3));
        Assert.Equal([young], ClipStore.List(_folder).Select(c => c.Path));
        Assert.All(others, o => Assert.True(File.Exists(o)));
        Assert.Empty(_log);
    }

    [Fact]
    public void OldestClips_MakeRoom_AndThatIsSaid()
    {
        var time = new ManualTime(s_start);
        string[] clips = [.. Enumerable.Range(0, 5).Select(i => Put(s_start.AddMinutes(i - 10), 400_000))];
        using ClipStore store = Store(time);
        store.Tidy();
        Assert.Equal(clips[3..], ClipStore.List(_folder).Select(c => c.Path));
        Assert.Equal(3, _log.Count);
        Assert.All(_log, l => Assert.Contains("`max-size` under [clips]", l, StringComparison.Ordinal));
    }

    [Fact]
    public void ClipThatIsWritten_IsNotRemoved_AndIsNotLargerThanAllMayBe()
    {
        var time = new ManualTime(s_start);
        using ClipStore store = Store(time);
        using (ClipFile file = store.Create("app", "line-1", "watch", s_start.AddHours(-2)))
        {
            file.Write(new byte[1000]);
            store.Tidy();
            Assert.False(ClipStore.List(_folder).Single().IsWhole);
            IOException e = Assert.Throws<IOException>(() =>
            {
                for (int i = 0; i < 100; i++) file.Write(new byte[100_000]);
            });
            Assert.Contains("1 MiB", e.Message, StringComparison.Ordinal);
        }

        store.Tidy();
        Assert.Empty(ClipStore.List(_folder));
    }

    [Fact]
    public void ClipsThatBeginTogether_AreAllKept()
    {
        using ClipStore store = Store(new ManualTime(s_start));
        for (int i = 0; i < 4; i++)
        {
            using ClipFile file = store.Create("app", "line-1", "watch", s_start);
            file.Write(new byte[i + 1]);
            if (i % 2 == 0) file.Finish();
        }

        Assert.Equal([true, false, true, false], ClipStore.List(_folder).Select(c => c.IsWhole));
        Assert.Equal([0, 1, 2, 3], ClipStore.List(_folder).Select(c => (c.Start - s_start).TotalMilliseconds));
    }

    [Fact]
    public void ClipWithoutAPicture_LeavesNothing()
    {
        using ClipStore store = Store(new ManualTime(s_start));
        store.Create("app", "line-1", "watch", s_start).Dispose();
        Assert.Empty(Directory.GetFiles(_folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void FullDisk_IsAFaultOfThisClip_AndWhatIsThereCanBeRead()
    {
        AgeIdentity identity = AgeIdentity.Create();
        using Tmpfs disk = Tmpfs.Mount(_folder, 1 << 20);
        using var store = new ClipStore(_folder, TimeSpan.FromHours(1), 1 << 30, identity.Recipient, TimeProvider.System, _log.Add);
        byte[] piece = new byte[100_000];
        new Random(1).NextBytes(piece);
        using (ClipFile file = store.Create("app", "line-1", "watch", DateTimeOffset.UtcNow))
        {
            Assert.Throws<IOException>(() =>
            {
                for (int i = 0; i < 100; i++) file.Write(piece);
            });
        }

        Clip clip = Assert.Single(ClipStore.List(_folder));
        Assert.False(clip.IsWhole);
        using FileStream from = File.OpenRead(clip.Path);
        using var reader = new AgeReader(from, identity);
        var read = new MemoryStream();
        Assert.Equal(AgeFault.Truncated, Assert.Throws<AgeException>(() => reader.CopyTo(read)).Fault);
        Assert.True(read.Length > 500_000);
        Assert.Equal(piece, read.ToArray()[..100_000]);
    }
}
