// GET /metrics for a Prometheus server, on a listener of the operator's own: never on the one that apps answer on.
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mote.Node.Telemetry;

internal sealed class MetricsServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly PrometheusMetrics _metrics;

    private MetricsServer(WebApplication app, PrometheusMetrics metrics)
    {
        _app = app;
        _metrics = metrics;
    }

    /// <summary>Where it listens.</summary>
    public Uri Url { get; private set; } = null!;

    /// <summary>Starts to listen.</summary>
    /// <param name="listen">Address and port; port 0 lets the system choose.</param>
    /// <param name="scope">Of the node's meter.</param>
    /// <exception cref="IOException">The address is in use.</exception>
    public static async Task<MetricsServer> StartAsync(IPEndPoint listen, object scope)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(o =>
        {
            o.Listen(listen, l => l.Protocols = HttpProtocols.Http1);
            o.Limits.MaxRequestBodySize = 0;
            o.Limits.MaxConcurrentConnections = 64;
            o.AddServerHeader = false;
        });
        var metrics = new PrometheusMetrics(scope);
        var server = new MetricsServer(builder.Build(), metrics);
        try
        {
            server._app.Run(server.Answer);
            await server._app.StartAsync().ConfigureAwait(false);
            server.Url = new Uri(server._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _metrics.Dispose();
    }

    private Task Answer(HttpContext http)
    {
        if (http.Request.Path != "/metrics")
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        if (!HttpMethods.IsGet(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            http.Response.Headers.Allow = "GET";
            return Task.CompletedTask;
        }

        http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return http.Response.WriteAsync(_metrics.Write(), http.RequestAborted);
    }
}
