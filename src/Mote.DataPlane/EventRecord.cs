// An event as bytes on disk, with a check value: a record that was damaged is known as damaged.
using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Mote.DataPlane;

/// <summary>
/// A CloudEvent as one record: a version byte, then each attribute as a length (LEB128, plus one; 0 for none) and UTF-8,
/// then the data, which is the rest.
/// </summary>
public static class EventRecord
{
    private const byte Version = 1;
    private const int MaxAttribute = 1 << 20;
    private static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The record of an event.</summary>
    public static byte[] Write(CloudEvent e)
    {
        ArgumentNullException.ThrowIfNull(e);
        string?[] attributes = [e.Id, e.Source, e.Type, e.Time.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture), e.Subject, e.ContentType, e.TraceParent, e.TraceState];
        int size = 1 + e.Data.Length;
        foreach (string? a in attributes) size += 5 + (a is null ? 0 : Encoding.UTF8.GetMaxByteCount(a.Length));
        byte[] buffer = new byte[size];
        buffer[0] = Version;
        int at = 1;
        foreach (string? a in attributes)
        {
            uint length = a is null ? 0 : (uint)Encoding.UTF8.GetByteCount(a) + 1;
            for (uint rest = length; ; rest >>= 7)
            {
                buffer[at++] = (byte)(rest < 0x80 ? rest : rest | 0x80);
                if (rest < 0x80) break;
            }

            if (a is not null) at += Encoding.UTF8.GetBytes(a, buffer.AsSpan(at));
        }

        e.Data.Span.CopyTo(buffer.AsSpan(at));
        return buffer[..(at + e.Data.Length)];
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static CloudEvent Read(ReadOnlyMemory<byte> record)
    {
        int at = 1;
        if (record.Length == 0 || record.Span[0] != Version) throw new InvalidDataException("not a record of a version that is known");
        string id = Next() ?? throw new InvalidDataException("a record without an id");
        string source = Next() ?? throw new InvalidDataException("a record without a source");
        string type = Next() ?? throw new InvalidDataException("a record without a type");
        if (!DateTimeOffset.TryParseExact(Next(), "O", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)) throw new InvalidDataException("a record without a time");
        string? subject = Next(), contentType = Next(), parent = Next(), state = Next();
        return new CloudEvent(id, source, type, time, subject, contentType, record[at..]) { TraceParent = parent, TraceState = state };

        string? Next()
        {
            ReadOnlySpan<byte> bytes = record.Span;
            uint length = 0;
            for (int shift = 0; ; shift += 7)
            {
                if (at >= bytes.Length || shift > 21) throw new InvalidDataException("a record that ends too early");
                byte b = bytes[at++];
                length |= (uint)(b & 0x7f) << shift;
                if (b < 0x80) break;
            }

            if (length == 0) return null;
            length--;
            if (length > MaxAttribute || length > bytes.Length - at) throw new InvalidDataException("a record that ends too early");
            try
            {
                string text = s_utf8.GetString(bytes.Slice(at, (int)length));
                at += (int)length;
                return text;
            }
            catch (ArgumentException)
            {
                throw new InvalidDataException("a record whose text is not UTF-8");
            }
        }
    }

    /// <summary>CRC-32C (Castagnoli) of a record.</summary>
    public static uint Check(ReadOnlySpan<byte> record)
    {
        uint crc = uint.MaxValue;
        for (; record.Length >= 8; record = record[8..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(record));
        foreach (byte b in record) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
