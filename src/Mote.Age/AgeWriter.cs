// Writes an encrypted file as it comes: nothing of it is on the disk in plain.
using System.Security.Cryptography;

namespace Mote.Age;

/// <summary>
/// A stream that encrypts what is written to it. The file is whole only after <see cref="Finish"/>; without, a reader is given
/// what is there, in steps of 64 KiB, and told that it was cut.
/// </summary>
public sealed class AgeWriter : Stream
{
    private readonly Stream _to;
    private readonly AgeChunks _chunks;
    private readonly byte[] _piece = new byte[AgeChunks.ChunkBytes];
    private readonly byte[] _sealed = new byte[AgeChunks.SealedBytes];
    private int _have;
    private bool _isFinished;

    /// <summary>Writes the head of a file.</summary>
    /// <param name="to">Where it goes; it stays open.</param>
    /// <param name="recipient">Who can read it.</param>
    /// <exception cref="AgeException">The recipient is no key that can be kept secret.</exception>
    public AgeWriter(Stream to, AgeRecipient recipient)
        : this(to, recipient, RandomNumberGenerator.GetBytes)
    {
    }

    /// <summary>With bytes that are the same each time; for tests.</summary>
    internal AgeWriter(Stream to, AgeRecipient recipient, Func<int, byte[]> random)
    {
        _to = to;
        byte[] fileKey = random(AgeHeader.FileKeyBytes), nonce = random(AgeChunks.NonceBytes);
        to.Write(AgeHeader.Make(recipient, fileKey, random));
        to.Write(nonce);
        _chunks = new AgeChunks(AgeHeader.PayloadKey(fileKey, nonce));
        CryptographicOperations.ZeroMemory(fileKey);
    }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => !_isFinished;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_isFinished, this);
        while (buffer.Length > 0)
        {
            // A whole piece waits until it is known that it is not the last.
            if (_have == _piece.Length) Put(isLast: false);
            int n = Math.Min(buffer.Length, _piece.Length - _have);
            buffer[..n].CopyTo(_piece.AsSpan(_have));
            _have += n;
            buffer = buffer[n..];
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Nothing: a piece is sealed when it is full.</summary>
    public override void Flush()
    {
    }

    /// <summary>Writes what is left, marked as the last of the file.</summary>
    public void Finish()
    {
        if (_isFinished) return;
        Put(isLast: true);
        _isFinished = true;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _isFinished = true;
        _chunks.Dispose();
        CryptographicOperations.ZeroMemory(_piece);
        base.Dispose(disposing);
    }

    private void Put(bool isLast)
    {
        _chunks.Seal(_piece.AsSpan(0, _have), _sealed, isLast);
        _to.Write(_sealed, 0, _have + AgeHeader.TagBytes);
        _have = 0;
    }
}
