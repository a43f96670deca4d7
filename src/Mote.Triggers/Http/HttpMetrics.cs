// How long requests took, as OpenTelemetry's conventions for HTTP servers have it.
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace Mote.Triggers.Http;

/// <summary>The metric http.server.request.duration of a node. Its labels are bounded: methods that HTTP knows, routes of manifests, statuses.</summary>
public sealed class HttpMetrics
{
    /// <summary>The convention's own.</summary>
    private static readonly InstrumentAdvice<double> s_seconds = new() { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] };

    private static readonly string[] s_methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    private readonly Histogram<double> _duration;

    /// <summary>Measures to a meter.</summary>
    public HttpMetrics(Meter meter) => _duration = meter.CreateHistogram("http.server.request.duration", "s", "Time from a request's head to the end of its answer.", null, s_seconds);

    /// <summary>True where somebody listens.</summary>
    internal bool IsOn => _duration.Enabled;

    /// <summary>The method as a label: what HTTP does not know is the client's invention.</summary>
    internal static string MethodOf(string method) => s_methods.Contains(method) ? method : "_OTHER";

    /// <summary>A request is over.</summary>
    internal void Record(HttpExchange exchange, Exception? exception)
    {
        int status = exchange.Status;
        var tags = new TagList
        {
            { "http.request.method", MethodOf(exchange.Method) },
            { "http.response.status_code", status },
            { "url.scheme", exchange.Scheme },
            { "network.protocol.version", exchange.Protocol },
        };
        if (exchange.Route is { } route) tags.Add("http.route", route);
        if (exception is not null) tags.Add("error.type", exception.GetType().FullName);
        else if (status >= 500) tags.Add("error.type", status.ToString(CultureInfo.InvariantCulture));
        _duration.Record(Stopwatch.GetElapsedTime(exchange.Began).TotalSeconds, tags);
    }
}
