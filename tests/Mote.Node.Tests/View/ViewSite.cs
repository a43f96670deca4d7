// A node whose camera is a folder of small pictures, and pages of its view as a browser would have them.
using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mote.Node.View;

namespace Mote.Node.Tests.View;

internal sealed class ViewSite : CameraSite
{
    /// <summary>The component sends each picture to `out`, or does what its first pixel says (<see cref="Handler"/>): 'd' sends it to `secret`.</summary>
    public const string App = """
        mote = 1
        [app]
        name = "test"
        [[trigger.camera]]
        camera = "line-1"
        component = "handler"
        size = "16x8"
        [component.handler]
        source = "handler.wasm"
        instance = "pooled"
        [component.handler.grants]
        camera = ["line-1"]
        publish = ["out"]
        view = ["secret"]
        [component.handler.limits]
        memory = "64MiB"
        egress = "100MiB/h"
        """;

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Pictures of one value each, none of which is a command of the component's.</summary>
    public void MakePictures(int count)
    {
        for (int i = 0; i < count; i++) Picture(i, Value(i));
    }

    /// <summary>node.toml with this, a view and the folder as camera.</summary>
    public void Use(string toml = "", string view = "[view]\naddress = \"127.0.0.1:0\"", string camera = "[cameras]\nline-1 = { source = \"pictures {1} [a]*\", rate = 200, loop = true }") => Configure($"{view}\n{camera}\n{toml}\n");

    public Task<EdgeNode> Start(string manifest = App) => Site.Start(manifest);

    /// <summary>An address that lets in, as `mote view` gets it.</summary>
    public async Task<Uri> Invite()
    {
        (ViewInvitation? invitation, bool runs) = await ControlClient.InviteAsync(Site.Config.DataFolder, Client.Patience, Token);
        Assert.True(runs);
        return new Uri(invitation!.Url);
    }

    /// <summary>A page that is let in, and looks.</summary>
    public async Task<Page> Look(params int[] cameras)
    {
        Page page = await Page.Enter(await Invite());
        await page.Connect();
        await page.Ask($"{{\"watch\":[{string.Join(',', cameras)}]}}");
        return page;
    }
}

/// <summary>A picture as a page gets it.</summary>
internal sealed record SeenPicture(int Camera, int Width, int Height, int Stride, long Sequence, long Time, string Format, byte[] Pixels);

/// <summary>A page of the view.</summary>
internal sealed class Page : IDisposable
{
    private readonly Uri _at;
    private readonly string _cookie, _key;
    private readonly ClientWebSocket _socket = new();

    private Page(Uri at, string cookie, string key)
    {
        _at = at;
        _cookie = cookie;
        _key = key;
    }

    public string Cookie => _cookie;

    public string Key => _key;

    /// <summary>An answer to a request with these headers.</summary>
    public static async Task<(HttpResponseMessage Answer, string Text)> Send(HttpMethod method, Uri url, string? body = null, params (string Name, string Value)[] headers)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false, SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
        var request = new HttpRequestMessage(method, url) { Content = body is null ? null : new StringContent(body) };
        foreach ((string name, string value) in headers)
        {
            if (name == "Host") request.Headers.Host = value;
            else request.Headers.TryAddWithoutValidation(name, value);
        }

        HttpResponseMessage answer = await http.SendAsync(request, ViewSite.Token);
        return (answer, await answer.Content.ReadAsStringAsync(ViewSite.Token));
    }

    public static string Origin(Uri url) => url.GetLeftPart(UriPartial.Authority);

    /// <summary>Trades an invitation for a session.</summary>
    public static async Task<Page> Enter(Uri invitation)
    {
        (HttpResponseMessage answer, string text) = await Send(HttpMethod.Post, new Uri(invitation, "/session"), invitation.Fragment[1..], ("Origin", Origin(invitation)));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return new Page(invitation, answer.Headers.GetValues("Set-Cookie").Single().Split(';')[0], (string)JsonNode.Parse(text)!["key"]!);
    }

    /// <summary>Opens the stream; the status that it is refused with is in the exception.</summary>
    public Task Connect(string? origin = null, string? cookie = null, string? key = null)
    {
        _socket.Options.CollectHttpResponseDetails = true;
        _socket.Options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        _socket.Options.SetRequestHeader("Origin", origin ?? Origin(_at));
        _socket.Options.SetRequestHeader("Cookie", cookie ?? _cookie);
        _socket.Options.AddSubProtocol("mote-view.1");
        _socket.Options.AddSubProtocol($"key.{key ?? _key}");
        return _socket.ConnectAsync(new UriBuilder(_at) { Scheme = _at.Scheme == "https" ? "wss" : "ws", Path = "/stream", Fragment = "" }.Uri, ViewSite.Token);
    }

    /// <summary>What the stream is refused with.</summary>
    public async Task<HttpStatusCode> Refused(string? origin = null, string? cookie = null, string? key = null)
    {
        await Assert.ThrowsAsync<WebSocketException>(() => Connect(origin, cookie, key));
        return _socket.HttpStatusCode;
    }

    public Task Ask(string json) => _socket.SendAsync(Encoding.UTF8.GetBytes(json), WebSocketMessageType.Text, true, ViewSite.Token);

    /// <summary>The next line or picture; null where the stream is over.</summary>
    public async Task<(JsonNode? Line, SeenPicture? Picture)?> Next()
    {
        using var whole = new MemoryStream();
        var buffer = new byte[64 << 10];
        while (true)
        {
            ValueWebSocketReceiveResult got = await _socket.ReceiveAsync(buffer.AsMemory(), ViewSite.Token).AsTask().WaitAsync(Client.Patience, ViewSite.Token);
            if (got.MessageType == WebSocketMessageType.Close) return null;
            whole.Write(buffer, 0, got.Count);
            if (!got.EndOfMessage) continue;
            byte[] all = whole.ToArray();
            if (got.MessageType == WebSocketMessageType.Text) return (JsonNode.Parse(all), null);
            Assert.Equal(1, all[0]);
            return (null, new SeenPicture(
                BitConverter.ToUInt16(all, 2), BitConverter.ToInt32(all, 4), BitConverter.ToInt32(all, 8), BitConverter.ToInt32(all, 12), BitConverter.ToInt64(all, 16), BitConverter.ToInt64(all, 24), Encoding.ASCII.GetString(all, 32, 16).TrimEnd('\0'), all[48..]));
        }
    }

    public WebSocketCloseStatus? CloseStatus => _socket.CloseStatus;

    public async Task<SeenPicture> NextPicture()
    {
        while (await Next() is { } got)
        {
            if (got.Picture is { } picture) return picture;
        }

        throw new IOException("the stream is over");
    }

    /// <summary>The next line of a type that is as wanted.</summary>
    public async Task<JsonNode> NextLine(string type, Func<JsonNode, bool>? wanted = null)
    {
        while (await Next() is { } got)
        {
            if (got.Line is { } line && (string?)line["type"] == type && wanted?.Invoke(line) != false) return line;
        }

        throw new IOException("the stream is over");
    }

    public void Dispose()
    {
        _socket.Abort();
        _socket.Dispose();
    }
}
