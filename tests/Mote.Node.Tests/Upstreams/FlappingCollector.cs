// A collector over HTTP that does what collectors behind bad links do, as a test says: it is away, falls silent, cuts the
// connection before or behind what it took, answers late or twice. Written on a socket, since a server does none of this.
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mote.DataPlane;

namespace Mote.Node.Tests.Upstreams;

internal enum Flap
{
    Well,
    AnswersTwice,
    Away,
    CutsInTheHead,
    CutsInTheBody,
    CutsBeforeItTakes,
    CutsBehindWhatItTook,
    SaysNo,
    SaysNoAndTakesIt,
    AnswersLate,
}

internal sealed class FlappingCollector : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _connections = [];
    private readonly List<(string Subject, string Id)> _taken = [];
    private readonly Lock _lock = new();
    private TcpListener? _listener;
    private volatile Flap _flap;

    public FlappingCollector()
    {
        Listen(new TcpListener(IPAddress.Loopback, 0));
        Port = ((IPEndPoint)_listener!.LocalEndpoint).Port;
    }

    public int Port { get; }

    public Uri Url => new($"http://127.0.0.1:{Port}/");

    /// <summary>Released when a late answer may come.</summary>
    public SemaphoreSlim Late { get; } = new(0);

    /// <summary>Events in the order in which they came, those that came again as well.</summary>
    public (string Subject, string Id)[] Taken
    {
        get
        {
            lock (_lock) return [.. _taken];
        }
    }

    public Flap Flap
    {
        get => _flap;
        set
        {
            if (value == Flap.Away) Unlisten();
            else if (_flap == Flap.Away) Listen(new TcpListener(IPAddress.Loopback, Port));
            _flap = value;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Unlisten();
        await _stop.CancelAsync();
        Task[] all;
        lock (_lock) all = [.. _connections];
        await Task.WhenAll(all);
        _stop.Dispose();
        Late.Dispose();
    }

    private void Unlisten()
    {
        _listener?.Stop();
        _listener = null;
    }

    private void Listen(TcpListener listener)
    {
        listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Start();
        _listener = listener;
        lock (_lock) _connections.Add(Accept(listener));
    }

    private async Task Accept(TcpListener listener)
    {
        while (true)
        {
            try
            {
                TcpClient client = await listener.AcceptTcpClientAsync(_stop.Token);
                lock (_lock) _connections.Add(Serve(client));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private async Task Serve(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                while (await Request(client, stream))
                {
                    // The next one on the same connection.
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or SocketException)
            {
                // The other side is gone, or the test is over.
            }
        }
    }

    private async Task<bool> Request(TcpClient client, NetworkStream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (!(head.Count >= 4 && head[^4] == '\r' && head[^3] == '\n' && head[^2] == '\r' && head[^1] == '\n'))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0) return false;
            head.Add(one[0]);
            // Whoever was connected before it went away finds out now.
            if (_flap == Flap.Away || (_flap == Flap.CutsInTheHead && head.Count == 20)) return Cut(client);
        }

        string[] lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        string? Header(string name) => lines.FirstOrDefault(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();
        byte[] body = new byte[int.Parse(Header("content-length")!, System.Globalization.CultureInfo.InvariantCulture)];
        if (_flap == Flap.CutsInTheBody)
        {
            await stream.ReadExactlyAsync(body.AsMemory(0, body.Length / 2), _stop.Token);
            return Cut(client);
        }

        await stream.ReadExactlyAsync(body, _stop.Token);
        Flap flap = _flap;
        if (flap == Flap.CutsBeforeItTakes) return Cut(client);
        if (flap == Flap.SaysNo) return await Say("503 Service Unavailable");
        if (flap == Flap.AnswersLate) await Late.WaitAsync(_stop.Token);
        Take(body, Header("content-encoding") == "gzip", Header("ce-subject"), Header("ce-id"));
        if (flap == Flap.CutsBehindWhatItTook) return Cut(client);
        if (flap == Flap.SaysNoAndTakesIt) return await Say("500 Internal Server Error");
        return await Say("202 Accepted", flap == Flap.AnswersTwice ? 2 : 1);

        async Task<bool> Say(string status, int times = 1)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n", times))), _stop.Token);
            return true;
        }
    }

    /// <summary>Ends a connection with a reset.</summary>
    private static bool Cut(TcpClient client)
    {
        client.LingerState = new LingerOption(true, 0);
        return false;
    }

    private void Take(byte[] body, bool packed, string? subject, string? id)
    {
        if (packed)
        {
            using var unpacked = new MemoryStream();
            using (var gzip = new GZipStream(new MemoryStream(body), CompressionMode.Decompress)) gzip.CopyTo(unpacked);
            body = unpacked.ToArray();
        }

        lock (_lock)
        {
            if (id is not null) _taken.Add((subject!, id));
            else foreach (CloudEvent e in CloudEvent.FromJsonBatch(body)!) _taken.Add((e.Subject!, e.Id));
        }
    }
}
