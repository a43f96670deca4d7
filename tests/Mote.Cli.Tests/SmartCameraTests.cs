// The smart camera's component, built from its sources, on frames that are made up here: noise that is a little different in
// each frame, and rectangles that move over it.
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mote.Capabilities.Messaging;
using Mote.Cli.Scoring;
using Mote.Packaging;

namespace Mote.Cli.Tests;

public sealed class SmartCameraTests
{
    private const int Width = 160;
    private const int Height = 120;

    /// <summary>Frames until the background is known.</summary>
    private const int Quiet = 90;

    private static AppManifest App(params (string Name, string Value)[] variables)
    {
        AppManifest app = AppManifest.Load(DetectorSampleTests.Built("06-smart-camera"), _ => null);
        ComponentManifest c = app.Components[0];
        var all = new Dictionary<string, string>(c.Grants.Variables) { ["line"] = "0,0.5 1,0.5", ["zone"] = "0.25,0.55 0.75,0.55 0.75,0.8 0.25,0.8", ["boxes"] = "true", ["summary"] = "0" };
        foreach ((string name, string value) in variables) all[name] = value;
        return app with { Components = [c with { Grants = c.Grants with { Variables = all, Publish = ["alerts", "boxes", "mask"] }, Limits = c.Limits with { Egress = null } }] };
    }

    /// <summary>A scene of noise; things are rectangles in it.</summary>
    private sealed class Scene(int width, int height, int seed = 1)
    {
        private readonly Random _random = new(seed);
        private readonly byte[] _usual = Texture(width * height, seed);
        private long _sequence;

        private static byte[] Texture(int n, int seed)
        {
            var random = new Random(seed);
            var pixels = new byte[n];
            for (int i = 0; i < n; i++) pixels[i] = (byte)(90 + random.Next(40));
            return pixels;
        }

        public Message Next(params (int X, int Y, int W, int H)[] things) => Frame(Pixels(things), width, height, _sequence++);

        public byte[] Pixels(params (int X, int Y, int W, int H)[] things)
        {
            var pixels = new byte[width * height];
            for (int i = 0; i < pixels.Length; i++) pixels[i] = (byte)(_usual[i] + _random.Next(7) - 3);
            foreach ((int left, int top, int w, int h) in things)
            {
                for (int y = Math.Max(0, top); y < Math.Min(height, top + h); y++)
                {
                    // With a texture of their own, so that one can see how far they come.
                    for (int x = Math.Max(0, left); x < Math.Min(width, left + w); x++) pixels[(y * width) + x] = (byte)(100 + _usual[((y - top) * w) + x - left]);
                }
            }

            return pixels;
        }
    }

    private static Message Frame(byte[] pixels, int width, int height, long sequence, int? stride = null) => Frame(pixels,
        ("format", "gray"), ("width", Text(width)), ("height", Text(height)), ("stride", Text(stride ?? width)), ("timestamp", Text(1_700_000_000_000_000_000 + (sequence * 66_666_666))), ("sequence", Text(sequence)));

    private static Message Frame(byte[] pixels, params (string Key, string Value)[] metadata)
    {
        var message = new Message(pixels) { Topic = "line-1", Type = "video/raw" };
        foreach ((string key, string value) in metadata) message.AddMetadata(key, value);
        return message;
    }

    private static string Text(long n) => n.ToString(CultureInfo.InvariantCulture);

    /// <summary>Boxes of a message, in pixels.</summary>
    private static (int Track, double X, double Y, double W, double H)[] Boxes(Alert alert)
    {
        using JsonDocument json = JsonDocument.Parse(alert.Json);
        return [.. json.RootElement.GetProperty("boxes").EnumerateArray().Select(b =>
        {
            double[] box = [.. b.GetProperty("box").EnumerateArray().Select(v => v.GetDouble())];
            return (b.GetProperty("track").GetInt32(), box[0] * Width, box[1] * Height, box[2] * Width, box[3] * Height);
        })];
    }

