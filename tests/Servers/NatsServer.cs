// A real nats-server for tests (Debian's package), on a port of the loopback interface, with its streams in a folder of
// the test's own. It may be killed and started again on what it had.
using System.Diagnostics;

namespace Mote.Tests.Servers;

internal sealed class NatsServer : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _program;
    private readonly string _folder;
    private readonly string _config;
    private Process? _process;

    private NatsServer(string program, string config, bool jetStream)
    {
        _program = program;
        _folder = Directory.CreateTempSubdirectory("mote-nats-server-").FullName;
        Port = Loopback.FreePort();
        _config = Path.Combine(_folder, "nats.conf");
        File.WriteAllText(_config, $"listen: 127.0.0.1:{Port}\nmax_payload: 33554432\n{(jetStream ? $"jetstream {{ store_dir: \"{_folder}/streams\" }}\n" : "")}{config}\n");
        Start();
    }

    public int Port { get; }

    public Uri Url => new($"nats://127.0.0.1:{Port}");

    /// <summary>Starts one; the test is skipped where there is none to start.</summary>
    /// <param name="config">What its configuration has besides a port and JetStream.</param>
    /// <param name="jetStream">Whether it has JetStream.</param>
    public static NatsServer StartNew(string config = "", bool jetStream = true)
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Concat(["/usr/sbin", "/usr/bin", "/usr/local/bin"])
            .Select(folder => Path.Combine(folder, "nats-server")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(program is null, "nats-server is not installed (Debian: apt install nats-server)");
        return new NatsServer(program!, config, jetStream);
    }

    /// <summary>Ends it at once, as kill -9 does.</summary>
    public void Kill()
    {
        if (_process is null) return;
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Starts it again, on the same port and streams.</summary>
    public void Start()
    {
        _process = Process.Start(new ProcessStartInfo(_program, ["-c", _config]) { RedirectStandardError = true })!;
        // What it says is read, or the pipe would fill; the last words are shown where it does not start.
        var words = new Queue<string>();
        _process.ErrorDataReceived += (_, e) =>
        {
            lock (words)
            {
                words.Enqueue(e.Data ?? "");
                if (words.Count > 20) words.Dequeue();
            }
        };
        _process.BeginErrorReadLine();
        long start = Stopwatch.GetTimestamp();
        while (!Loopback.Listens(Port))
        {
            lock (words) Assert.False(_process.HasExited, $"nats-server does not start: {string.Join('\n', words)}");
            Assert.True(Stopwatch.GetElapsedTime(start) < s_patience, "nats-server does not listen");
            Thread.Sleep(10);
        }
    }

    public void Dispose()
    {
        Kill();
        Directory.Delete(_folder, recursive: true);
    }
}
