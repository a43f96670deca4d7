// The HTTP side of the view. It answers pages of its own origin only: other sites that a browser has open can neither reach
// it under a name of theirs (DNS rebinding) nor connect to it with the cookie that the browser has.
using System.Net;
using System.Net.Security;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mote.Packaging;
using Mote.Packaging.Toml;

namespace Mote.Node.View;

/// <summary>Serves the page, sessions and the stream.</summary>
internal sealed class ViewServer : IAsyncDisposable
{
    /// <summary>What the page and the node say to each other; the page's key comes as a second protocol, since a browser sends no header of a page's own with a WebSocket.</summary>
    public const string Protocol = "mote-view.1", KeyPrefix = "key.", KeyHeader = "Mote-View-Key";

    private const int MostBodyBytes = 256;

    private readonly DeviceView _view;
    private readonly ServerCertificate? _certificate;
    private readonly WebApplication _app;
    private readonly HashSet<string> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private string _scheme = "http";
    private string _cookie = "";

    private ViewServer(DeviceView view, WebApplication app, ServerCertificate? certificate)
    {
        _view = view;
        _app = app;
        _certificate = certificate;
    }

    /// <summary>Where the page is.</summary>
    public Uri Url { get; private set; } = null!;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="ConfigException">The address is in use, or the certificate cannot be used.</exception>
    public static async Task<ViewServer> StartAsync(DeviceView view, ViewConfig config, (string Certificate, string Key)? tls, Action<string> log)
    {
        // On this device itself no certificate fits the name, and none is needed.
        ServerCertificate? certificate = !config.Remote ? null
            : tls is { } files ? new ServerCertificate(files.Certificate, files.Key, TimeProvider.System, log)
            : throw new ConfigException("node config", 0, "[view] with remote = true needs certificate and key under [http.tls]");
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore();
        if (certificate is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => Configure(k, config.Address, certificate));
        var server = new ViewServer(view, builder.Build(), certificate);
        try
        {
            server._app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.FromSeconds(15), KeepAliveTimeout = TimeSpan.FromSeconds(30) });
            server._app.Run(server.Answer);
            await server._app.StartAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            if (e is IOException or System.Net.Sockets.SocketException) throw new ConfigException("node config", 0, $"the view cannot listen on {config.Address} (`address` under [view]): {(e.InnerException ?? e).Message}");
            throw;
        }

        int port = new Uri(server._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
        server.Know(config, port);
        return server;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        await _app.StopAsync(patience.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        if (_certificate is not null) await _certificate.DisposeAsync().ConfigureAwait(false);
    }

    private static void Configure(KestrelServerOptions k, IPEndPoint address, ServerCertificate? certificate)
    {
        k.AddServerHeader = false;
        k.Limits.MaxRequestBodySize = MostBodyBytes;
        k.Limits.MaxConcurrentConnections = 64;
        k.Limits.MaxConcurrentUpgradedConnections = DeviceView.MostViewers + 1; // the one more is told that there is no place
        k.Limits.MaxRequestHeadersTotalSize = 16 << 10;
        k.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        k.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(30);
        k.Listen(address, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            if (certificate is not null)
            {
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions { ServerCertificateContext = certificate.Current, ApplicationProtocols = [SslApplicationProtocol.Http11] }),
                });
            }
        });
    }

    /// <summary>The names under which it is reached: its own, and those of this machine that no other machine can claim.</summary>
    private void Know(ViewConfig config, int port)
    {
        _scheme = config.Remote ? "https" : "http";
        string address = new IPEndPoint(config.Address.Address, port).ToString();
        foreach (string host in (string[])[address, $"127.0.0.1:{port}", $"[::1]:{port}", $"localhost:{port}", .. config.Host is null ? [] : (string[])[$"{config.Host}:{port}"]]) _hosts.Add(host);
        // A browser leaves out the port that its scheme has anyway.
        if (port == (config.Remote ? 443 : 80)) foreach (string host in _hosts.ToArray()) _hosts.Add(host[..host.LastIndexOf(':')]);
        Url = new Uri($"{_scheme}://{(config.Host is null ? address : $"{config.Host}:{port}")}/");
        // Browsers send a cookie to every port of a machine: each node has a name of its own for it.
        _cookie = $"mote-view-{port}";
    }

    private Task Answer(HttpContext http)
    {
        string host = http.Request.Host.Value ?? "";
        Head(http.Response, host);
        if (!_hosts.Contains(host)) return Say(http, StatusCodes.Status421MisdirectedRequest, $"this page is at {Url}\n");
        string path = http.Request.Path.Value ?? "";
        switch (path)
        {
            case "/session" when HttpMethods.IsPost(http.Request.Method):
                return Enter(http, host);
            case "/session" when HttpMethods.IsGet(http.Request.Method):
                return Say(http, Session(http, http.Request.Headers[KeyHeader]) is null ? StatusCodes.Status401Unauthorized : _view.HasRoom ? StatusCodes.Status204NoContent : StatusCodes.Status503ServiceUnavailable);
            case "/stream" when HttpMethods.IsGet(http.Request.Method):
                return Stream(http, host);
            case "/session" or "/stream":
                return Say(http, StatusCodes.Status405MethodNotAllowed);
        }

        if (ViewAsset.Find(path) is not { } file) return Say(http, StatusCodes.Status404NotFound);
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method)) return Say(http, StatusCodes.Status405MethodNotAllowed);
        http.Response.ContentType = file.Type;
        http.Response.ContentLength = file.Bytes.Length;
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.Body.WriteAsync(file.Bytes, http.RequestAborted).AsTask();
    }

    /// <summary>Nothing from elsewhere, nothing to elsewhere, nothing kept, and in no other page's frame.</summary>
    private void Head(HttpResponse response, string host)
    {
        string socket = _hosts.Contains(host) ? $" {(_scheme == "https" ? "wss" : "ws")}://{host}" : "";
        response.Headers.ContentSecurityPolicy = $"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{socket}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["Cross-Origin-Opener-Policy"] = "same-origin";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        if (_scheme == "https") response.Headers.StrictTransportSecurity = "max-age=31536000";
    }

    /// <summary>True where a page of this very origin asks: what browsers say of whoever asks cannot be made up by a page.</summary>
    private bool IsOwnPage(HttpContext http, string host) => string.Equals(http.Request.Headers.Origin, $"{_scheme}://{host}", StringComparison.OrdinalIgnoreCase);

    /// <summary>An invitation is traded for a session.</summary>
    private async Task Enter(HttpContext http, string host)
    {
        if (!IsOwnPage(http, host))
        {
            await Say(http, StatusCodes.Status403Forbidden, "only the page itself may ask for this\n").ConfigureAwait(false);
            return;
        }

        using var reader = new StreamReader(http.Request.Body, Encoding.Latin1);
        string token = await reader.ReadToEndAsync(http.RequestAborted).ConfigureAwait(false);
        if (_view.Access.Accept(token) is not { } session)
        {
            await Say(http, StatusCodes.Status403Forbidden, "this invitation is over, or was used: ask for another one with `mote view`\n").ConfigureAwait(false);
            return;
        }

        http.Response.Cookies.Append(_cookie, session.Cookie, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = _scheme == "https", Expires = session.Until });
        http.Response.ContentType = "application/json";
        await http.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(new ViewWelcome(session.PageKey, session.Until.ToUnixTimeMilliseconds()), ViewJson.Default.ViewWelcome), http.RequestAborted).ConfigureAwait(false);
    }

    private DateTimeOffset? Session(HttpContext http, string? key) => _view.Access.Check(http.Request.Cookies[_cookie], key);

    private async Task Stream(HttpContext http, string host)
    {
        string? key = http.WebSockets.WebSocketRequestedProtocols.FirstOrDefault(p => p.StartsWith(KeyPrefix, StringComparison.Ordinal))?[KeyPrefix.Length..];
        DateTimeOffset? until = Session(http, key);
        (int status, string why) = !http.WebSockets.IsWebSocketRequest || !http.WebSockets.WebSocketRequestedProtocols.Contains(Protocol) ? (StatusCodes.Status400BadRequest, $"this is a WebSocket with the protocol {Protocol}\n")
            : !IsOwnPage(http, host) ? (StatusCodes.Status403Forbidden, "only the page itself may ask for this\n")
            : until is null ? (StatusCodes.Status401Unauthorized, "there is no session: ask for an invitation with `mote view`\n")
            : !_view.HasRoom ? (StatusCodes.Status503ServiceUnavailable, $"{DeviceView.MostViewers} pages are looked at already\n")
            : (StatusCodes.Status101SwitchingProtocols, "");
        if (status != StatusCodes.Status101SwitchingProtocols)
        {
            await Say(http, status, why).ConfigureAwait(false);
            return;
        }

        using WebSocket socket = await http.WebSockets.AcceptWebSocketAsync(Protocol).ConfigureAwait(false);
        await _view.ShowAsync(socket, http.Connection.RemoteIpAddress?.ToString() ?? "an unknown address", until!.Value).ConfigureAwait(false);
    }

    private static Task Say(HttpContext http, int status, string text = "")
    {
        http.Response.StatusCode = status;
        if (text.Length == 0) return Task.CompletedTask;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync(text, http.RequestAborted);
    }
}
