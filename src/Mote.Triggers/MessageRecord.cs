// A message as bytes on disk, for the inbox.
using Mote.Capabilities.Messaging;
using Mote.DataPlane;

namespace Mote.Triggers;

/// <summary>
/// A message as one record: a version byte, then topic, content type, reply topic and correlation (base64), each as a text
/// (<see cref="RecordWriter"/>), the number of metadata pairs and these, then the data, which is the rest.
/// </summary>
public static class MessageRecord
{
    private const byte Version = 1;

    /// <summary>The record of a message.</summary>
    public static byte[] Write(Message message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var writer = new RecordWriter(256);
        writer.Number(Version); // one byte
        writer.Text(message.Topic);
        writer.Text(message.Type);
        writer.Text(message.ReplyTo?.Topic);
        writer.Text(message.ReplyTo is { } reply ? Convert.ToBase64String(reply.Correlation.Span) : null);
        writer.Number((uint)message.Metadata.Count);
        foreach ((string key, string value) in message.Metadata)
        {
            writer.Text(key);
            writer.Text(value);
        }

        return writer.End(message.Bytes.Span);
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static Message Read(ReadOnlyMemory<byte> record)
    {
        var reader = new RecordReader(record.Span);
        if (record.Length == 0 || reader.Number() != Version) throw new InvalidDataException("not a record of a version that is known");
        string? topic = reader.Text(), type = reader.Text(), replyTopic = reader.Text(), correlation = reader.Text();
        uint pairs = reader.Number();
        var metadata = new List<(string, string)>();
        // Not as many as it says: as many as there are.
        for (uint i = 0; i < pairs; i++) metadata.Add((Needed(reader.Text()), Needed(reader.Text())));
        ReplyAddress? reply = null;
        if (replyTopic is not null)
        {
            try
            {
                reply = new ReplyAddress(replyTopic, Convert.FromBase64String(correlation ?? ""));
            }
            catch (FormatException)
            {
                throw new InvalidDataException("a record whose correlation is not base64");
            }
        }

        var message = new Message(record[reader.At..]) { Topic = topic, Type = type, ReplyTo = reply };
        foreach ((string key, string value) in metadata) message.AddMetadata(key, value);
        return message;

        static string Needed(string? text) => text ?? throw new InvalidDataException("a record that ends too early");
    }
}
