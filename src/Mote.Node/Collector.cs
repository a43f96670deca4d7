// Takes CloudEvents over HTTP, stores each once as a line of JSON, and tells whoever watches. The other end of an
// upstream, for a demo, a test or a small installation.
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mote.DataPlane;

namespace Mote.Node;

/// <summary>Counts of a collector.</summary>
/// <param name="Stored">Events stored.</param>
/// <param name="Bytes">Their data.</param>
/// <param name="Repeated">Events that came again and were not stored again.</param>
/// <param name="Refused">Requests that were no CloudEvents.</param>
public readonly record struct CollectorCounts(long Stored, long Bytes, long Repeated, long Refused);

/// <summary>An HTTP server that stores CloudEvents.</summary>
public sealed class Collector : IAsyncDisposable
{
    /// <summary>Largest event, in bytes.</summary>
    public const int MaxEventBytes = 16 << 20;

    /// <summary>How many of the last events are known by their ids; one that comes again after more than that is stored again.</summary>
    public const int RememberedIds = 100_000;

    private readonly WebApplication _app;
    private readonly FileStream? _file;
    private readonly Action<CloudEvent>? _watch;
    private readonly HashSet<(string Source, string Id)> _known = [];
    private readonly Queue<(string Source, string Id)> _order = new();
    private readonly Lock _lock = new();
    private long _stored;
    private long _bytes;
    private long _repeated;
    private long _refused;

    private Collector(WebApplication app, FileStream? file, Action<CloudEvent>? watch)
    {
        _app = app;
        _file = file;
        _watch = watch;
    }

    /// <summary>Where it takes events.</summary>
    public Uri Url { get; private set; } = null!;

    /// <summary>Counts so far.</summary>
    public CollectorCounts Counts
    {
        get
        {
            lock (_lock) return new CollectorCounts(_stored, _bytes, _repeated, _refused);
        }
    }

    /// <summary>Starts to listen; port 0 lets the system choose.</summary>
    /// <param name="listen">Address and port.</param>
    /// <param name="file">Events are added to this file, one JSON object a line; null keeps none.</param>
    /// <param name="watch">Told of each event that is new.</param>
    /// <exception cref="IOException">The address is in use or the file cannot be written.</exception>
    public static async Task<Collector> StartAsync(IPEndPoint listen, string? file, Action<CloudEvent>? watch)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(o =>
        {
            o.Listen(listen, l => l.Protocols = HttpProtocols.Http1);
            o.Limits.MaxRequestBodySize = MaxEventBytes;
            o.AddServerHeader = false;
        });
        WebApplication app = builder.Build();
        FileStream? stream = null;
        try
        {
            if (file is not null)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
                stream = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.Read);
            }

            var collector = new Collector(app, stream, watch);
            app.Run(collector.Take);
            await app.StartAsync().ConfigureAwait(false);
            string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            collector.Url = new Uri(address);
            return collector;
        }
        catch
        {
            if (stream is not null) await stream.DisposeAsync().ConfigureAwait(false);
            await app.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync().ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        if (_file is not null) await _file.DisposeAsync().ConfigureAwait(false);
    }

    private async Task Take(HttpContext http)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            http.Response.Headers.Allow = "POST";
            return;
        }

        using var body = new MemoryStream((int)Math.Min(http.Request.ContentLength ?? 0, MaxEventBytes));
        try
        {
            await http.Request.Body.CopyToAsync(body, http.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is Microsoft.AspNetCore.Http.BadHttpRequestException or OperationCanceledException or IOException)
        {
            http.Response.StatusCode = e is Microsoft.AspNetCore.Http.BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status400BadRequest;
            return;
        }

        if (CloudEvent.FromHeaders(name => http.Request.Headers.TryGetValue(name, out var v) ? (string?)v : null, http.Request.ContentType, body.ToArray()) is not { } e2)
        {
            lock (_lock) _refused++;
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            await http.Response.WriteAsync("a CloudEvent 1.0 in binary content mode is needed: headers ce-specversion, ce-id, ce-source, ce-type\n", http.RequestAborted).ConfigureAwait(false);
            return;
        }

        try
        {
            if (Store(e2)) _watch?.Invoke(e2);
            http.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        catch (IOException)
        {
            // Not stored, so not taken: the sender keeps it.
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
    }

    /// <summary>Stores an event that is new. The line is with the operating system before the sender is told.</summary>
    private bool Store(CloudEvent e)
    {
        lock (_lock)
        {
            if (_known.Contains((e.Source, e.Id)))
            {
                _repeated++;
                return false;
            }

            if (_file is not null)
            {
                _file.Write(e.ToJson());
                _file.WriteByte((byte)'\n');
                _file.Flush();
            }

            _known.Add((e.Source, e.Id));
            _order.Enqueue((e.Source, e.Id));
            if (_order.Count > RememberedIds) _known.Remove(_order.Dequeue());
            _stored++;
            _bytes += e.Data.Length;
            return true;
        }
    }
}
