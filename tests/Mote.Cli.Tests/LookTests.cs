// mote look on a folder of pictures that are made up here, and read back as ffmpeg reads them.
using System.Text.Json;
using Mote.Cli.Scoring;

namespace Mote.Cli.Tests;

public sealed class LookTests : IDisposable
{
    private const int Width = 160;
    private const int Height = 120;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static byte[] Noise(int seed)
    {
        var texture = new Random(1);
        var noise = new Random(seed);
        var pixels = new byte[Width * Height * 3];
        for (int i = 0; i < pixels.Length; i += 3) pixels[i] = pixels[i + 1] = pixels[i + 2] = (byte)(90 + texture.Next(40) + noise.Next(5));
        return pixels;
    }

    /// <summary>A light thing of 14x24 pixels that walks down from the 90th picture on.</summary>
    private string Recording()
    {
        Directory.CreateDirectory(_folder["in [1]"]); // a name with signs that ffmpeg's patterns have a meaning for
        for (int i = 0; i < 130; i++)
        {
            var canvas = new Canvas(Noise(i), Width, Height);
            if (i >= 90) canvas.Fill(70, 2 * (i - 90), 14, 24, new Colour(240, 240, 240));
            canvas.Save(Path.Combine(_folder["in [1]"], $"{i:0000}.png"));
        }

        return _folder["in [1]"];
    }

    [Fact]
    public void Canvas_Saved_IsReadBackByFfmpegAsItWas()
    {
        TemplateProject.Need(["ffmpeg", "ffprobe"]);
        byte[] pixels = Noise(7);
        var canvas = new Canvas(pixels, Width, Height);
        canvas.Box(-5, 100, 40, 40, new Colour(255, 0, 0));
        canvas.Line(0, 0, 200, 50, new Colour(0, 0, 255));
        canvas.Number(150, 110, "0123456789.", new Colour(0, 255, 0));
        canvas.Save(_folder["a.png"]);
        Assert.Equal((Width, Height), VideoReplay.SizeOf(_folder["a.png"]));
        Assert.Equal(pixels, Assert.Single(VideoReplay.Pictures(_folder["a.png"], Width, Height, ("rgb24", 3))));
    }

    [Fact]
    public void Look_ThingThatCrossesTheLine_IsSaidAndDrawn()
    {
        TemplateProject.Need(["ffmpeg", "ffprobe"]);
        string app = DetectorSampleTests.Built("06-smart-camera");
        string text = MoteRun.Run("look", app, "--frames", Recording(), "--pictures", _folder["out"], "--every", "50", "--variable", "zone=", "--variable", "line=0,0.5 1,0.5").Succeeded();
        string[] lines = text.Trim().Split('\n');
        using JsonDocument crossed = JsonDocument.Parse(lines[0]);
        Assert.Equal("crossed", crossed.RootElement.GetProperty("event").GetString());
        Assert.StartsWith("130 frames, 1 alerts, 4 pictures in ", lines[^1]);
        int at = crossed.RootElement.GetProperty("sequence").GetInt32();
        byte[] drawn = Assert.Single(VideoReplay.Pictures(Path.Combine(_folder["out"], $"{at:000000}.png"), Width, Height, ("rgb24", 3)));
        // Green edges of a box around the thing, and the blue line.
        (int left, int top) = (70, 2 * (at - 90));
        Assert.Contains(Enumerable.Range(left - 6, 12), x => Pixel(x, top + 12) is (80, 230, 80) or (255, 70, 60));
        Assert.Equal((80, 170, 255), Pixel(10, Height / 2));

        (int, int, int) Pixel(int x, int y) => (drawn[((y * Width) + x) * 3], drawn[(((y * Width) + x) * 3) + 1], drawn[(((y * Width) + x) * 3) + 2]);
    }

    [Fact]
    public void Look_WhatIsNotThereOrNoRecording_IsSaidInOneLine()
    {
        TemplateProject.Need(["ffmpeg", "ffprobe"]);
        string app = DetectorSampleTests.Built("06-smart-camera");
        Assert.Contains("there is no such file or folder", MoteRun.Run("look", app, "--frames", _folder["none.avi"], "--pictures", _folder["out"]).FailedWith(ExitCode.NoInput));
        Directory.CreateDirectory(_folder["empty"]);
        Assert.Contains("there are no pictures in it", MoteRun.Run("look", app, "--frames", _folder["empty"], "--pictures", _folder["out"]).FailedWith(ExitCode.BadInput));
        File.WriteAllText(_folder["words.avi"], "no pictures");
        Assert.Contains("ffprobe finds no pictures in it", MoteRun.Run("look", app, "--frames", _folder["words.avi"], "--pictures", _folder["out"]).FailedWith(ExitCode.BadInput));
    }
}
