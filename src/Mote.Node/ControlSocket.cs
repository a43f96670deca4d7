// A socket in the data folder that says what the node does, and lets look at its cameras, whoever may use the folder: HTTP
// with two resources, by hand, because a second server of the framework's would cost an idle node more memory than the answer is worth.
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mote.Node.View;
using Mote.Packaging.Toml;

namespace Mote.Node;

/// <summary>Answers GET /v1/apps and POST /v1/view on DATA/control.sock, one connection at a time.</summary>
internal sealed class ControlSocket : IAsyncDisposable
{
    /// <summary>What is asked has no body and few headers.</summary>
    private const int MaxRequest = 4096;

    /// <summary>A client that takes longer is in the way of the next one.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly Socket _socket;
    private readonly string _path;
    private readonly Func<NodeStatus> _status;
    private readonly Func<ViewInvitation?> _invite;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _loop;

    private ControlSocket(Socket socket, string path, Func<NodeStatus> status, Func<ViewInvitation?> invite)
    {
        _invite = invite;
        _socket = socket;
        _path = path;
        _status = status;
        _loop = Loop();
    }

    /// <summary>Listens.</summary>
    /// <param name="folder">The data folder, which this process holds: what is left there of an earlier one is in nobody's use.</param>
    /// <param name="status">What it answers.</param>
    /// <param name="invite">Lets somebody in to the view, once; null where there is none.</param>
    /// <param name="log">Told where it cannot: a node does its work without it.</param>
    public static ControlSocket? Open(DataFolder folder, Func<NodeStatus> status, Func<ViewInvitation?> invite, Action<string> log)
    {
        Socket? socket = null;
        try
        {
            File.Delete(folder.Control);
            socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(new UnixDomainSocketEndPoint(folder.Control));
            // Before it listens, so that nobody else gets in between.
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder.Control, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            socket.Listen(8);
            return new ControlSocket(socket, folder.Control, status, invite);
        }
        catch (Exception e) when (e is ArgumentException or SocketException or IOException or UnauthorizedAccessException)
        {
            socket?.Dispose();
            log($"{folder.Control}: cannot listen, so `mote apps` will not find this node, nor `mote view` (a shorter data folder may help): {e.Message}");
            return null;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
        await _loop.ConfigureAwait(false);
        _end.Dispose();
        try
        {
            File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next node on this folder takes it away.
        }
    }

    private async Task Loop()
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                using Socket client = await _socket.AcceptAsync(_end.Token).ConfigureAwait(false);
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
                patience.CancelAfter(s_patience);
                await Answer(client, patience.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                // This client was too slow, or the node ends.
            }
            catch (SocketException)
            {
                // The client went away, or there is no file descriptor for it just now: not again at once.
                await Task.Delay(10).ConfigureAwait(false);
            }
        }
    }

    private async Task Answer(Socket client, CancellationToken token)
    {
        byte[] request = new byte[MaxRequest];
        int length = 0, end;
        while ((end = request.AsSpan(0, length).IndexOf("\r\n\r\n"u8)) < 0 && length < MaxRequest)
        {
            int n = await client.ReceiveAsync(request.AsMemory(length), token).ConfigureAwait(false);
            if (n == 0) return;
            length += n;
        }

        (string status, byte[] body) = end < 0 ? ("431 Request Header Fields Too Large", Array.Empty<byte>()) : Respond(request.AsSpan(0, end));
        string head = $"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n";
        await Send(client, Encoding.ASCII.GetBytes(head), token).ConfigureAwait(false);
        await Send(client, body, token).ConfigureAwait(false);
        client.Shutdown(SocketShutdown.Send);
    }

    private (string Status, byte[] Body) Respond(ReadOnlySpan<byte> head)
    {
        int lineEnd = head.IndexOf("\r\n"u8);
        ReadOnlySpan<byte> line = lineEnd < 0 ? head : head[..lineEnd];
        int space = line.IndexOf((byte)' '), last = line.LastIndexOf((byte)' ');
        if (space <= 0 || last == space || !line[(last + 1)..].StartsWith("HTTP/1."u8)) return ("400 Bad Request", []);
        ReadOnlySpan<byte> method = line[..space], path = line[(space + 1)..last];
        if (path.SequenceEqual("/v1/view"u8))
        {
            if (!method.SequenceEqual("POST"u8)) return ("405 Method Not Allowed", []);
            return _invite() is { } invitation ? ("200 OK", JsonSerializer.SerializeToUtf8Bytes(invitation, StatusJson.Default.ViewInvitation)) : ("409 Conflict", []);
        }

        if (!path.SequenceEqual("/v1/apps"u8)) return ("404 Not Found", []);
        if (!method.SequenceEqual("GET"u8)) return ("405 Method Not Allowed", []);
        return ("200 OK", JsonSerializer.SerializeToUtf8Bytes(_status(), StatusJson.Default.NodeStatus));
    }

    private static async Task Send(Socket client, ReadOnlyMemory<byte> data, CancellationToken token)
    {
        while (!data.IsEmpty) data = data[await client.SendAsync(data, token).ConfigureAwait(false)..];
    }
}

