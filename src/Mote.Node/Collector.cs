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

        byte[] body;
        try
        {
            body = await Body(http).ConfigureAwait(false);
        }
        catch (Exception e) when (e is Microsoft.AspNetCore.Http.BadHttpRequestException or OperationCanceledException or IOException or InvalidDataException)
        {
            http.Response.StatusCode = e is Microsoft.AspNetCore.Http.BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status400BadRequest;
            return;
        }

        bool isBatch = http.Request.ContentType?.StartsWith("application/cloudevents-batch+json", StringComparison.OrdinalIgnoreCase) == true;
        IReadOnlyList<CloudEvent>? events = isBatch ? CloudEvent.FromJsonBatch(body)
            : CloudEvent.FromHeaders(name => http.Request.Headers.TryGetValue(name, out var v) ? (string?)v : null, http.Request.ContentType, body) is { } single ? [single] : null;
        if (events is null)
        {
            lock (_lock) _refused++;
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            await http.Response.WriteAsync(isBatch ? "a JSON array of CloudEvents 1.0 is needed\n" : "a CloudEvent 1.0 in binary content mode is needed: headers ce-specversion, ce-id, ce-source, ce-type\n", http.RequestAborted).ConfigureAwait(false);
            return;
        }

        try
        {
            foreach (CloudEvent e in events)
            {
                if (Store(e)) _watch?.Invoke(e);
            }

            http.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        catch (IOException)
        {
            // Not all stored, so not taken: the sender keeps them, and those that are stored are known when they come again.
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
    }

    /// <summary>The body, unpacked where it is packed: what it unpacks to has the same bound.</summary>
    private static async Task<byte[]> Body(HttpContext http)
    {
        using var body = new MemoryStream((int)Math.Min(http.Request.ContentLength ?? 0, MaxEventBytes));
        if (http.Request.Headers.ContentEncoding != "gzip")
        {
            await http.Request.Body.CopyToAsync(body, http.RequestAborted).ConfigureAwait(false);
            return body.ToArray();
        }

        using var gzip = new System.IO.Compression.GZipStream(http.Request.Body, System.IO.Compression.CompressionMode.Decompress);
        byte[] buffer = new byte[64 * 1024];
        for (int n; (n = await gzip.ReadAsync(buffer, http.RequestAborted).ConfigureAwait(false)) > 0;)
        {
            if (body.Length + n > MaxEventBytes) throw new Microsoft.AspNetCore.Http.BadHttpRequestException("larger than is taken", StatusCodes.Status413PayloadTooLarge);
            body.Write(buffer, 0, n);
        }

        return body.ToArray();
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
