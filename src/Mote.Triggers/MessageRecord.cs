// A message as bytes on disk, for the inbox.
using System.Text;
using Mote.Capabilities.Messaging;

namespace Mote.Triggers;

/// <summary>
/// A message as one record: a version byte, then topic, content type, reply topic and correlation (base64), each as a text,
/// the number of metadata pairs and these, then the data, which is the rest. A text is its length in bytes of UTF-8 plus one
/// (7 bits a byte, low ones first; 0 where there is none) and the bytes.
/// </summary>
public static class MessageRecord
{
    private const byte Version = 1;
    private static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The record of a message.</summary>
    public static byte[] Write(Message message)
    {
        ArgumentNullException.ThrowIfNull(message);
        using var stream = new MemoryStream(message.Bytes.Length + 128);
        stream.WriteByte(Version);
        Text(message.Topic);
        Text(message.Type);
        Text(message.ReplyTo?.Topic);
        Text(message.ReplyTo is { } reply ? Convert.ToBase64String(reply.Correlation.Span) : null);
        Number((uint)message.Metadata.Count);
        foreach ((string key, string value) in message.Metadata)
        {
            Text(key);
            Text(value);
        }

        stream.Write(message.Bytes.Span);
        return stream.ToArray();

        void Number(uint n)
        {
            for (; n >= 0x80; n >>= 7) stream.WriteByte((byte)(n | 0x80));
            stream.WriteByte((byte)n);
        }

        void Text(string? text)
        {
            Number(text is null ? 0 : (uint)Encoding.UTF8.GetByteCount(text) + 1);
            if (text is not null) stream.Write(Encoding.UTF8.GetBytes(text));
        }
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static Message Read(ReadOnlyMemory<byte> record)
    {
        int at = 1;
        if (record.Length == 0 || record.Span[0] != Version) throw new InvalidDataException("not a record of a version that is known");
        string? topic = Text(), type = Text(), replyTopic = Text(), correlation = Text();
        uint pairs = Number();
        var metadata = new List<(string, string)>();
        // Not as many as it says: as many as there are.
        for (uint i = 0; i < pairs; i++) metadata.Add((Text() ?? throw Short(), Text() ?? throw Short()));
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

        var message = new Message(record[at..]) { Topic = topic, Type = type, ReplyTo = reply };
        foreach ((string key, string value) in metadata) message.AddMetadata(key, value);
        return message;

        static InvalidDataException Short() => new("a record that ends too early");

        uint Number()
        {
            uint n = 0;
            for (int shift = 0; ; shift += 7)
            {
                if (at >= record.Length || shift > 28) throw Short();
                byte b = record.Span[at++];
                n |= (uint)(b & 0x7f) << shift;
                if (b < 0x80) return n;
            }
        }

        string? Text()
        {
            uint length = Number();
            if (length == 0) return null;
            length--;
            if (length > record.Length - at) throw Short();
            try
            {
                string text = s_utf8.GetString(record.Span.Slice(at, (int)length));
                at += (int)length;
                return text;
            }
            catch (ArgumentException)
            {
                throw new InvalidDataException("a record whose text is not UTF-8");
            }
        }
    }
}
