// Blob containers as folders and objects as files, in the node's data folder: ROOT/APP/c/CONTAINER/OBJECT, and what is
// being written in ROOT/APP/new.
using System.Collections.Concurrent;
using Mote.Runtime;

namespace Mote.Capabilities.Blobstore;

/// <summary>The embedded blob backend. An object is there whole or not at all, also after a power cut.</summary>
/// <param name="root">The folder; made when it is first needed. It belongs to this process alone.</param>
/// <param name="wear">Told what is written; null for nobody.</param>
public sealed class FileBlobs(string root, DiskWear? wear = null) : IBlobBackend
{
    private readonly ConcurrentDictionary<string, FileBlobStore> _apps = new();

    /// <inheritdoc/>
    public IBlobStore Open(string app) => _apps.GetOrAdd(app, static (app, of) => new FileBlobStore(Path.Combine(of.root, BlobNames.FileOf(app, out _)), of.wear), (root, wear));
}
