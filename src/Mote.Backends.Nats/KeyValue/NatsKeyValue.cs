// Key-value stores in buckets of NATS KV: shared by all nodes that name the same store of the same app.
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Mote.Capabilities.KeyValue;

namespace Mote.Backends.Nats.KeyValue;

/// <summary>The backend on NATS KV. A store of an app is the bucket mote_APP_STORE, which is made when it is first used.</summary>
/// <param name="link">The connection; it stays the caller's.</param>
/// <param name="time">The clock of listings.</param>
public sealed class NatsKeyValue(NatsLink link, TimeProvider time) : IKeyValueBackend
{
    private readonly ConcurrentDictionary<string, NatsBucket> _buckets = new();

    /// <inheritdoc/>
    public bool IsElsewhere => true;

    /// <inheritdoc/>
    public IKeyValueStore Open(string app, string name)
    {
        // As many as manifests name: a guest opens what it is granted.
        return _buckets.GetOrAdd($"mote_{Plain(app)}_{Plain(name)}", bucket => new NatsBucket(link, bucket, time));
    }

    /// <summary>A bucket's name has letters, digits, dashes and underscores; two texts never give one name.</summary>
    internal static string Plain(string text)
    {
        var name = new StringBuilder();
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b == (byte)'-') name.Append((char)b);
            else name.Append(CultureInfo.InvariantCulture, $"_{b:X2}");
        }

        return name.Length > 0 ? name.ToString() : "_";
    }
}