    [Fact]
    public void ThingThatWalksDown_IsOneTrackThatCrossesOnceAndEntersAndLeavesTheZone()
    {
        AppManifest app = App();
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        var scene = new Scene(Width, Height);
        var said = new List<Alert>();
        for (int i = 0; i < Quiet; i++) said.AddRange(session.Give(scene.Next()));
        Assert.All(said, a => Assert.Empty(Boxes(a)));
        said.Clear();
        for (int y = 2; y < 112; y += 2)
        {
            IReadOnlyList<Alert> now = session.Give(scene.Next((74, y, 12, 24)));
            said.AddRange(now.Where(a => a.State != "boxes"));
            (int Track, double X, double Y, double W, double H)[] boxes = Boxes(now.Single(a => a.State == "boxes"));
            if (y < 20 || y > 90) continue; // when it has just come, and where the picture cuts it off
            (int track, double x, double top, double w, double h) = Assert.Single(boxes);
            Assert.Equal(1, track);
            double across = Math.Min(x + w, 86) - Math.Max(x, 74), down = Math.Min(top + h, y + 24) - Math.Max(top, y), both = across * down;
            Assert.True(both / ((w * h) + (12 * 24) - both) > 0.6, $"at {y}: {x},{top} {w}x{h}");
        }

        for (int i = 0; i < 20; i++) said.AddRange(session.Give(scene.Next()).Where(a => a.State != "boxes"));
        string[] events = [.. said.Where(a => a.State == "event").Select(a => a.Text("event")!)];
        Assert.Equal(["crossed", "entered", "left"], events);
        Alert crossed = said.First(a => a.Text("event") == "crossed");
        Assert.Equal(("line-1", "right", 1.0), (crossed.Text("camera"), crossed.Text("to"), crossed.Number("track")));
        Assert.True(crossed.Number("sequence") > Quiet && crossed.Number("timestamp") > 1.7e18, crossed.Json);
    }

    /// <summary>As docs/view.md has it; and what is shown to people at the device is none of what may leave.</summary>
    [Fact]
    public void Boxes_ComeWithZoneLineAndThreshold_ForTheViewAlone()
    {
        AppManifest sample = AppManifest.Load(DetectorSampleTests.Built("06-smart-camera"), _ => null), app = App();
        Assert.Equal(["alerts"], sample.Components[0].Grants.Publish);
        Assert.Equal(["boxes"], sample.Components[0].Grants.View);
        Assert.Equal("true", sample.Components[0].Grants.Variables["boxes"]);
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        using JsonDocument json = JsonDocument.Parse(Assert.Single(session.Give(new Scene(Width, Height).Next())).Json);
        Assert.Equal("[[0.0000,0.5000],[1.0000,0.5000]]", json.RootElement.GetProperty("lines")[0].GetProperty("points").GetRawText());
        Assert.Equal(4, json.RootElement.GetProperty("zones")[0].GetProperty("points").GetArrayLength());
        Assert.Equal(1.2, json.RootElement.GetProperty("threshold").GetDouble());
    }

    [Fact]
    public void TwoThingsThatPassEachOther_KeepTheirNumbers()
    {
        AppManifest app = App();
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        var scene = new Scene(Width, Height);
        for (int i = 0; i < Quiet; i++) session.Give(scene.Next());
        var tracks = new HashSet<int>();
        (int Track, double X, double Y, double W, double H)[] before = [], after = [];
        for (int i = 0; i < 60; i++)
        {
            (int Track, double X, double Y, double W, double H)[] boxes = Boxes(session.Give(scene.Next((10 + (2 * i), 50, 14, 20), (136 - (2 * i), 56, 12, 22))).Single(a => a.State == "boxes"));
            tracks.UnionWith(boxes.Select(b => b.Track));
            if (i == 20) before = boxes;
            if (i == 50) after = boxes;
        }

        Assert.Equal(2, tracks.Count);
        Assert.Equal(before.OrderBy(b => b.X).Select(b => b.Track), after.OrderByDescending(b => b.X).Select(b => b.Track));
    }

