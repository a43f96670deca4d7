// An object of a NATS object store that is being read, chunk by chunk.
using System.Security.Cryptography;
using Mote.Capabilities.Blobstore;

namespace Mote.Backends.Nats.Objects;

/// <summary>
/// One version of an object. Its first chunk is here from the start; where it has more, and another takes its place or the
/// container is deleted meanwhile, reading ends with an error, and never goes on in another version. One thread at a time.
/// </summary>
internal sealed class ObjectReader : IBlobReader
{
    private readonly ObjectBucket _bucket;
    private readonly ObjectRecord _record;
    private readonly IncrementalHash? _hash;
    private long _start;
    private ulong _sequence;
    private byte[] _chunk = [];

    /// <summary>How much of it has been through the hash: what is read in another order is not checked.</summary>
    private long _hashed;

    private ObjectReader(ObjectBucket bucket, ObjectRecord record)
    {
        (_bucket, _record) = (bucket, record);
        _hash = record.Digest?.StartsWith("SHA-256=", StringComparison.Ordinal) == true ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
    }

    public long Length => _record.Size;

    /// <summary>Opens a version; null where its chunks are gone.</summary>
    public static ObjectReader? Open(ObjectBucket bucket, ObjectRecord record)
    {
        var reader = new ObjectReader(bucket, record);
        if (record.Size == 0 || reader.Fetch()) return reader;
        reader.Dispose();
        return null;
    }

    public int Read(Span<byte> buffer, long offset)
    {
        if (offset >= Length || buffer.Length == 0) return 0;
        if (offset < _start)
        {
            // From the beginning: chunks are found one behind the other.
            (_start, _sequence, _chunk) = (0, 0, []);
        }

        while (offset >= _start + _chunk.Length)
        {
            _start += _chunk.Length;
            if (!Fetch()) throw new BlobException($"the object `{_record.Name}` was replaced or removed while it was read");
        }

        int at = (int)(offset - _start), n = (int)Math.Min(Math.Min(buffer.Length, _chunk.Length - at), Length - offset);
        _chunk.AsSpan(at, n).CopyTo(buffer);
        return n;
    }

    public void Dispose() => _hash?.Dispose();

    /// <summary>The chunk that begins at <see cref="_start"/>; the last one only where the whole is what was written.</summary>
    private bool Fetch()
    {
        if (_bucket.Next(_bucket.ChunksOf(_record.Nuid), _sequence + 1) is not { Data.Length: > 0 } next) return false;
        if (next.Data.Length > Length - _start) throw Damaged();
        if (_hash is not null && _hashed == _start)
        {
            _hash.AppendData(next.Data);
            _hashed += next.Data.Length;
            if (_hashed == Length && ObjectNames.DigestOf(_hash.GetHashAndReset()).TrimEnd('=') != _record.Digest!.TrimEnd('='))
            {
                _hashed = 0;
                throw Damaged();
            }
        }

        (_sequence, _chunk) = (next.Sequence, next.Data);
        return true;
    }

    private BlobException Damaged() => new($"the object `{_record.Name}` in the bucket `{_bucket.Name}` is damaged: its bytes are not those of its digest");
}
