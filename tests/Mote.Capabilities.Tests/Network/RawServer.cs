// A server that answers exactly the bytes that a test says, and counts who connects.
using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Mote.Capabilities.Tests.Network;

/// <summary>One request as it came.</summary>
/// <param name="Line">The request line.</param>
/// <param name="Headers">The header lines.</param>
/// <param name="Body">The body, chunks put together.</param>
internal sealed record RawRequest(string Line, string[] Headers, byte[] Body)
{
    public string? Header(string name) => Headers.FirstOrDefault(h => h.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();
}

internal sealed class RawServer : IDisposable
{
    private readonly TcpListener _listener;
    private readonly Func<RawRequest, Stream, Task> _answer;
    private readonly X509Certificate2? _certificate;
    private readonly ConcurrentBag<TcpClient> _clients = [];
    private int _connections;

    public RawServer(Func<RawRequest, Stream, Task> answer, string address = "127.0.0.1", X509Certificate2? certificate = null)
    {
        _answer = answer;
        _certificate = certificate;
        _listener = new TcpListener(IPAddress.Parse(address), 0);
        _listener.Start();
        _ = Accept();
    }

    /// <summary>A server with one answer for everything.</summary>
    public RawServer(string answer)
        : this((_, s) => s.WriteAsync(Encoding.Latin1.GetBytes(answer)).AsTask())
    {
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Authority => $"127.0.0.1:{Port}";

    public int Connections => Volatile.Read(ref _connections);

    public ConcurrentQueue<RawRequest> Requests { get; } = new();

    /// <summary>Ends when a client that was there has gone.</summary>
    public SemaphoreSlim Gone { get; } = new(0);

    public static string Ok(string body, string headers = "") => $"HTTP/1.1 200 OK\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n{headers}\r\n{body}";

    public void Dispose()
    {
        _listener.Stop();
        foreach (TcpClient c in _clients) c.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync();
                Interlocked.Increment(ref _connections);
                _clients.Add(client);
                _ = Serve(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task Serve(TcpClient client)
    {
        try
        {
            using (client)
            {
                Stream stream = client.GetStream();
                if (_certificate is not null)
                {
                    var tls = new SslStream(stream);
                    await tls.AuthenticateAsServerAsync(_certificate);
                    stream = tls;
                }

                while (await Read(stream) is { } request)
                {
                    Requests.Enqueue(request);
                    await _answer(request, stream);
                }
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or System.Security.Authentication.AuthenticationException)
        {
            // The client has gone.
        }
        finally
        {
            Gone.Release();
        }
    }

    private static async Task<RawRequest?> Read(Stream stream)
    {
        var lines = new List<string>();
        for (string line; (line = await Line(stream)).Length > 0;) lines.Add(line);
        if (lines.Count == 0) return null;
        var request = new RawRequest(lines[0], [.. lines.Skip(1)], []);
        if (request.Header("Content-Length") is { } length)
        {
            var body = new byte[int.Parse(length, System.Globalization.CultureInfo.InvariantCulture)];
            await stream.ReadExactlyAsync(body);
            return request with { Body = body };
        }

        if (request.Header("Transfer-Encoding") is null) return request;
        var chunks = new MemoryStream();
        while (true)
        {
            int size = Convert.ToInt32(await Line(stream), 16);
            var chunk = new byte[size];
            await stream.ReadExactlyAsync(chunk);
            chunks.Write(chunk);
            if (await Line(stream) != "") throw new IOException("a chunk does not end");
            if (size == 0) return request with { Body = chunks.ToArray() };
        }
    }

    private static async Task<string> Line(Stream stream)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await stream.ReadAsync(one) == 1)
        {
            if (one[0] == '\n') return line.ToString().TrimEnd('\r');
            line.Append((char)one[0]);
        }

        return "";
    }
}
