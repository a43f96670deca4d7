// An address and a port to listen on, as configuration files have it.
using System.Net;

namespace Mote.Packaging;

/// <summary>Reads addresses to listen on.</summary>
public static class ListenAddress
{
    /// <summary>An address with a port; the port is not left out, as an <see cref="IPEndPoint"/>'s may be.</summary>
    public static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IPEndPoint? endpoint) =>
        IPEndPoint.TryParse(text, out endpoint) && (text.StartsWith('[') ? text.Contains("]:", StringComparison.Ordinal) : text.Count(c => c == ':') == 1);
}
