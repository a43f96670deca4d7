// The process that decodes a camera's pictures: whatever a stream does to it ends there. What it gives are pixels, of which
// the node knows how many there must be.
using System.Diagnostics;

namespace Mote.Triggers.Camera;

/// <summary>One run of ffmpeg that gives pictures.</summary>
internal sealed class Decoder : IDisposable
{
    private readonly Ffmpeg _ffmpeg;
    private long _lastByte = Stopwatch.GetTimestamp();

    private Decoder(Ffmpeg ffmpeg)
    {
        _ffmpeg = ffmpeg;
        ffmpeg.Input.Close();
    }

    /// <summary>How long nothing has come from it.</summary>
    public TimeSpan Silent => Stopwatch.GetElapsedTime(Volatile.Read(ref _lastByte));

    /// <summary>Starts one.</summary>
    /// <param name="program">ffmpeg.</param>
    /// <param name="arguments">What it is to do: pixels on its standard output.</param>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static Decoder Start(string program, IEnumerable<string> arguments) => new(Ffmpeg.Start(program, arguments));

    /// <summary>Waits for a whole picture; false where none comes any more.</summary>
    public bool Read(byte[] picture)
    {
        for (int have = 0; have < picture.Length;)
        {
            int n;
            try
            {
                n = _ffmpeg.Output.Read(picture, have, picture.Length - have);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                return false;
            }

            if (n == 0) return false;
            have += n;
            Volatile.Write(ref _lastByte, Stopwatch.GetTimestamp());
        }

        return true;
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code and its last words, on one line.</returns>
    public (int Code, string Words) End() => _ffmpeg.End();

    /// <summary>Ends it; whoever reads from it is told that nothing comes any more.</summary>
    public void Kill() => _ffmpeg.Kill();

    /// <inheritdoc/>
    public void Dispose() => _ffmpeg.Dispose();
}