    [Fact]
    public void ThingThatIsFasterThanAnyBefore_IsAnAnomalyUntilItIsGone()
    {
        AppManifest app = App(("learn", "500"), ("line", ""), ("zone", ""));
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        var scene = new Scene(Width, Height);
        var said = new List<Alert>();
        // Slow ones, from left to right, again and again.
        for (int i = 0; i < 700; i++) said.AddRange(session.Give(scene.Next((-16 + (i % 176), 40, 16, 30))));
        Assert.DoesNotContain(said, a => a.State == "raised");
        said.Clear();
        for (int i = 0; i < 24; i++) said.AddRange(session.Give(scene.Next((-16 + (7 * i), 40, 16, 30))));
        Alert raised = Assert.Single(said, a => a.State == "raised");
        Assert.True(raised.Number("anomaly") > 1.2, raised.Json);
        said.Clear();
        for (int i = 0; i < 40; i++) said.AddRange(session.Give(scene.Next()));
        Assert.Single(said, a => a.State == "cleared");
    }

    /// <summary>A row of pixels that no message can have by chance, in each frame where something moves: it is in nothing that leaves.</summary>
    [Fact]
    public void PatternInTheFrames_IsInNothingThatIsPublished()
    {
        AppManifest app = App(("mask", "true"), ("learn", "50"), ("summary", "40"));
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        var scene = new Scene(Width, Height);
        byte[] pattern = "#PIXELS-OF-A-FACE-0123456789#"u8.ToArray();
        var all = new StringBuilder();
        long bytes = 0;
        for (int i = 0; i < 160; i++)
        {
            byte[] pixels = scene.Pixels((60, i % 100, 40, 20));
            for (int y = 0; y < Height; y += 5) pattern.CopyTo(pixels, (y * Width) + 65);
            foreach (Alert a in session.Give(Frame(pixels, Width, Height, i)))
            {
                all.Append(a.Json).Append('\n');
                bytes += Encoding.UTF8.GetByteCount(a.Json);
            }
        }

        string text = all.ToString();
        // What was published is what was looked at, all of it.
        Assert.Equal(session.BytesOut, bytes);
        Assert.Contains("\"state\":\"boxes\"", text);
        Assert.Contains("\"state\":\"mask\"", text);
        Assert.Contains("\"state\":\"summary\"", text);
        Assert.DoesNotContain("PIXELS", text);
        Assert.DoesNotContain(Convert.ToBase64String(pattern[..12]), text);
        Assert.DoesNotContain(Convert.ToHexString(pattern[..4]), text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(string.Join(',', pattern[..4]), text);
    }

    /// <summary>Messages do not grow with the picture, even where it is nothing but noise.</summary>
    [Fact]
    public void Alerts_AreAFewBytesWhateverTheFrameIs()
    {
        AppManifest app = App(("boxes", "false"), ("summary", "50"));
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        var random = new Random(3);
        var pixels = new byte[640 * 480];
        for (int i = 0; i < 150; i++)
        {
            random.NextBytes(pixels);
            Assert.All(session.Give(Frame([.. pixels], 640, 480, i)), a => Assert.True(a.Json.Length < 2000, a.Json));
        }

        Assert.True(session.BytesOut < 20_000, $"{session.BytesOut} bytes");
    }

    [Fact]
    public void SizeThatChanges_IsLearnedAnewAndTakesNoMoreMemory()
    {
        AppManifest app = App();
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        (int, int)[] sizes = [(160, 120), (96, 64), (33, 47), (1920, 1080), (32, 32), (8192, 32), (8192, 128), (128, 8192), (32, 8191), (640, 480), (1023, 577)];
        long sequence = 0;
        // More than would fit at once, and more than once.
        for (int round = 0; round < 4; round++)
        {
            foreach ((int width, int height) in sizes)
            {
                for (int i = 0; i < 3; i++) session.Give(Frame(new byte[width * height], width, height, sequence++));
            }
        }

        // Then one is followed as if nothing had been.
        var scene = new Scene(Width, Height);
        for (int i = 0; i < Quiet; i++) session.Give(scene.Next());
        IReadOnlyList<Alert> last = [];
        for (int i = 0; i < 10; i++) last = session.Give(scene.Next((20 + (2 * i), 40, 14, 20)));
        Assert.Single(Boxes(last.Single(a => a.State == "boxes")));
    }

    [Fact]
    public void RowsThatAreLongerThanThePicture_AreReadByTheirStride()
    {
        AppManifest app = App();
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        var scene = new Scene(Width, Height);
        IReadOnlyList<Alert> last = [];
        for (int i = 0; i < Quiet + 12; i++)
        {
            byte[] pixels = i < Quiet ? scene.Pixels() : scene.Pixels((30 + i - Quiet, 40, 14, 20));
            // What is beside the rows changes in each frame: it is not the picture.
            byte[] padded = [.. Enumerable.Range(0, Height).SelectMany(y => pixels.AsSpan(y * Width, Width).ToArray().Concat(Enumerable.Repeat((byte)(i * 40), 29)))];
            last = session.Give(Frame(padded, Width, Height, i, Width + 29));
        }

        Assert.Single(Boxes(last.Single(a => a.State == "boxes")));
    }

    [Fact]
    public void LightThatChangesForGood_IsAnotherViewAndNoCrowd()
    {
        AppManifest app = App();
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        var scene = new Scene(Width, Height);
        var said = new List<Alert>();
        for (int i = 0; i < Quiet; i++) said.AddRange(session.Give(scene.Next()));
        for (int i = 0; i < 150; i++) said.AddRange(session.Give(Frame([.. scene.Pixels().Select(p => (byte)(p + 90))], Width, Height, Quiet + i)));
        Assert.Equal("view changed", Assert.Single(said, a => a.State == "event").Text("event"));
        Assert.All(said.Where(a => a.State == "boxes"), a => Assert.Empty(Boxes(a)));
    }

    [Theory]
    [InlineData("format", "rgb24", "not a grey frame")]
    [InlineData("format", null, "not a grey frame")]
    [InlineData("width", null, "width and height")]
    [InlineData("width", "0", "width and height")]
    [InlineData("width", "-160", "width and height")]
    [InlineData("width", "160.0", "width and height")]
    [InlineData("width", "4294967456", "width and height")]
    [InlineData("width", "18446744073709551616", "width and height")]
    [InlineData("width", "161", "stride")]
    [InlineData("width", "", "width and height")]
    [InlineData("height", "0", "width and height")]
    [InlineData("height", "8193", "width and height")]
    [InlineData("height", "119", "stride times height")]
    [InlineData("height", "121", "stride times height")]
    [InlineData("stride", null, "stride")]
    [InlineData("stride", "159", "stride")]
    [InlineData("stride", "65537", "stride")]
    [InlineData("stride", "65536", "stride times height")]
    [InlineData("timestamp", null, "timestamp")]
    [InlineData("timestamp", "yesterday", "timestamp")]
    [InlineData("sequence", null, "sequence")]
    [InlineData("sequence", "99999999999999999999", "sequence")]
    public void MetadataThatIsWrong_IsRefusedWithTheReasonAndTheNextFrameIsHandled(string key, string? value, string reason)
    {
        AppManifest app = App();
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        var scene = new Scene(Width, Height);
        session.Give(scene.Next());
        (string Key, string Value)[] good = [("format", "gray"), ("width", "160"), ("height", "120"), ("stride", "160"), ("timestamp", "1"), ("sequence", "1")];
        Message bad = Frame(scene.Pixels(), [.. good.Where(m => m.Key != key || value is not null).Select(m => m.Key == key ? (key, value!) : m)]);
        Assert.Contains(reason, Assert.Throws<CliException>(() => session.Give(bad)).Message);
        Assert.Single(session.Give(scene.Next()), a => a.State == "boxes");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Width * Height / 2)]
    [InlineData((Width * Height) - 1)]
    [InlineData((Width * Height) + 1)]
    public void DataOfTheWrongLength_IsRefused(int length)
    {
        AppManifest app = App();
        using var run = new DetectorRun(app);
        using DetectorRun.Session session = run.Open(app);
        Assert.Contains("stride times height", Assert.Throws<CliException>(() => session.Give(Frame(new byte[length], Width, Height, 0))).Message);
    }
}
