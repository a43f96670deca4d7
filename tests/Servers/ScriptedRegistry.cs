// A registry in the test's own process, which answers as the test says: wrongly, without end, or not at all.
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mote.Tests.Servers;

/// <summary>A request, and the connection that its answer goes into.</summary>
internal sealed record ScriptedRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body, Stream Connection)
{
    public string? Header(string name) => Headers.GetValueOrDefault(name.ToLowerInvariant());

    /// <summary>Answers with a status, lines of headers and a body; its length is said where the headers do not say one.</summary>
    public async Task Reply(int status, byte[] body, params string[] headers)
    {
        string length = headers.Any(h => h.StartsWith("Content-Length", StringComparison.OrdinalIgnoreCase) || h.StartsWith("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)) ? "" : $"Content-Length: {body.Length}\r\n";
        await Connection.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\n{length}Connection: close\r\n{string.Concat(headers.Select(h => $"{h}\r\n"))}\r\n"));
        await Connection.WriteAsync(body);
    }

    public Task Reply(int status, string body = "", params string[] headers) => Reply(status, Encoding.UTF8.GetBytes(body), headers);
}

internal sealed class ScriptedRegistry : IAsyncDisposable
{
    private const int MaxHead = 64 << 10;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<ScriptedRequest, Task> _answer;
    private readonly Task _loop;

    public ScriptedRegistry(Func<ScriptedRequest, Task> answer)
    {
        _answer = answer;
        _listener.Start();
        _loop = Task.Run(Accept);
    }

    /// <summary>One that has an artifact, named `models/m`; some requests may be answered in another way first.</summary>
    /// <param name="artifact">The artifact.</param>
    /// <param name="before">True where it has answered.</param>
    public static ScriptedRegistry With(Artifact artifact, Func<ScriptedRequest, Task<bool>>? before = null) => new(async r =>
    {
        if (before is not null && await before(r)) return;
        if (r.Path.StartsWith("/v2/models/m/manifests/", StringComparison.Ordinal)) await r.Reply(200, artifact.Manifest, $"Content-Type: {Artifact.ManifestType}");
        else if (artifact.Layers.FirstOrDefault(l => r.Path == $"/v2/models/m/blobs/{Artifact.DigestOf(l.Bytes)}") is { } layer) await r.Reply(200, layer.Bytes);
        else await r.Reply(404, """{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}""");
    });

    public string Host => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Method, path and Authorization of all requests, in their order.</summary>
    public ConcurrentQueue<(string Method, string Path, string? Authorization, string? Range)> Requests { get; } = new();

    /// <summary>What went wrong in the test's own answers.</summary>
    public ConcurrentQueue<Exception> Faults { get; } = new();

    /// <summary>For answers that wait: ends with the registry.</summary>
    public CancellationToken End => _end.Token;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _loop;
        _end.Dispose();
        Assert.Empty(Faults);
    }

    private async Task Accept()
    {
        var open = new List<Task>();
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_end.Token);
                open.Add(Task.Run(() => Serve(client))); // what an answer does must not hold up the next connection
            }
        }
        catch (Exception e) when (_end.IsCancellationRequested && e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            await Task.WhenAll(open);
        }
    }

    private async Task Serve(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                if (await Read(stream) is not { } request) return;
                Requests.Enqueue((request.Method, request.Path, request.Header("authorization"), request.Header("range")));
                await _answer(request);
                // The client has read it when it closes: closing first may cut what is on the way.
                client.Client.Shutdown(SocketShutdown.Send);
                while (await stream.ReadAsync(new byte[1024], _end.Token) > 0)
                {
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // It has gone, as clients do that have heard enough.
            }
            catch (Exception e)
            {
                Faults.Enqueue(e);
            }
        }
    }

    private async Task<ScriptedRequest?> Read(NetworkStream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (!head.TakeLast(4).SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (head.Count > MaxHead || await stream.ReadAsync(one, _end.Token) == 0) return null;
            head.Add(one[0]);
        }

        string[] lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        string[] first = lines[0].Split(' ');
        Dictionary<string, string> headers = lines.Skip(1).Select(l => l.Split(": ", 2)).GroupBy(p => p[0].ToLowerInvariant()).ToDictionary(g => g.Key, g => string.Join(", ", g.Select(p => p[^1])));
        var body = new byte[int.Parse(headers.GetValueOrDefault("content-length", "0"), System.Globalization.CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, _end.Token);
        return new ScriptedRequest(first[0], first[1], headers, Encoding.UTF8.GetString(body), stream);
    }
}
