// Makes a video of pictures: ffmpeg as a child process, whose output is encrypted as it comes. Nothing of it is on the disk
// in plain.
using System.Globalization;

namespace Mote.Triggers.Camera.Clips;

/// <summary>One clip on its way from pictures to a file.</summary>
internal sealed class ClipEncoder : IDisposable
{
    /// <summary>
    /// How ffmpeg ends when a signal asked it to: the video is whole, and shorter. A Ctrl-C in a terminal, and systemd where it
    /// stops a service, ask all processes of the node, of which this one may be the first to answer.
    /// </summary>
    private const int AskedToEnd = 255;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Ffmpeg _ffmpeg;
    private readonly Thread _thread;
    private readonly System.Threading.Timer _watch;
    private volatile Exception? _fault;

    private ClipEncoder(Ffmpeg ffmpeg, ClipFile file)
    {
        _ffmpeg = ffmpeg;
        _watch = new System.Threading.Timer(_ => ffmpeg.Kill());
        _thread = new Thread(() => Keep(file), 256 << 10) { IsBackground = true, Name = "clip" };
        _thread.Start();
    }

    /// <summary>Starts one.</summary>
    /// <param name="program">ffmpeg.</param>
    /// <param name="camera">What the pictures are.</param>
    /// <param name="rate">How many there are a second.</param>
    /// <param name="file">Takes the video.</param>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static ClipEncoder Start(string program, CameraOptions camera, double rate, ClipFile file) => new(Ffmpeg.Start(program, Arguments(camera, rate), isPatient: true), file);

    /// <summary>
    /// Matroska, which can be read as far as it was written; its usual codec is H.264, or MPEG-4 where ffmpeg was built without.
    /// An option that a codec does not have is passed over. Sides of an odd length get one more row or column.
    /// </summary>
    internal static string[] Arguments(CameraOptions camera, double rate) =>
    [
        .. Ffmpeg.Quiet, "-threads", "1",
        "-f", "rawvideo", "-pixel_format", camera.Format.Name, "-video_size", camera.Size.ToString(), "-framerate", rate.ToString("0.###", CultureInfo.InvariantCulture), "-i", "pipe:0",
        "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-crf", "26", "-q:v", "4", "-threads", "1", "-f", "matroska", "pipe:1",
    ];

    /// <summary>Gives it the next picture.</summary>
    /// <returns>False where it takes no more, for a signal asked it to end: the clip is whole as it is.</returns>
    /// <exception cref="IOException">It has ended, or takes none, or the file cannot be written.</exception>
    public bool Write(ReadOnlySpan<byte> picture)
    {
        _watch.Change(s_patience, Timeout.InfiniteTimeSpan);
        try
        {
            _ffmpeg.Input.Write(picture);
            return true;
        }
        catch (IOException e)
        {
            if (Why(e) is { } fault) throw fault;
            return false;
        }
        finally
        {
            _watch.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>That was the last picture: waits until all of the video is written.</summary>
    /// <exception cref="IOException">It is not whole.</exception>
    public void End()
    {
        _watch.Change(s_patience, Timeout.InfiniteTimeSpan);
        try
        {
            _ffmpeg.Input.Close();
        }
        catch (IOException)
        {
            // It has ended; below is why.
        }

        if (Why() is { } fault) throw fault;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _watch.Dispose();
        _ffmpeg.Kill();
        _thread.Join();
        _ffmpeg.Dispose();
    }

    private void Keep(ClipFile file)
    {
        byte[] piece = new byte[64 << 10];
        try
        {
            while (_ffmpeg.Output.Read(piece) is > 0 and var n) file.Write(piece.AsSpan(0, n));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            _fault = e;
            _ffmpeg.Kill(); // whoever writes to it is told
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>What the disk said, where it was that, or how ffmpeg ended; null where the video is whole. A pipe that broke says nothing.</returns>
    private IOException? Why(Exception? broken = null)
    {
        _thread.Join();
        if (_fault is { } fault) return new IOException(fault.Message, fault);
        (int code, string words) = _ffmpeg.End();
        return code is 0 or AskedToEnd ? null : new IOException(Ffmpeg.Ended(code, words), broken);
    }
}
