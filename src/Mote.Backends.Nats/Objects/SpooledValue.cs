// Bytes on their way into a NATS object store: in a file of this node until it is known where they belong.
using System.Security.Cryptography;
using Mote.Capabilities.Blobstore;

namespace Mote.Backends.Nats.Objects;

/// <summary>A value that is being written. Its bytes are hashed as they come.</summary>
internal sealed class SpooledValue(NatsBlobStore store, string path, long most) : IBlobWriter
{
    private readonly FileStream _file = new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private int _disposed;

    public long Length { get; private set; }

    public string Digest { get; private set; } = "";

    public void Write(ReadOnlySpan<byte> bytes)
    {
        store.Take(bytes.Length, most);
        Length += bytes.Length;
        _hash.AppendData(bytes);
        try
        {
            _file.Write(bytes);
        }
        catch (IOException e)
        {
            throw new BlobException($"the node's disk does not take it: {e.Message}", e);
        }
    }

    public void Commit(IReadOnlyList<BlobId> objects, long mostBytes)
    {
        Digest = ObjectNames.DigestOf(_hash.GetHashAndReset());
        foreach (BlobId id in objects) store.Needed(id.Container).Put(id.Name, this, mostBytes);
    }

    /// <summary>All of it, in pieces. Each is its own: it may be on its way while the next is read.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Chunks(int size)
    {
        for (long at = 0; at < Length;)
        {
            var chunk = new byte[Math.Min(size, Length - at)];
            int read = 0;
            for (int n; read < chunk.Length && (n = RandomAccess.Read(_file.SafeFileHandle, chunk.AsSpan(read), at + read)) > 0;) read += n;
            if (read < chunk.Length) throw new BlobException("the node's disk does not give back what was written");
            at += read;
            yield return chunk;
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        _file.Dispose();
        _hash.Dispose();
        store.Release(Length);
    }
}
