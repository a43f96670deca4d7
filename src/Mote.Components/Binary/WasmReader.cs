// Reads the primitives of the binary format, with the offset of whatever is wrong.
using System.Buffers.Binary;
using System.Text;

namespace Mote.Components.Binary;

/// <summary>A cursor over a part of a file. Offsets in errors are those of the whole file.</summary>
internal ref struct WasmReader(ReadOnlySpan<byte> bytes, long start)
{
    private static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly long _start = start;
    private int _position;

    public readonly long Offset => _start + _position;

    public readonly int Position => _position;

    public readonly int Remaining => _bytes.Length - _position;

    public readonly bool AtEnd => _position == _bytes.Length;

    public byte Byte(string what)
    {
        if (_position >= _bytes.Length) throw End(what);
        return _bytes[_position++];
    }

    public readonly byte Peek(string what) => _position < _bytes.Length ? _bytes[_position] : throw End(what);

    /// <summary>An unsigned LEB128 of at most 32 bits.</summary>
    public uint U32(string what)
    {
        uint result = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            byte b = Byte(what);
            if (shift == 28 && (b & 0xf0) != 0)
            {
                throw ComponentException.Malformed(
                    (b & 0x80) != 0 ? $"invalid {what}: integer representation too long" : $"invalid {what}: integer too large", Offset - 1);
            }

            result |= (uint)(b & 0x7f) << shift;
            if ((b & 0x80) == 0) return result;
        }

        throw ComponentException.Malformed($"invalid {what}: integer representation too long", Offset);
    }

    /// <summary>An unsigned LEB128 of at most 64 bits.</summary>
    public ulong U64(string what)
    {
        ulong result = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte b = Byte(what);
            if (shift == 63 && (b & 0xfe) != 0) throw ComponentException.Malformed($"invalid {what}: integer too large", Offset - 1);
            result |= (ulong)(b & 0x7f) << shift;
            if ((b & 0x80) == 0) return result;
        }

        throw ComponentException.Malformed($"invalid {what}: integer representation too long", Offset);
    }

    /// <summary>A signed LEB128 of at most 33 bits: a type opcode (negative) or a type index.</summary>
    public long S33(string what)
    {
        long result = 0;
        int shift = 0;
        while (true)
        {
            byte b = Byte(what);
            result |= (long)(b & 0x7f) << shift;
            shift += 7;
            if ((b & 0x80) == 0)
            {
                if (shift < 64 && (b & 0x40) != 0) result |= -1L << shift;
                if (result is < -(1L << 32) or >= 1L << 32) throw ComponentException.Malformed($"invalid {what}: integer too large", Offset - 1);
                return result;
            }

            if (shift >= 35) throw ComponentException.Malformed($"invalid {what}: integer representation too long", Offset - 1);
        }
    }

    /// <summary>
    /// The count of a vector. Each element takes at least <paramref name="elementBytes"/> bytes, so a count that the
    /// rest cannot hold is refused before anything is allocated.
    /// </summary>
    public int Count(string what, int max, int elementBytes = 1)
    {
        long at = Offset;
        uint count = U32($"{what} count");
        if (count > max) throw ComponentException.Malformed($"{what} count of {count} exceeds the limit of {max}", at);
        if ((long)count * elementBytes > Remaining) throw ComponentException.Malformed($"unexpected end-of-file: {what} count of {count} is larger than the {Remaining} bytes that follow", at);
        return (int)count;
    }

    public ReadOnlySpan<byte> Bytes(int count, string what)
    {
        if (count > Remaining) throw End(what);
        ReadOnlySpan<byte> result = _bytes.Slice(_position, count);
        _position += count;
        return result;
    }

    /// <summary>A length and that many bytes of UTF-8.</summary>
    public string Name(string what)
    {
        long at = Offset;
        uint length = U32($"{what} length");
        if (length > Limits.StringBytes) throw ComponentException.Malformed($"{what} is {length} bytes long, the limit is {Limits.StringBytes}", at);
        if (length > (uint)Remaining) throw End(what);
        long start = Offset;
        try
        {
            return s_utf8.GetString(Bytes((int)length, what));
        }
        catch (DecoderFallbackException)
        {
            throw ComponentException.Malformed($"malformed UTF-8 encoding: {what} is not valid UTF-8", start);
        }
    }

    /// <summary>A reader over the next <paramref name="length"/> bytes, which this reader skips.</summary>
    public WasmReader Sub(int length, string what)
    {
        long at = Offset;
        return new WasmReader(Bytes(length, what), at);
    }

    public readonly uint PeekU32LittleEndian(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[(_position + at)..]);

    private readonly ComponentException End(string what) => ComponentException.Malformed($"unexpected end-of-file: expected {what}", Offset);
}
