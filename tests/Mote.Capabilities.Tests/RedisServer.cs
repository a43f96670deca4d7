// Debian's redis-server, started by tests on a port of its own; they are skipped where it is not installed.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mote.Tests.Servers;

namespace Mote.Capabilities.Tests;

public sealed class RedisServer : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-redis-").FullName;
    private readonly string? _program = new[] { "/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server" }.FirstOrDefault(File.Exists);
    private readonly string[] _more;
    private Process? _process;

    public RedisServer()
        : this([])
    {
    }

    internal RedisServer(string[] more)
    {
        _more = more;
        if (_program is null) return;
        Port = Loopback.FreePort();
        Start();
    }

    public int Port { get; }

    public Uri Url => new($"redis://127.0.0.1:{Port}");

    public void Needed() => Assert.SkipWhen(_program is null, "redis-server is not installed (Debian: apt install redis-server)");

    public void Start()
    {
        _process = Process.Start(new ProcessStartInfo(_program!, ["--port", $"{Port}", "--bind", "127.0.0.1", "--dir", _folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no", .. _more]) { RedirectStandardOutput = true })!;
        Task<string> words = _process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        long start = Stopwatch.GetTimestamp();
        while (Command("PING") is not { } answer || answer.StartsWith("-LOADING", StringComparison.Ordinal))
        {
            Assert.False(_process.HasExited, $"redis-server does not start: {(_process.HasExited ? words.Result : "")}");
            Assert.True(Stopwatch.GetElapsedTime(start) < s_patience, "redis-server does not answer");
            Thread.Sleep(10);
        }
    }

    /// <summary>Ends it as a power cut would, as far as a process can.</summary>
    public void Kill()
    {
        if (_process is null) return;
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    public void Signal(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{_process!.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>The first line of the answer to an inline command; null where there is none.</summary>
    public string? Command(string command)
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, Port);
            using NetworkStream stream = client.GetStream();
            stream.ReadTimeout = 5000;
            stream.Write(System.Text.Encoding.UTF8.GetBytes($"{command}\r\n"));
            using var reader = new StreamReader(stream);
            return reader.ReadLine();
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        Kill();
        Directory.Delete(_folder, recursive: true);
    }
}
