// A node with many apps, in a process of its own: what `mote up` runs, with as many manifests as are asked for.
using Mote.Node;
using Mote.Packaging;

namespace Mote.Bench;

internal static class NodeServer
{
    /// <summary>Writes the manifests of apps that each answer /app-N with a component of their own, and gives their folder.</summary>
    /// <param name="folder">An empty folder.</param>
    /// <param name="count">How many.</param>
    /// <param name="wasm">The component.</param>
    /// <param name="different">Makes each a component of its own, by a custom section with its number.</param>
    public static void Write(string folder, int count, byte[] wasm, bool different)
    {
        string shared = Path.Combine(folder, "app.wasm");
        File.WriteAllBytes(shared, wasm);
        for (int i = 0; i < count; i++)
        {
            string app = Directory.CreateDirectory(Path.Combine(folder, $"app-{i}")).FullName;
            if (different)
            {
                byte[] number = System.Text.Encoding.ASCII.GetBytes($"{i:00000000}");
                File.WriteAllBytes(Path.Combine(app, "app.wasm"), [.. wasm, 0, (byte)(2 + number.Length), 1, (byte)'n', .. number]);
            }

            File.WriteAllText(Path.Combine(app, AppManifest.FileName), $"""
                mote = 1
                [app]
                name = "app-{i}"
                [[trigger.http]]
                route = "/app-{i}/..."
                component = "app"
                [component.app]
                source = "{(different ? "" : "../")}app.wasm"
                """);
        }
    }

    /// <summary>Serves all apps below a folder until it is killed.</summary>
    public static async Task<int> Run(string folder, int port)
    {
        AppManifest[] apps = [.. Directory.EnumerateDirectories(folder).Where(d => File.Exists(Path.Combine(d, AppManifest.FileName))).Select(d => AppManifest.Load(d, _ => null))];
        var config = new NodeConfig { DataFolder = Path.Combine(folder, "data"), HttpListen = $"127.0.0.1:{port}" };
        await using EdgeNode node = await EdgeNode.StartAsync(config, apps, Console.Error.WriteLine).ConfigureAwait(false);
        Array.Clear(apps);
        await Task.Delay(Timeout.Infinite).ConfigureAwait(false);
        return 0;
    }

    /// <summary>Asks every app once, over 64 connections, and counts those that did not answer.</summary>
    /// <returns>Seconds, and how many were lost.</returns>
    public static (double Seconds, int Lost) AskEach(int port, int count)
    {
        int next = -1, lost = 0;
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        Thread[] threads = [.. Enumerable.Range(0, 64).Select(_ => new Thread(
            () =>
            {
                using var client = new LineClient(port);
                for (int i; (i = Interlocked.Increment(ref next)) < count;)
                {
                    if (!client.Get($"/app-{i}/hello")) Interlocked.Increment(ref lost);
                }
            },
            256 * 1024))];
        foreach (Thread t in threads) t.Start();
        foreach (Thread t in threads) t.Join();
        return (System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds, lost);
    }

    /// <summary>A client of few instructions: the machine's two cores are the server's.</summary>
    private sealed class LineClient(int port) : IDisposable
    {
        private System.Net.Sockets.Socket? _socket;
        private readonly byte[] _buffer = new byte[4096];

        public bool Get(string path)
        {
            try
            {
                if (_socket is null)
                {
                    _socket = new(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
                    _socket.Connect(System.Net.IPAddress.Loopback, port);
                }

                _socket.Send(System.Text.Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
                int got = 0;
                while (got < _buffer.Length)
                {
                    int n = _socket.Receive(_buffer.AsSpan(got));
                    if (n == 0) break;
                    got += n;
                    string text = System.Text.Encoding.ASCII.GetString(_buffer, 0, got);
                    if (text.Contains("microVM\n", StringComparison.Ordinal)) return text.StartsWith("HTTP/1.1 200", StringComparison.Ordinal);
                    if (text.Contains("\r\n\r\n", StringComparison.Ordinal) && !text.StartsWith("HTTP/1.1 200", StringComparison.Ordinal)) break;
                }
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Counted as lost.
            }

            _socket?.Dispose();
            _socket = null;
            return false;
        }

        public void Dispose() => _socket?.Dispose();
    }
}
