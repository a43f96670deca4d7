// Blob containers as folders and objects as files, in the node's data folder: ROOT/APP/c/CONTAINER/OBJECT, and what is
// being written in ROOT/APP/new.
using System.Collections.Concurrent;

namespace Mote.Capabilities.Blobstore;

/// <summary>The embedded blob backend. An object is there whole or not at all, also after a power cut.</summary>
/// <param name="root">The folder; made when it is first needed. It belongs to this process alone.</param>
public sealed class FileBlobs(string root) : IBlobBackend
{
    private readonly ConcurrentDictionary<string, FileBlobStore> _apps = new();

    /// <inheritdoc/>
    public IBlobStore Open(string app) => _apps.GetOrAdd(app, static (app, root) => new FileBlobStore(Path.Combine(root, BlobNames.FileOf(app, out _))), root);
}
