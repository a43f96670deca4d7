// A server program that a test starts, kills, and starts again on what it had.
using System.Diagnostics;

namespace Mote.Tests.Servers;

internal sealed class ServerProcess(string program, string[] arguments, int port) : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private Process? _process;

    /// <summary>Where a program is, among the places of the environment and some more; null where it is not.</summary>
    public static string? Find(string name, params string[] more) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Concat(more).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Starts it, and waits until it listens.</summary>
    public void Start()
    {
        string name = Path.GetFileName(program);
        _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        // What it says is read, or the pipes would fill; the last words are shown where it does not start.
        var words = new Queue<string>();
        void Take(string? line)
        {
            lock (words)
            {
                words.Enqueue(line ?? "");
                if (words.Count > 20) words.Dequeue();
            }
        }

        _process.ErrorDataReceived += (_, e) => Take(e.Data);
        _process.OutputDataReceived += (_, e) => Take(e.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        long start = Stopwatch.GetTimestamp();
        while (!Loopback.Listens(port))
        {
            lock (words) Assert.False(_process.HasExited, $"{name} does not start: {string.Join('\n', words)}");
            Assert.True(Stopwatch.GetElapsedTime(start) < s_patience, $"{name} does not listen");
            Thread.Sleep(10);
        }
    }

    /// <summary>Ends it at once, as kill -9 does.</summary>
    public void Dispose()
    {
        if (_process is null) return;
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }
}