/// <summary>Asks a node that runs, by its data folder.</summary>
public static class ControlClient
{
    /// <summary>No node has more to say.</summary>
    private const int MaxAnswer = 64 << 20;

    /// <summary>What the node of a data folder does; null where none runs on it.</summary>
    /// <exception cref="ConfigException">The folder's path is too long for a socket, or belongs to somebody else.</exception>
    /// <exception cref="IOException">It runs, and does not answer.</exception>
    public static async Task<NodeStatus?> AskAsync(string folder, TimeSpan atMost, CancellationToken token = default)
    {
        (HttpStatusCode Status, byte[] Body)? answer = await AskAsync(folder, HttpMethod.Get, "/v1/apps", atMost, token).ConfigureAwait(false);
        return answer is { } a ? Read(folder, a.Status, a.Body, StatusJson.Default.NodeStatus) : null;
    }

    /// <summary>Lets somebody in to the view of the node of a data folder, once; its invitation is null where the node has no view, and the whole where none runs on it.</summary>
    /// <exception cref="ConfigException">The folder's path is too long for a socket, or belongs to somebody else.</exception>
    /// <exception cref="IOException">It runs, and does not answer.</exception>
    public static async Task<(ViewInvitation? Invitation, bool Runs)> InviteAsync(string folder, TimeSpan atMost, CancellationToken token = default)
    {
        (HttpStatusCode Status, byte[] Body)? answer = await AskAsync(folder, HttpMethod.Post, "/v1/view", atMost, token).ConfigureAwait(false);
        // 404: a node of a version without a view.
        return answer is not { } a ? (null, false) : a.Status is HttpStatusCode.Conflict or HttpStatusCode.NotFound ? (null, true) : (Read(folder, a.Status, a.Body, StatusJson.Default.ViewInvitation), true);
    }

    private static T Read<T>(string folder, HttpStatusCode status, byte[] body, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            if (status != HttpStatusCode.OK) throw new JsonException($"it answers {(int)status}");
            return JsonSerializer.Deserialize(body, type) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new IOException($"{DataFolder.ControlOf(folder)}: the node does not answer as it should: {e.Message}", e);
        }
    }

    /// <returns>Its answer; null where none runs.</returns>
    private static async Task<(HttpStatusCode Status, byte[] Body)?> AskAsync(string folder, HttpMethod method, string resource, TimeSpan atMost, CancellationToken token)
    {
        string path = DataFolder.ControlOf(folder);
        UnixDomainSocketEndPoint endpoint;
        try
        {
            endpoint = new UnixDomainSocketEndPoint(path);
        }
        catch (ArgumentException)
        {
            throw new ConfigException(folder, 0, "the path of the data folder is too long for a socket in it: such a node cannot be asked");
        }

        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, stop) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(endpoint, stop).ConfigureAwait(false);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
            UseProxy = false,
        };
        using var client = new HttpClient(handler) { Timeout = atMost, MaxResponseContentBufferSize = MaxAnswer };
        try
        {
            using var request = new HttpRequestMessage(method, new Uri($"http://localhost{resource}"));
            using HttpResponseMessage answer = await client.SendAsync(request, token).ConfigureAwait(false);
            return (answer.StatusCode, await answer.Content.ReadAsByteArrayAsync(token).ConfigureAwait(false));
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.AddressNotAvailable or SocketError.ConnectionRefused or SocketError.HostNotFound } || !File.Exists(path))
        {
            return null;
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.AccessDenied })
        {
            throw new ConfigException(folder, 0, "the node of this data folder is another user's: ask as that user");
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !token.IsCancellationRequested))
        {
            throw new IOException($"{path}: the node does not answer as it should: {(e is OperationCanceledException ? $"nothing came within {atMost.TotalSeconds:0.#} s" : e.Message)}", e);
        }
    }
}
