// Programs that are measured from outside: started on a port of their own, watched, and ended.
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mote.Bench;

/// <summary>A server in a process of its own.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, int port, TimeSpan ready)
    {
        _process = process;
        Port = port;
        Ready = ready;
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>From its start to its first answer.</summary>
    public TimeSpan Ready { get; }

    /// <summary>The process.</summary>
    public int Id => _process.Id;

    /// <summary>Starts a program and waits until it answers the path over HTTP, or where that is null, takes connections.</summary>
    public static ServerProcess Start(string program, IEnumerable<string> arguments, int port, string? path = "/hello", TimeSpan? patience = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        var words = new List<string>();
        long began = Stopwatch.GetTimestamp();
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        while (Stopwatch.GetElapsedTime(began) < (patience ?? TimeSpan.FromSeconds(60)) && !process.HasExited)
        {
            if (Answers(port, path)) return new ServerProcess(process, port, Stopwatch.GetElapsedTime(began));
            Thread.Sleep(1);
        }

        if (!process.HasExited) process.Kill(entireProcessTree: true);
        lock (words) throw new MissingException($"{Path.GetFileName(program)} does not answer: {string.Join(" | ", words.TakeLast(3))}");

        void Keep(string? line)
        {
            lock (words)
            {
                if (line is not null && words.Count < 100) words.Add(line);
            }
        }
    }

    /// <summary>A line of /proc/PID/status in MiB: VmRSS, RssAnon, VmHWM. With children, all together.</summary>
    public double MiB(string line) => Tree(_process.Id).Sum(id => OfProcess(id, line));

    /// <summary>Processor time that it has used, of its own and of its children.</summary>
    public TimeSpan Cpu => TimeSpan.FromSeconds(Tree(_process.Id).Sum(Seconds));

    /// <summary>utime and stime of /proc/PID/stat, in the 100 ticks a second that Linux shows.</summary>
    private static double Seconds(int id)
    {
        string stat = File.ReadAllText($"/proc/{id}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / 100.0;
    }

    private static IEnumerable<int> Tree(int id) => [id, .. Children(id).SelectMany(Tree)];

    private static IEnumerable<int> Children(int id)
    {
        string path = $"/proc/{id}/task/{id}/children";
        return File.Exists(path) ? File.ReadAllText(path).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse) : [];
    }

    private static double OfProcess(int id, string line)
    {
        foreach (string l in File.ReadLines($"/proc/{id}/status"))
        {
            if (l.StartsWith(line + ":", StringComparison.Ordinal)) return double.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
        }

        return 0;
    }

    private static bool Answers(int port, string? path)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(IPAddress.Loopback, port);
            if (path is null) return true;
            socket.ReceiveTimeout = 5000;
            socket.Send(System.Text.Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"));
            var buffer = new byte[64];
            int n = socket.Receive(buffer);
            return n > 12 && System.Text.Encoding.ASCII.GetString(buffer, 0, n).StartsWith("HTTP/1.1 200", StringComparison.Ordinal);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>A port that nobody has now.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }
}

/// <summary>What wrk measured.</summary>
/// <param name="PerSecond">Requests a second.</param>
/// <param name="P50">Median latency, microseconds.</param>
/// <param name="P99">99th percentile of the latency, microseconds.</param>
/// <param name="Errors">Requests that failed.</param>
internal readonly record struct WrkResult(double PerSecond, double P50, double P99, long Errors);

internal static class Wrk
{
    /// <summary>Loads a path of a server with 64 connections.</summary>
    public static WrkResult Run(int port, string path, TimeSpan duration, int connections = 64)
    {
        using Process wrk = Process.Start(new ProcessStartInfo("wrk", [$"-t{Math.Min(2, connections)}", $"-c{connections}", $"-d{(int)duration.TotalSeconds}s", "--latency", $"http://127.0.0.1:{port}{path}"]) { RedirectStandardOutput = true })
            ?? throw new MissingException("wrk cannot be started");
        string text = wrk.StandardOutput.ReadToEnd();
        wrk.WaitForExit();
        string[] lines = text.Split('\n', StringSplitOptions.TrimEntries);
        long errors = 0;
        foreach (string line in lines)
        {
            if (line.StartsWith("Non-2xx", StringComparison.Ordinal)) errors += long.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture);
            if (line.StartsWith("Socket errors", StringComparison.Ordinal)) errors += line.Split(',').Sum(p => long.Parse(p.Split(' ')[^1], CultureInfo.InvariantCulture));
        }

        return new WrkResult(Number(lines.First(l => l.StartsWith("Requests/sec", StringComparison.Ordinal))), Time(lines, "50%"), Time(lines, "99%"), errors);
    }

    private static double Number(string line) => double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1], CultureInfo.InvariantCulture);

    private static double Time(string[] lines, string percentile)
    {
        string text = lines.First(l => l.StartsWith(percentile, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        (string unit, double factor) = text.EndsWith("us", StringComparison.Ordinal) ? ("us", 1.0) : text.EndsWith("ms", StringComparison.Ordinal) ? ("ms", 1e3) : ("s", 1e6);
        return double.Parse(text[..^unit.Length], CultureInfo.InvariantCulture) * factor;
    }
}
