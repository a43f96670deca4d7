// ffmpeg as a child process: started with nothing of the node's surroundings, with a limit on its memory, and its last
// words read, cut and cleaned.
using System.Diagnostics;
using System.Text;
using Mote.Runtime;

namespace Mote.Triggers.Camera;

/// <summary>One run of it.</summary>
internal sealed class Ffmpeg : IDisposable
{
    /// <summary>Most bytes of its memory; 4K video takes a fifth of it.</summary>
    public const long MaxMemory = 1L << 30;

    /// <summary>With which every run begins: it asks nobody, and says only what is wrong.</summary>
    public static readonly string[] Quiet = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"];

    private readonly Process _process;
    private readonly Task<string> _words;

    private Ffmpeg(Process process)
    {
        _process = process;
        _words = ReadWordsAsync(process.StandardError.BaseStream);
    }

    /// <summary>What it takes.</summary>
    public Stream Input => _process.StandardInput.BaseStream;

    /// <summary>What it gives.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>Starts one.</summary>
    /// <param name="program">ffmpeg.</param>
    /// <param name="arguments">What it is to do.</param>
    /// <param name="isPatient">It is to give way to others that want the processor.</param>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static Ffmpeg Start(string program, IEnumerable<string> arguments, bool isPatient = false)
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
            var ffmpeg = new Ffmpeg(process);
            if (isPatient) ffmpeg.GiveWay();
            foreach (Stream stream in (Stream[])[ffmpeg.Input, ffmpeg.Output])
            {
                if (stream is System.IO.Pipes.AnonymousPipeClientStream pipe) Pipes.Widen(pipe.SafePipeHandle);
            }

            return ffmpeg;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new IOException($"`{program}`, which decodes pictures, cannot be started ({e.Message}): apt-get install ffmpeg", e);
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code and its last words, on one line.</returns>
    public (int Code, string Words) End()
    {
        if (!_process.WaitForExit(TimeSpan.FromSeconds(5))) Kill();
        _process.WaitForExit();
        return (_process.ExitCode, _words.Wait(TimeSpan.FromSeconds(1)) ? _words.Result : "");
    }

    /// <summary>How it ended, in words.</summary>
    public static string Ended(int code, string words) => $"ffmpeg ended with {code}{(words.Length > 0 ? $": {words}" : code == 137 ? " (it was killed)" : "")}";

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

    private void GiveWay()
    {
        try
        {
            _process.PriorityClass = ProcessPriorityClass.BelowNormal;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended, or may not be changed: it takes its share like others.
        }
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
