// The content of an encrypted file: pieces of 64 KiB, each with a tag, numbered, and the last one marked.
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Mote.Age;

/// <summary>Seals and opens pieces, in their order.</summary>
internal sealed class AgeChunks(byte[] payloadKey) : IDisposable
{
    /// <summary>Bytes of a piece; only the last may have fewer.</summary>
    public const int ChunkBytes = 64 << 10;

    public const int SealedBytes = ChunkBytes + AgeHeader.TagBytes;

    public const int NonceBytes = 16;

    private readonly ChaCha20Poly1305 _cipher = new(payloadKey);
    private readonly byte[] _nonce = new byte[12];
    private ulong _number;

    public void Seal(ReadOnlySpan<byte> piece, Span<byte> to, bool isLast)
    {
        Next(isLast);
        _cipher.Encrypt(_nonce, piece, to[..piece.Length], to.Slice(piece.Length, AgeHeader.TagBytes));
        _number++;
    }

    /// <returns>False where it is not the piece that was sealed with this number and mark; another mark may be tried then.</returns>
    public bool TryOpen(ReadOnlySpan<byte> piece, Span<byte> to, bool isLast)
    {
        Next(isLast);
        try
        {
            int length = piece.Length - AgeHeader.TagBytes;
            _cipher.Decrypt(_nonce, piece[..length], piece[length..], to[..length]);
            _number++;
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    public void Dispose() => _cipher.Dispose();

    /// <summary>A number of 11 bytes, the largest first, and one byte that is 1 for the last piece.</summary>
    private void Next(bool isLast)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_nonce.AsSpan(3), _number);
        _nonce[11] = isLast ? (byte)1 : (byte)0;
    }
}
