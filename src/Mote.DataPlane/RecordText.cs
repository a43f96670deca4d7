// Numbers and texts of records on disk, as events and messages have them.
using System.Buffers;
using System.Text;

namespace Mote.DataPlane;

/// <summary>
/// Writes a record. A number has 7 bits a byte, low ones first; a text is the length of its UTF-8 plus one as a number (0
/// where there is none) and the bytes.
/// </summary>
/// <param name="capacity">About how many bytes it will have.</param>
public sealed class RecordWriter(int capacity)
{
    private readonly ArrayBufferWriter<byte> _buffer = new(capacity);

    /// <summary>Adds a number.</summary>
    public void Number(uint n)
    {
        Span<byte> to = _buffer.GetSpan(5);
        int at = 0;
        for (; n >= 0x80; n >>= 7) to[at++] = (byte)(n | 0x80);
        to[at++] = (byte)n;
        _buffer.Advance(at);
    }

    /// <summary>Adds a text, or that there is none.</summary>
    public void Text(string? text)
    {
        if (text is null)
        {
            Number(0);
            return;
        }

        int length = Encoding.UTF8.GetByteCount(text);
        Number((uint)length + 1);
        _buffer.Advance(Encoding.UTF8.GetBytes(text, _buffer.GetSpan(length)));
    }

    /// <summary>The record with its data at the end.</summary>
    public byte[] End(ReadOnlySpan<byte> data) => [.. _buffer.WrittenSpan, .. data];
}

/// <summary>Reads what <see cref="RecordWriter"/> wrote.</summary>
/// <param name="record">The record.</param>
/// <param name="maxText">Most bytes of a text.</param>
public ref struct RecordReader(ReadOnlySpan<byte> record, int maxText = int.MaxValue)
{
    private static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _record = record;

    /// <summary>Where the next byte is; behind all that was read, where the data begins.</summary>
    public int At { get; private set; }

    /// <summary>The next number: of 28 bits, which is more than any record has bytes.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public uint Number()
    {
        uint n = 0;
        for (int shift = 0; ; shift += 7)
        {
            if (At >= _record.Length || shift > 21) throw new InvalidDataException("a record that ends too early");
            byte b = _record[At++];
            n |= (uint)(b & 0x7f) << shift;
            if (b < 0x80) return n;
        }
    }

    /// <summary>The next text; null where it says that there is none.</summary>
    /// <exception cref="InvalidDataException">The record ends before it does, or it is not UTF-8.</exception>
    public string? Text()
    {
        uint length = Number();
        if (length == 0) return null;
        length--;
        if (length > maxText || length > _record.Length - At) throw new InvalidDataException("a record that ends too early");
        try
        {
            string text = s_utf8.GetString(_record.Slice(At, (int)length));
            At += (int)length;
            return text;
        }
        catch (ArgumentException)
        {
            throw new InvalidDataException("a record whose text is not UTF-8");
        }
    }
}
