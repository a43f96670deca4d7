// How a node listens for HTTP, and what it takes from clients.
using System.Net;
using System.Net.Security;

namespace Mote.Triggers.Http;

/// <summary>The HTTP side of a node. Every limit is one of a single connection or request, but for the connections themselves.</summary>
public sealed record HttpOptions
{
    /// <summary>Where it listens; port 0 lets the system choose.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>The certificate with its key, asked for at each new connection; null is no TLS. With TLS, clients may speak HTTP/2.</summary>
    public Func<SslStreamCertificateContext>? Certificate { get; init; }

    /// <summary>Told how long requests took; null for nobody.</summary>
    public HttpMetrics? Metrics { get; init; }

    /// <summary>Most connections at once.</summary>
    public int MaxConnections { get; init; } = 20_000;

    /// <summary>Most headers of a request.</summary>
    public int MaxHeaders { get; init; } = 100;

    /// <summary>Most bytes of a request's headers together.</summary>
    public int MaxHeaderBytes { get; init; } = 32 * 1024;

    /// <summary>Most bytes of a request's line.</summary>
    public int MaxRequestLine { get; init; } = 8 * 1024;

    /// <summary>Most bytes of a request's body.</summary>
    public long MaxBody { get; init; } = 1L << 30;

    /// <summary>How long the headers of a request may take.</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Fewest bytes of a body a second, both ways, while somebody waits for them; a client that is slower for <see cref="BodyGrace"/> is let go of.</summary>
    public double MinBodyRate { get; init; } = 240;

    /// <summary>How long a body may be slower than <see cref="MinBodyRate"/>.</summary>
    public TimeSpan BodyGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection may wait for its next request.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(60);
}
