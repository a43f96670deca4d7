// The HTTP server: Kestrel, without the layers above it that a request would only pass through.
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace Mote.Triggers.Http;

/// <summary>The server cannot listen where it should.</summary>
public sealed class HttpListenException(string message) : Exception(message);

/// <summary>Takes requests and gives them to those who answer.</summary>
public sealed class HttpServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly IServer _server;
    private readonly Application _application;
    private volatile bool _stopped;

    private HttpServer(WebApplication app, Application application)
    {
        _app = app;
        _server = app.Services.GetRequiredService<IServer>();
        _application = application;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; private set; } = null!;

    /// <summary>http or https.</summary>
    public string Scheme { get; private set; } = "http";

    /// <summary>Requests for which there was no route.</summary>
    public long NotFound => _application.NotFound;

    /// <summary>Who answers which path. Requests that are in work are not touched by a change.</summary>
    public HttpRoutes<IHttpTarget> Routes
    {
        get => _application.Routes;
        set => _application.Routes = value;
    }

    /// <summary>Starts to listen.</summary>
    /// <exception cref="HttpListenException">It cannot.</exception>
    public static async Task<HttpServer> StartAsync(HttpOptions options, HttpRoutes<IHttpTarget> routes)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        if (options.Certificate is not null) builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(k => Configure(k, options));
        var server = new HttpServer(builder.Build(), new Application(routes, options.Metrics)) { Scheme = options.Certificate is null ? "http" : "https" };
        try
        {
            await server._server.StartAsync(server._application, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or InvalidOperationException)
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw new HttpListenException($"cannot listen for HTTP on {options.Listen}: {(e.InnerException ?? e).Message}");
        }

        var address = new Uri(server._server.Features.Get<IServerAddressesFeature>()!.Addresses.First());
        server.EndPoint = new IPEndPoint(options.Listen.Address, address.Port);
        return server;
    }

    /// <summary>Takes no new connections and requests, and waits for those in work, at most this long.</summary>
    public async Task StopAsync(TimeSpan atMost)
    {
        if (_stopped) return;
        _stopped = true;
        using var end = new CancellationTokenSource(atMost);
        await _server.StopAsync(end.Token).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    private static void Configure(KestrelServerOptions k, HttpOptions options)
    {
        k.AddServerHeader = false;
        k.AllowSynchronousIO = false;
        // Values of headers are bytes: one letter for each, both ways.
        k.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
        k.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
        k.Limits.MaxConcurrentConnections = options.MaxConnections;
        k.Limits.MaxRequestHeaderCount = options.MaxHeaders;
        k.Limits.MaxRequestHeadersTotalSize = options.MaxHeaderBytes;
        k.Limits.MaxRequestLineSize = options.MaxRequestLine;
        k.Limits.MaxRequestBodySize = options.MaxBody;
        k.Limits.RequestHeadersTimeout = options.HeadersTimeout;
        k.Limits.KeepAliveTimeout = options.KeepAlive;
        k.Limits.MinRequestBodyDataRate = new MinDataRate(options.MinBodyRate, options.BodyGrace);
        k.Limits.MinResponseDataRate = new MinDataRate(options.MinBodyRate, options.BodyGrace);
        k.Listen(options.Listen, listen =>
        {
            listen.Protocols = options.Certificate is null ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;
            if (options.Certificate is { } certificate) listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(Tls(certificate())) });
        });
    }

    private static SslServerAuthenticationOptions Tls(SslStreamCertificateContext certificate) => new()
    {
        ServerCertificateContext = certificate,
        ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
    };

    private sealed class Application(HttpRoutes<IHttpTarget> routes, HttpMetrics? metrics) : IHttpApplication<HttpExchange>
    {
        private HttpRoutes<IHttpTarget> _routes = routes;
        private long _notFound;

        public HttpRoutes<IHttpTarget> Routes
        {
            get => Volatile.Read(ref _routes);
            set => Volatile.Write(ref _routes, value);
        }

        public long NotFound => Volatile.Read(ref _notFound);

        public HttpExchange CreateContext(IFeatureCollection contextFeatures) => new(contextFeatures) { Began = Stopwatch.GetTimestamp() };

        public Task ProcessRequestAsync(HttpExchange context)
        {
            if (Routes.Find(context.Path) is { } route)
            {
                context.Route = route.Pattern;
                return route.Target.Answer(context);
            }

            Interlocked.Increment(ref _notFound);
            context.Refuse(404, "there is no route for this path\n");
            return Task.CompletedTask;
        }

        public void DisposeContext(HttpExchange context, Exception? exception)
        {
            // Everything of an exchange ends with its request.
            if (metrics is { IsOn: true }) metrics.Record(context, exception);
        }
    }
}
