// Containers on a server elsewhere, for a component with an egress budget: what is sent there leaves the node.
using Mote.Runtime;

namespace Mote.Capabilities.Blobstore;

/// <summary>Takes names and bytes from the component's budget before they are sent; names of reads too, which could carry anything.</summary>
internal sealed class MeteredBlobs(IBlobStore store, AppComponent component) : IBlobStore
{
    public DateTimeOffset? Container(string name) => store.Container(name); // a name that the manifest grants

    public void Create(string name) => store.Create(name);

    public void Delete(string name) => store.Delete(name);

    public BlobInfo? Find(BlobId id) => Sent(id.Name.Length).Find(id);

    public IBlobReader? Read(BlobId id) => Sent(id.Name.Length).Read(id);

    public IBlobWriter Write(long most) => new Writer(this, store.Write(most));

    /// <remarks>A copy goes through this node.</remarks>
    public void Copy(BlobId from, BlobId to, long mostBytes) => Sent(from.Name.Length + to.Name.Length + SizeOf(from)).Copy(from, to, mostBytes);

    public void Move(BlobId from, BlobId to, long mostBytes) => Sent(from.Name.Length + to.Name.Length + SizeOf(from)).Move(from, to, mostBytes);

    public void Remove(string container, IReadOnlyList<string> names) => Sent(names.Sum(n => (long)n.Length)).Remove(container, names);

    public void Clear(string container) => store.Clear(container);

    public IBlobNames List(string container) => store.List(container);

    private long SizeOf(BlobId id) => store.Find(id)?.Size ?? 0;

    private IBlobStore Sent(long bytes) => component.MaySend(bytes) ? store
        : throw new BlobException($"the container is on a server elsewhere, and this would be more than the component may send: egress = \"{component.Limits.Egress}\" under its limits");

    private sealed class Writer(MeteredBlobs blobs, IBlobWriter writer) : IBlobWriter
    {
        private long _length;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            writer.Write(bytes);
            _length += bytes.Length;
        }

        public void Commit(IReadOnlyList<BlobId> objects, long mostBytes)
        {
            // Nothing has been sent before this: each object is sent for itself.
            blobs.Sent(objects.Sum(o => o.Name.Length + _length));
            writer.Commit(objects, mostBytes);
        }

        public void Dispose() => writer.Dispose();
    }
}
