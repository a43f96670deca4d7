// ffmpeg as a child process: whatever a stream does to it ends there. What it gives are pixels, of which the node knows
// how many there must be; what it says is cut and cleaned.
using System.Diagnostics;
using System.Text;
using Mote.Runtime;

namespace Mote.Triggers.Camera;

/// <summary>One run of ffmpeg.</summary>
internal sealed class Decoder : IDisposable
{
    /// <summary>Most bytes of its memory; 4K video takes a fifth of it.</summary>
    public const long MaxMemory = 1L << 30;

    private readonly Process _process;
    private readonly Stream _pixels;
    private readonly Task<string> _words;
    private long _lastByte = Stopwatch.GetTimestamp();

    private Decoder(Process process)
    {
        _process = process;
        _pixels = process.StandardOutput.BaseStream;
        _words = ReadWordsAsync(process.StandardError.BaseStream);
        process.StandardInput.Close();
    }

    /// <summary>How long nothing has come from it.</summary>
    public TimeSpan Silent => Stopwatch.GetElapsedTime(Volatile.Read(ref _lastByte));

    /// <summary>Starts one.</summary>
    /// <param name="program">ffmpeg.</param>
    /// <param name="arguments">What it is to do: pixels on its standard output.</param>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static Decoder Start(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        // Of the node's surroundings it needs nothing: there may be secrets in them.
        string? path = Environment.GetEnvironmentVariable("PATH");
        start.Environment.Clear();
        if (path is not null) start.Environment["PATH"] = path;
        try
        {
            Process process = Process.Start(start)!;
            ProcessLimit.DataOf(process.Id, MaxMemory);
            var decoder = new Decoder(process);
            if (decoder._pixels is System.IO.Pipes.AnonymousPipeClientStream pipe) Pipes.Widen(pipe.SafePipeHandle);
            return decoder;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new IOException($"`{program}`, which decodes pictures, cannot be started ({e.Message}): apt-get install ffmpeg", e);
        }
    }

    /// <summary>Waits for a whole picture; false where none comes any more.</summary>
    public bool Read(byte[] picture)
    {
        for (int have = 0; have < picture.Length;)
        {
            int n;
            try
            {
                n = _pixels.Read(picture, have, picture.Length - have);
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
    public (int Code, string Words) End()
    {
        if (!_process.WaitForExit(TimeSpan.FromSeconds(5))) Kill();
        _process.WaitForExit();
        return (_process.ExitCode, _words.Wait(TimeSpan.FromSeconds(1)) ? _words.Result : "");
    }

    /// <summary>Ends it; whoever reads from it is told that nothing comes any more.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>The last line that it wrote: a stream that is broken at every picture makes many of them.</summary>
    private static async Task<string> ReadWordsAsync(Stream from)
    {
        const int Most = 300;
        var line = new StringBuilder();
        string last = "";
        byte[] piece = new byte[1024];
        try
        {
            while (await from.ReadAsync(piece).ConfigureAwait(false) is > 0 and var n)
            {
                foreach (char c in Encoding.UTF8.GetString(piece, 0, n))
                {
                    if (c is '\n' or '\r')
                    {
                        if (line.Length > 0) last = line.ToString();
                        line.Clear();
                    }
                    else if (line.Length < Most)
                    {
                        line.Append(char.IsControl(c) ? ' ' : c);
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // What it has said so far is what there is.
        }

        return (line.Length > 0 ? line.ToString() : last).Trim();
    }
}
