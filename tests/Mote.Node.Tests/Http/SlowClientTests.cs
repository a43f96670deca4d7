// Clients that hold connections and give nothing for them: they are let go of in time, and others are served meanwhile.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Mote.Tests.Servers;

namespace Mote.Node.Tests.Http;

public sealed partial class SlowClientTests
{
    private const int FileNumbers = 7; // RLIMIT_NOFILE

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A byte a second of a request's head, or of its body: the node waits 10 s for the one, and 5 s for the other.</summary>
    [Fact]
    public async Task AByteASecond_IsLetGoOfInTime_AndTheNeighbourIsServed()
    {
        const int Each = 40;
        await using HttpSite site = await HttpSite.Start(HttpSite.App.Replace("time = \"5s\"", "time = \"60s\"", StringComparison.Ordinal));
        Trickle[] heads = [.. Enumerable.Range(0, Each).Select(_ => new Trickle(site.Port, "GET /hello HTTP/1.1\r\nHost: x\r\nX-Slow: "))];
        Trickle[] bodies = [.. Enumerable.Range(0, Each).Select(_ => new Trickle(site.Port, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"))];
        Trickle[] all = [.. heads, .. bodies];
        try
        {
            await Wait.Until(() => site.Handler().Counts.Running > 0, () => "no body is read");
            using HttpClient neighbour = site.Client();
            long start = Stopwatch.GetTimestamp();
            using var second = new PeriodicTimer(TimeSpan.FromSeconds(1)); // what these clients do, not what the test waits for
            while (!Array.TrueForAll(all, t => t.IsOver))
            {
                await second.WaitForNextTickAsync(Token);
                foreach (Trickle t in all) t.Send();
                long asked = Stopwatch.GetTimestamp();
                Assert.Equal("Hello from a microVM\n", await neighbour.GetStringAsync("/hello", Token));
                Assert.InRange(Stopwatch.GetElapsedTime(asked), TimeSpan.Zero, TimeSpan.FromSeconds(5));
                Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(45), $"{all.Count(t => !t.IsOver)} are still there, {heads.Count(t => !t.IsOver)} of them in their heads");
            }

            Assert.All(heads, t => Assert.StartsWith("HTTP/1.1 408", t.Answer, StringComparison.Ordinal));
            Assert.All(bodies, t => Assert.DoesNotContain("\r\n0\r\n\r\n", t.Answer, StringComparison.Ordinal)); // none is taken for whole
            await Wait.Until(() => site.Handler().Counts.Running == 0, () => "a guest waits on for its body");
        }
        finally
        {
            foreach (Trickle t in all) t.Dispose();
        }
    }

    /// <summary>The node is a process of its own, which says what 10,000 connections cost it.</summary>
    [Fact]
    public async Task TenThousandIdleConnections_HarmNobody()
    {
        const int Count = 10_000;
        string? program = Environment.GetEnvironmentVariable("MOTE_BINARY");
        Assert.SkipUnless(File.Exists(program), "MOTE_BINARY names no published mote (./test makes one)");
        byte[] guest = HttpSite.Guest;
        Raise(Count + 2000); // of this process; the node's is as high as the system lets it be
        string folder = Directory.CreateTempSubdirectory("mote-idle-connections-").FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "web.wasm"), guest, Token);
        int port = Loopback.FreePort();
        using Process node = Process.Start(new ProcessStartInfo(program!, ["serve", Path.Combine(folder, "web.wasm"), "--listen", $"127.0.0.1:{port}"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var idle = new List<Socket>();
        try
        {
            using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            await Wait.Until(() => Loopback.Listens(port), () => node.HasExited ? node.StandardError.ReadToEnd() : "it does not listen");
            Assert.Equal("Hello from a microVM\n", await client.GetStringAsync("/hello", Token));
            long before = Resident(node);
            for (int i = 0; i < Count; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                idle.Add(socket);
                await socket.ConnectAsync(IPAddress.Loopback, port, Token);
                // Half of them say something, and then nothing more.
                if (i % 2 == 0) await socket.SendAsync("GET /hello HTTP/1.1\r\nHost:"u8.ToArray(), Token);
            }

            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < 100; i++)
            {
                using var fresh = new HttpClient { BaseAddress = client.BaseAddress };
                Assert.Equal("Hello from a microVM\n", await fresh.GetStringAsync("/hello", Token));
            }

            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(20));
            long each = (Resident(node) - before) / Count;
            TestContext.Current.TestOutputHelper!.WriteLine($"{each} bytes resident for each connection");
            Assert.InRange(each, long.MinValue, 32 * 1024);
        }
        finally
        {
            foreach (Socket socket in idle) socket.Dispose();
            node.Kill();
            await node.WaitForExitAsync(CancellationToken.None);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static long Resident(Process node)
    {
        node.Refresh();
        return node.WorkingSet64;
    }

    /// <summary>So many files and sockets may be open; skips the test where the system does not let them.</summary>
    private static void Raise(ulong files)
    {
        if (getrlimit(FileNumbers, out Limit limit) == 0 && limit.Soft >= files) return;
        limit = new Limit { Soft = files, Hard = Math.Max(limit.Hard, files) };
        Assert.SkipUnless(setrlimit(FileNumbers, in limit) == 0, $"the system does not let a process have {files} files open (ulimit -n)");
    }

    [LibraryImport("libc")]
    private static partial int getrlimit(int resource, out Limit limit);

    [LibraryImport("libc")]
    private static partial int setrlimit(int resource, in Limit limit);

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }

    /// <summary>A client that sends the beginning of a request, and then a byte whenever it is told to.</summary>
    private sealed class Trickle : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly StringBuilder _answer = new();
        private readonly Task _receiving;

        public Trickle(int port, string beginning)
        {
            _socket.Connect(IPAddress.Loopback, port);
            _socket.Send(Encoding.ASCII.GetBytes(beginning));
            _receiving = Receive();
        }

        /// <summary>True where the server has closed the connection.</summary>
        public bool IsOver => _receiving.IsCompleted;

        public string Answer => _answer.ToString();

        public void Send()
        {
            try
            {
                if (!IsOver) _socket.Send("x"u8);
            }
            catch (SocketException)
            {
                // It was closed just now.
            }
        }

        public void Dispose() => _socket.Dispose();

        private async Task Receive()
        {
            var buffer = new byte[1024];
            try
            {
                for (int n; (n = await _socket.ReceiveAsync(buffer.AsMemory())) > 0;) _answer.Append(Encoding.ASCII.GetString(buffer, 0, n));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Cut off.
            }
        }
    }
}
