// Debian's mosquitto, started by a test on a port of its own; the test is skipped where it is not installed.
using System.Diagnostics;
using System.Globalization;
using Mote.Tests.Servers;

namespace Mote.Node.Tests;

internal sealed class Mosquitto : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts it.</summary>
    /// <param name="folder">Where its configuration goes: {0} in <paramref name="more"/>.</param>
    /// <param name="port">Where it listens.</param>
    /// <param name="more">Lines of its configuration behind the listener's.</param>
    public Mosquitto(string folder, int port, string more = "")
    {
        string? program = new[] { "/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto" }.FirstOrDefault(File.Exists);
        Assert.SkipWhen(program is null, "mosquitto is not installed (Debian: apt install mosquitto)");
        Port = port;
        string config = Path.Combine(folder, $"mosquitto-{port}.conf");
        string lines = more.Contains("allow_anonymous", StringComparison.Ordinal) ? more : $"allow_anonymous true\n{more}";
        File.WriteAllText(config, $"listener {port} 127.0.0.1\n{lines.Replace("{0}", folder, StringComparison.Ordinal)}user {Environment.UserName}\n");
        _process = Process.Start(new ProcessStartInfo(program!, ["-c", config]) { RedirectStandardError = true })!;
        Task<string> words = _process.StandardError.ReadToEndAsync(CancellationToken.None);
        // Each of its listeners: they are opened one after the other.
        int[] ports = [port, .. more.Split('\n').Where(l => l.StartsWith("listener ", StringComparison.Ordinal)).Select(l => int.Parse(l.Split(' ')[1], CultureInfo.InvariantCulture))];
        long start = Stopwatch.GetTimestamp();
        while (!ports.All(Loopback.Listens))
        {
            Assert.False(_process.HasExited, $"mosquitto does not start: {(_process.HasExited ? words.Result : "")}");
            Assert.True(Stopwatch.GetElapsedTime(start) < Client.Patience, "mosquitto does not listen");
            Thread.Sleep(20);
        }
    }

    public int Port { get; }

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Asks it to end: it then writes its sessions to disk.</summary>
    public async Task Terminate()
    {
        await Signal("TERM");
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Client.Patience, TestContext.Current.CancellationToken);
    }

    public async Task Signal(string signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{_process.Id}"]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
