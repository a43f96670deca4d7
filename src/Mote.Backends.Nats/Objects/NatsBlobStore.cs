// The containers of one app in a NATS object store.
using System.Collections.Concurrent;
using Mote.Capabilities.Blobstore;
using Mote.Runtime;

namespace Mote.Backends.Nats.Objects;

internal sealed class NatsBlobStore(NatsLink link, Func<string, string> bucketOf, Func<string> newPath, DiskWear? wear) : IBlobStore
{
    private readonly ConcurrentDictionary<string, ObjectContainer> _known = new();
    private long _unfinished;

    public DateTimeOffset? Container(string name) => At(name).Info() is { } info ? info.Created : null;

    public void Create(string name)
    {
        ObjectBucket bucket = At(name);
        if (bucket.Info() is not null) throw new BlobException($"there is a container `{name}` already");
        bucket.Create();
    }

    public void Delete(string name)
    {
        _known.TryRemove(name, out _);
        At(name).Delete();
    }

    public BlobInfo? Find(BlobId id) => In(id.Container, c => c.Find(id.Name));

    public IBlobReader? Read(BlobId id) => In(id.Container, c => c.Read(id.Name));

    public IBlobWriter Write(long most)
    {
        try
        {
            return new SpooledValue(this, newPath(), most);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BlobException($"the node's disk does not take it: {e.Message}", e);
        }
    }

    public void Copy(BlobId from, BlobId to, long mostBytes)
    {
        using IBlobReader reader = Read(from) ?? throw Missing(from);
        ObjectContainer target = Needed(to.Container);
        if (from == to) return;
        using IBlobWriter writer = Write(long.MaxValue);
        var buffer = new byte[64 << 10];
        long at = 0;
        for (int n; (n = reader.Read(buffer, at)) > 0; at += n) writer.Write(buffer.AsSpan(0, n));
        writer.Commit([to], mostBytes);
    }

    /// <remarks>A copy, and then the end of the first: a node that is killed in between leaves two, each of which is whole.</remarks>
    public void Move(BlobId from, BlobId to, long mostBytes)
    {
        if (from == to)
        {
            if (Find(from) is null) throw Missing(from);
            return;
        }

        // In one container it takes no more room than it has: what it is moved over goes as well.
        long most = from.Container == to.Container && Find(from) is { } info && mostBytes < long.MaxValue - info.Size - 4096 ? mostBytes + info.Size + 4096 : mostBytes;
        Copy(from, to, most);
        Remove(from.Container, [from.Name]);
    }

    public void Remove(string container, IReadOnlyList<string> names) => In(container, c =>
    {
        c.Remove(names);
        return 0;
    });

    public void Clear(string container) => In(container, c =>
    {
        c.Clear();
        return 0;
    });

    public IBlobNames List(string container) => Needed(container).List();

    /// <exception cref="BlobException">There is no such container.</exception>
    public ObjectContainer Needed(string name)
    {
        if (_known.TryGetValue(name, out ObjectContainer? known)) return known;
        ObjectBucket bucket = At(name);
        return bucket.Info() is not null ? _known.GetOrAdd(name, new ObjectContainer(link, name, bucket)) : throw new BlobException($"there is no container `{name}`: create it first");
    }

    /// <summary>Room for bytes that belong to no object yet: all that has begun shares one bound.</summary>
    public void Take(int bytes, long most)
    {
        if (Interlocked.Add(ref _unfinished, bytes) > most)
        {
            Interlocked.Add(ref _unfinished, -bytes);
            throw new BlobException($"values that are not finished have more than {most} bytes together, which is the limit of a container (`blobstore` under [component.NAME.limits])");
        }

        wear?.Add(WearSource.Blobs, bytes);
    }

    public void Release(long bytes) => Interlocked.Add(ref _unfinished, -bytes);

    private static BlobException Missing(BlobId id) => new($"there is no object `{id.Name}` in the container `{id.Container}`");

    private ObjectBucket At(string name) => new(link, bucketOf(name));

    /// <summary>Somebody else may have taken the bucket away, and made it anew.</summary>
    private T In<T>(string name, Func<ObjectContainer, T> action)
    {
        try
        {
            return action(Needed(name));
        }
        catch (BucketGoneException)
        {
            _known.TryRemove(name, out _);
            return action(Needed(name));
        }
    }
}
