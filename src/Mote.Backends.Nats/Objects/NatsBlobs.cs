// Blob containers as buckets of NATS object stores: shared by all nodes that name the same container of the same app.
using System.Collections.Concurrent;
using Mote.Backends.Nats.KeyValue;
using Mote.Capabilities.Blobstore;
using Mote.Runtime;

namespace Mote.Backends.Nats.Objects;

/// <summary>The blob backend on NATS object stores. A container of an app is the bucket mote_APP_CONTAINER.</summary>
public sealed class NatsBlobs : IBlobBackend
{
    private readonly ConcurrentDictionary<string, NatsBlobStore> _apps = new();
    private readonly NatsLink _link;
    private readonly string _spool;
    private readonly DiskWear? _wear;
    private readonly Lock _lock = new();
    private bool _isReady;

    /// <summary>Does nothing yet.</summary>
    /// <param name="link">The connection; it stays the caller's.</param>
    /// <param name="spool">A folder of this process alone for values that are not whole; made when it is first needed.</param>
    /// <param name="wear">Told what is written there; null for nobody.</param>
    public NatsBlobs(NatsLink link, string spool, DiskWear? wear = null) => (_link, _spool, _wear) = (link, spool, wear);

    /// <inheritdoc/>
    public bool IsElsewhere => true;

    /// <inheritdoc/>
    public IBlobStore Open(string app) =>
        _apps.GetOrAdd(app, name => new NatsBlobStore(_link, container => $"mote_{NatsKeyValue.Plain(name)}_{NatsKeyValue.Plain(container)}", NewPath, _wear));

    /// <summary>A file for a value; the folder is made with the first.</summary>
    private string NewPath()
    {
        lock (_lock)
        {
            if (!_isReady)
            {
                // What an earlier process has left belongs to no object.
                if (Directory.Exists(_spool)) Directory.Delete(_spool, recursive: true);
                Directory.CreateDirectory(_spool);
                _isReady = true;
            }
        }

        return Path.Combine(_spool, Guid.NewGuid().ToString("N"));
    }
}
