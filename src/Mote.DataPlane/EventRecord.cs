// An event as bytes on disk, with a check value: a record that was damaged is known as damaged.
using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Mote.DataPlane;

/// <summary>
/// A CloudEvent as one record: a version byte, then each attribute as a text (<see cref="RecordWriter"/>), then the data,
/// which is the rest.
/// </summary>
public static class EventRecord
{
    private const byte Version = 1;
    private const int MaxAttribute = 1 << 20;

    /// <summary>The record of an event.</summary>
    public static byte[] Write(CloudEvent e)
    {
        ArgumentNullException.ThrowIfNull(e);
        var writer = new RecordWriter(256);
        writer.Number(Version); // one byte
        foreach (string? a in (ReadOnlySpan<string?>)[e.Id, e.Source, e.Type, e.Time.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture), e.Subject, e.ContentType, e.TraceParent, e.TraceState]) writer.Text(a);
        return writer.End(e.Data.Span);
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static CloudEvent Read(ReadOnlyMemory<byte> record)
    {
        var reader = new RecordReader(record.Span, MaxAttribute);
        if (record.Length == 0 || reader.Number() != Version) throw new InvalidDataException("not a record of a version that is known");
        string id = reader.Text() ?? throw new InvalidDataException("a record without an id");
        string source = reader.Text() ?? throw new InvalidDataException("a record without a source");
        string type = reader.Text() ?? throw new InvalidDataException("a record without a type");
        if (!DateTimeOffset.TryParseExact(reader.Text(), "O", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)) throw new InvalidDataException("a record without a time");
        string? subject = reader.Text(), contentType = reader.Text(), parent = reader.Text(), state = reader.Text();
        return new CloudEvent(id, source, type, time, subject, contentType, record[reader.At..]) { TraceParent = parent, TraceState = state };
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
