// Reads an encrypted file as it comes: what it gives is as it was written, to the byte.
namespace Mote.Age;

/// <summary>A stream of what an encrypted file has in it. Reads throw <see cref="AgeException"/> where it was changed or cut.</summary>
public sealed class AgeReader : Stream
{
    private readonly Stream _from;
    private readonly AgeChunks _chunks;
    private readonly byte[] _sealed = new byte[AgeChunks.SealedBytes];
    private readonly byte[] _piece = new byte[AgeChunks.ChunkBytes];
    private int _have;
    private int _given;
    private long _pieces;
    private bool _wasLast;

    /// <summary>Reads the head of a file.</summary>
    /// <param name="from">The file; it stays open.</param>
    /// <param name="identity">What opens it.</param>
    /// <exception cref="AgeException">The head is broken, or for other keys.</exception>
    public AgeReader(Stream from, AgeIdentity identity)
    {
        _from = from;
        byte[] fileKey = AgeHeader.Read(from, identity), nonce = new byte[AgeChunks.NonceBytes];
        if (from.ReadAtLeast(nonce, nonce.Length, throwOnEndOfStream: false) < nonce.Length) throw new AgeException(AgeFault.Header, "the encrypted file ends with its head");
        _chunks = new AgeChunks(AgeHeader.PayloadKey(fileKey, nonce));
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.Length == 0) return 0;
        while (_given == _have)
        {
            if (_wasLast) return 0;
            Next();
        }

        int n = Math.Min(buffer.Length, _have - _given);
        _piece.AsSpan(_given, n).CopyTo(buffer);
        _given += n;
        return n;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _chunks.Dispose();
        base.Dispose(disposing);
    }

    private void Next()
    {
        int n = _from.ReadAtLeast(_sealed, _sealed.Length, throwOnEndOfStream: false);
        if (n < AgeHeader.TagBytes) throw Cut();
        Span<byte> piece = _sealed.AsSpan(0, n);
        // A short piece can be the last one only; a whole one can be either.
        if (n == _sealed.Length && _chunks.TryOpen(piece, _piece, isLast: false)) _wasLast = false;
        else if (_chunks.TryOpen(piece, _piece, isLast: true)) _wasLast = true;
        else if (n < _sealed.Length) throw Cut();
        else throw new AgeException(AgeFault.Payload, "the encrypted file was changed after it was written");
        _have = n - AgeHeader.TagBytes;
        _given = 0;
        if (!_wasLast)
        {
            _pieces++;
            return;
        }

        if (_have == 0 && _pieces > 0) throw Bad("its last piece is empty");
        if (_from.ReadByte() < 0) return;
        _have = 0;
        throw Bad("something stands behind its end");
    }

    private static AgeException Bad(string what) => new(AgeFault.Payload, $"the encrypted file is not as it was written: {what}");

    private static AgeException Cut() => new(AgeFault.Truncated, "the encrypted file was cut: it ends before its end was written, or its last piece was changed");
}
