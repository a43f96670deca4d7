// The arguments with which ffmpeg gives a camera's pictures as plain pixels on its standard output.
using System.Globalization;
using Mote.Runtime.Cameras;

namespace Mote.Triggers.Camera;

/// <summary>What ffmpeg is asked for.</summary>
public static class FfmpegCommand
{
    /// <summary>How long the network may be silent before ffmpeg gives up, in microseconds.</summary>
    private const string NetworkTimeout = "10000000";

    /// <summary>ffmpeg 5.1 is the oldest that knows all of them.</summary>
    /// <exception cref="IOException">A folder of pictures has none, or they are of several kinds.</exception>
    internal static string[] Arguments(CameraOptions camera)
    {
        CameraSource source = camera.Source;
        return
        [
            .. Ffmpeg.Quiet,
            "-threads", source.Threads.ToString(CultureInfo.InvariantCulture),
            .. (string[])(source.Kind switch
            {
                CameraKind.Device => ["-f", "v4l2", "-i", source.Address],
                // A playlist or a redirect must not lead to files of this machine.
                CameraKind.Rtsp => [.. LowDelay, "-protocol_whitelist", "rtsp,rtsps,rtp,udp,tcp,tls,crypto", "-rtsp_transport", source.Transport, "-timeout", NetworkTimeout, "-i", source.Address],
                CameraKind.Http => [.. LowDelay, "-protocol_whitelist", "http,https,tcp,tls,crypto", "-rw_timeout", NetworkTimeout, "-i", source.Address],
                CameraKind.File => [.. Pace(source), "-protocol_whitelist", "file", "-i", $"file:{source.Address}"],
                _ => [.. Pace(source), "-f", "image2", "-framerate", Number(source.FolderRate), "-pattern_type", "glob", "-i", PicturesOf(source.Address)],
            }),
            "-map", "0:v:0", "-vf", Filter(camera), "-fps_mode", "passthrough", "-pix_fmt", camera.Format.Name, "-f", "rawvideo", "pipe:1",
        ];
    }

    private static string[] LowDelay => ["-fflags", "nobuffer", "-flags", "low_delay"];

    private static string[] Pace(CameraSource source) => source.EveryFrame ? [] : ["-re"];

    /// <summary>
    /// Pictures that come sooner than the rate are left out before they are scaled, and none is made up where the source is
    /// slower: with the filter `fps` a component would get pictures twice. Half a millisecond is for timestamps that are rounded.
    /// </summary>
    private static string Filter(CameraOptions camera)
    {
        string scale = string.Create(CultureInfo.InvariantCulture, $"scale={camera.Size.Width}:{camera.Size.Height}:flags=bilinear");
        return camera.Rate is not { } rate ? scale : $"select='isnan(prev_selected_t)+gte(t-prev_selected_t,{Number((1 / rate) - 0.0005)})',{scale}";
    }

    /// <summary>A pattern of all pictures of a folder.</summary>
    private static string PicturesOf(string folder)
    {
        string[] kinds = [.. Directory.EnumerateFiles(folder).Select(f => Path.GetExtension(f)).Where(IsPicture).Distinct(StringComparer.Ordinal).Take(2)];
        return kinds switch
        {
            [] => throw new IOException("there is no picture in the folder (.jpg, .jpeg, .png, .bmp, .pgm, .ppm)"),
            [var kind] => PatternOf(folder, kind),
            _ => throw new IOException($"the folder has pictures of several kinds ({kinds[0]} and {kinds[1]}): put each kind into a folder of its own"),
        };
    }

    /// <summary>A pattern of all files of a folder with an extension: signs in the folder's name are themselves.</summary>
    public static string PatternOf(string folder, string extension) =>
        string.Concat(folder.Select(c => c is '*' or '?' or '[' or ']' or '{' or '}' or '\\' ? $"\\{c}" : $"{c}")) + "/*" + extension;

    private static bool IsPicture(string extension) => extension.ToLowerInvariant() is ".jpg" or ".jpeg" or ".png" or ".bmp" or ".pgm" or ".ppm";

    private static string Number(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}
