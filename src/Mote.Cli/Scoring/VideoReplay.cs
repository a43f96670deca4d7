// Recordings as a camera's frames, all of them and in order, as fast as they are taken: decoded by ffmpeg, a process.
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using Mote.Capabilities.Messaging;
using Mote.Runtime.Cameras;
using Mote.Triggers.Camera;

namespace Mote.Cli.Scoring;

internal static class VideoReplay
{
    private const string Install = "it comes with ffmpeg: `apt-get install ffmpeg`";
    private static readonly string[] s_pictures = [".png", ".jpg", ".jpeg", ".bmp"];

    /// <summary>How large a recording's pictures are, in pixels.</summary>
    /// <exception cref="CliException">It is not there, or no recording.</exception>
    public static (int Width, int Height) SizeOf(string path)
    {
        using Process ffprobe = Start("ffprobe", ["-v", "quiet", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0:s=x", .. Input(path)]);
        ffprobe.StandardInput.Close();
        string text = ffprobe.StandardOutput.ReadToEnd();
        ffprobe.WaitForExit();
        string[] size = text.Split('\n')[0].Trim().Split('x');
        return size.Length == 2 && int.TryParse(size[0], CultureInfo.InvariantCulture, out int width) && int.TryParse(size[1], CultureInfo.InvariantCulture, out int height) && width > 0 && height > 0
            ? (width, height)
            : throw new CliException(ExitCode.BadInput, $"{path}: ffprobe finds no pictures in it");
    }

    /// <summary>A recording's pictures as bytes, one or several a pixel.</summary>
    /// <param name="path">A file that ffmpeg can read, or a folder of pictures of one size and kind, in the order of their names.</param>
    /// <param name="width">Pixels of a row; other pictures are scaled.</param>
    /// <param name="height">Rows.</param>
    /// <param name="format">What ffmpeg calls it, and its bytes a pixel.</param>
    /// <exception cref="CliException">It is not there, or ffmpeg is not.</exception>
    public static IEnumerable<byte[]> Pictures(string path, int width, int height, (string Name, int Bytes) format) =>
        Decode(["-i", .. Input(path)[^1..], "-vf", $"scale={width}:{height}"], Input(path)[..^1], width, height, format, null);

    /// <summary>Grey pictures, one byte a pixel.</summary>
    public static IEnumerable<byte[]> Gray(string path, int width, int height) => Pictures(path, width, height, ("gray", 1));

    /// <summary>Grey pictures of a ZIP archive's PNG files, in the order of their names.</summary>
    public static IEnumerable<byte[]> GrayOfArchive(string path, int width, int height) => Decode(["-c:v", "png", "-i", "pipe:0"], ["-f", "image2pipe"], width, height, ("gray", 1), to =>
    {
        using ZipArchive zip = ZipFile.OpenRead(path);
        foreach (ZipArchiveEntry entry in zip.Entries.Where(e => e.Name.EndsWith(".png", StringComparison.Ordinal)).OrderBy(e => e.FullName, StringComparer.Ordinal))
        {
            using Stream png = entry.Open();
            png.CopyTo(to);
        }
    });

    /// <summary>A grey frame as [[trigger.camera]] gives it to a component.</summary>
    public static Message Frame(string camera, byte[] pixels, int width, int height, long sequence, double rate) =>
        new FrameMessages(camera, new PictureSize(width, height), PictureFormat.Gray).Of(pixels, (long)(sequence * 1e9 / rate), sequence);

    /// <summary>What comes before the path, and the path.</summary>
    private static string[] Input(string path)
    {
        // Whatever its name is, it is a file, and neither it nor what it names is an address that ffmpeg would connect to.
        string[] local = ["-protocol_whitelist", "file,pipe"];
        if (File.Exists(path)) return [.. local, $"file:{path}"];
        if (!Directory.Exists(path)) throw new CliException(ExitCode.NoInput, $"{path}: there is no such file or folder");
        string? first = Directory.EnumerateFiles(path).Where(f => s_pictures.Contains(Path.GetExtension(f), StringComparer.OrdinalIgnoreCase)).Order(StringComparer.Ordinal).FirstOrDefault();
        if (first is null) throw new CliException(ExitCode.BadInput, $"{path}: there are no pictures in it ({string.Join(", ", s_pictures)})");
        return [.. local, "-f", "image2", "-pattern_type", "glob", FfmpegCommand.PatternOf(path, Path.GetExtension(first))];
    }

    private static Process Start(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardInput = true };
        foreach (string a in arguments) start.ArgumentList.Add(a);
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            throw new CliException(ExitCode.Unavailable, $"{program} is not installed: {Install}");
        }
    }

    private static IEnumerable<byte[]> Decode(string[] input, string[] before, int width, int height, (string Name, int Bytes) format, Action<Stream>? feed)
    {
        using Process ffmpeg = Start("ffmpeg", ["-v", "error", "-nostdin", .. before, .. input, "-pix_fmt", format.Name, "-f", "rawvideo", "pipe:1"]);
        try
        {
            Task feeding = Task.Run(() =>
            {
                using Stream to = ffmpeg.StandardInput.BaseStream;
                feed?.Invoke(to);
            });
            Stream from = ffmpeg.StandardOutput.BaseStream;
            while (true)
            {
                var picture = new byte[width * height * format.Bytes];
                int n = from.ReadAtLeast(picture, picture.Length, throwOnEndOfStream: false);
                if (n == 0) break;
                if (n < picture.Length) throw new CliException(ExitCode.BadInput, "ffmpeg ended in the middle of a picture");
                yield return picture;
            }

            feeding.GetAwaiter().GetResult();
        }
        finally
        {
            if (!ffmpeg.HasExited) ffmpeg.Kill();
            ffmpeg.WaitForExit();
        }
    }
}
