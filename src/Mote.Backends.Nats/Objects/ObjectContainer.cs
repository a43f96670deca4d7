// A container: objects in a bucket of a NATS object store.
using Mote.Capabilities.Blobstore;
using NATS.Client.JetStream.Models;

namespace Mote.Backends.Nats.Objects;

/// <summary>One container. Nodes may share it: a record is only written over the one that was seen, so that who has replaced which chunks is always known.</summary>
internal sealed class ObjectContainer(NatsLink link, string container, ObjectBucket bucket)
{
    /// <summary>What an object counts beside its bytes, as on files.</summary>
    private const long PerObject = 1024;

    /// <summary>What NATS's own clients use.</summary>
    private const int ChunkSize = 128 << 10;

    /// <summary>Chunks without a record may belong to an object that somebody is writing now.</summary>
    private static readonly TimeSpan s_writing = TimeSpan.FromHours(1);

    private readonly Lock _lock = new();
    private long _coming;

    public ObjectBucket Bucket => bucket;

    public BlobInfo? Find(string name) => Current(name) is ({ } record, _, { } time) ? new BlobInfo(record.Size, time) : null;

    public IBlobReader? Read(string name)
    {
        for (int i = 0; i < 100; i++)
        {
            if (Current(name).Record is not { } record) return null;
            // Where its chunks are gone already, another version has taken its place.
            if (ObjectReader.Open(bucket, record) is { } reader) return reader;
        }

        throw new BlobException($"the object `{name}` has a record and no bytes in the bucket `{bucket.Name}`");
    }

    public void Put(string name, SpooledValue value, long mostBytes)
    {
        string nuid = Guid.NewGuid().ToString("N");
        string chunks = bucket.ChunksOf(nuid);
        Reserve(name, value.Length, mostBytes);
        try
        {
            // The server's bound is for headers and data together.
            int size = Math.Clamp(link.MaxPayload - 1024, 1024, ChunkSize);
            bucket.PublishChunks(chunks, value.Chunks(size));
            var record = new ObjectRecord
            {
                Name = name,
                Bucket = bucket.Name,
                Nuid = nuid,
                Size = value.Length,
                Chunks = (value.Length + size - 1) / size,
                Digest = value.Digest,
                Options = new ObjectOptions(size),
            };
            while (true)
            {
                (ObjectRecord? before, ulong sequence, _) = Current(name);
                if (bucket.PublishRecord(record, sequence) is null) continue; // another was quicker: then it is that one which is replaced
                if (before is { Size: > 0 }) bucket.Purge(bucket.ChunksOf(before.Nuid));
                return;
            }
        }
        catch (BlobException)
        {
            Forget(chunks, nuid, name);
            throw;
        }
        finally
        {
            lock (_lock) _coming -= value.Length;
        }
    }

    public void Remove(IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            while (Current(name) is ({ } record, var sequence, _))
            {
                // First what says so to whoever watches the bucket, then all of the name, so that removed ones do not pile up.
                if (bucket.PublishRecord(new ObjectRecord { Name = name, Bucket = bucket.Name, Nuid = record.Nuid, IsDeleted = true }, sequence) is not { } removed) continue;
                if (record.Size > 0) bucket.Purge(bucket.ChunksOf(record.Nuid));
                bucket.Purge(bucket.RecordOf(name), below: removed + 1);
                break;
            }
        }
    }

    public IBlobNames List() => new Names(bucket);

    public void Clear()
    {
        using IBlobNames names = List();
        for (IReadOnlyList<string> some; (some = names.Next(100)).Count > 0;) Remove(some);
    }

    /// <summary>Room for an object of this name and size? It is kept for it until it is there.</summary>
    public void Reserve(string name, long size, long mostBytes)
    {
        long replaced = Find(name) is { } before ? before.Size + PerObject : 0;
        lock (_lock)
        {
            if (!Fits() && !(Sweep() > 0 && Fits())) throw new BlobException($"the container `{container}` is full: it would have {Used() - replaced + size + PerObject} bytes (what the server keeps of each object among them), and its limit is {mostBytes} (`blobstore` under [component.NAME.limits])");
            _coming += size;

            bool Fits() => Used() - replaced + size + PerObject <= mostBytes;
        }
    }

    private long Used() => (bucket.Info() ?? throw Gone()).State.Bytes + _coming;

    private BlobException Gone() => new($"the container `{container}` was deleted meanwhile");

    /// <summary>The record of a name, and the sequence of the last that was written there, a removal's too; 0 for nothing.</summary>
    private (ObjectRecord? Record, ulong Sequence, DateTimeOffset? Time) Current(string name)
    {
        if (bucket.Last(bucket.RecordOf(name)) is not { } stored) return default;
        return ObjectBucket.Read(stored) is { IsDeleted: false } record && record.Name == name && record.Options?.Link is null ? (record, stored.Sequence, stored.Time) : (null, stored.Sequence, null);
    }

    /// <summary>Takes back chunks that became no object, where the server lets us; what is left is swept when there is no room.</summary>
    private void Forget(string chunks, string nuid, string name)
    {
        try
        {
            if (Current(name).Record?.Nuid != nuid) bucket.Purge(chunks);
        }
        catch (BlobException)
        {
            // It does not answer.
        }
    }

    /// <summary>Takes away chunks that no record names: of writers that were killed. Gives how many objects' there were.</summary>
    private int Sweep()
    {
        if (bucket.Info(bucket.AllChunks) is not { State.Subjects: { } subjects }) return 0;
        var live = new HashSet<string>();
        for (ulong at = 1; bucket.Next(bucket.AllRecords, at) is { } stored; at = stored.Sequence + 1)
        {
            if (ObjectBucket.Read(stored) is { } record) live.Add(bucket.ChunksOf(record.Nuid));
        }

        int swept = 0;
        foreach (string chunks in subjects.Keys.Where(s => !live.Contains(s)))
        {
            if (bucket.Last(chunks) is not { } last || DateTimeOffset.UtcNow - last.Time < s_writing) continue;
            bucket.Purge(chunks);
            swept++;
        }

        return swept;
    }

    /// <summary>Records in the order in which they were written. One that is written again meanwhile is met again, and given once.</summary>
    private sealed class Names(ObjectBucket bucket) : IBlobNames
    {
        private readonly HashSet<string> _given = [];
        private ulong _at = 1;
        private bool _end;

        public IReadOnlyList<string> Next(int most)
        {
            var names = new List<string>();
            while (names.Count < most && !_end)
            {
                StoredObject? stored = bucket.Next(bucket.AllRecords, _at);
                _end = stored is null;
                if (stored is null) break;
                _at = stored.Sequence + 1;
                if (ObjectBucket.Read(stored) is { IsDeleted: false, Options: null or { Link: null } } record && bucket.RecordOf(record.Name) == stored.Subject && _given.Add(record.Name)) names.Add(record.Name);
            }

            return names;
        }

        public void Dispose()
        {
        }
    }
}
