// Recordings as a camera's frames: decoded by ffmpeg, a process, to one byte a pixel.
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using Mote.Capabilities.Messaging;

namespace Mote.Bench.Detect;

internal static class Video
{
    /// <summary>Grey frames of a file, scaled to this size where it is another one.</summary>
    public static IEnumerable<byte[]> Gray(string path, int width, int height) => Decode(["-i", Datasets.Need(path), "-vf", $"scale={width}:{height}"], width, height, null);

    /// <summary>Grey frames of a ZIP archive's PNG files, in the order of their names.</summary>
    public static IEnumerable<byte[]> GrayOfArchive(string path, int width, int height) => Decode(["-f", "image2pipe", "-c:v", "png", "-i", "pipe:0"], width, height, to =>
    {
        using ZipArchive zip = ZipFile.OpenRead(Datasets.Need(path));
        foreach (ZipArchiveEntry entry in zip.Entries.Where(e => e.Name.EndsWith(".png", StringComparison.Ordinal)).OrderBy(e => e.FullName, StringComparer.Ordinal))
        {
            using Stream png = entry.Open();
            png.CopyTo(to);
        }
    });

    /// <summary>A frame as [[trigger.camera]] gives it to a component.</summary>
    public static Message Frame(string camera, byte[] pixels, int width, int height, long sequence, double rate)
    {
        var message = new Message(pixels) { Topic = camera, Type = "video/raw" };
        message.AddMetadata("format", "gray");
        message.AddMetadata("width", Text(width));
        message.AddMetadata("height", Text(height));
        message.AddMetadata("stride", Text(width));
        message.AddMetadata("timestamp", Text((long)(sequence * 1e9 / rate)));
        message.AddMetadata("sequence", Text(sequence));
        return message;
    }

    private static string Text(long n) => n.ToString(CultureInfo.InvariantCulture);

    private static IEnumerable<byte[]> Decode(string[] input, int width, int height, Action<Stream>? feed)
    {
        var start = new ProcessStartInfo("ffmpeg") { RedirectStandardOutput = true, RedirectStandardInput = true };
        foreach (string a in (string[])["-v", "error", .. input, "-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"]) start.ArgumentList.Add(a);
        using Process ffmpeg = Process.Start(start) ?? throw new MissingException("ffmpeg is not installed");
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
                var frame = new byte[width * height];
                int n = from.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false);
                if (n == 0) break;
                if (n < frame.Length) throw new MissingException("ffmpeg has cut off a frame");
                yield return frame;
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
