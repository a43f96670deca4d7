// A message as bytes on disk, for the inbox.
using Mote.Capabilities.Messaging;
using Mote.DataPlane;

namespace Mote.Triggers;

/// <summary>
/// A message as one record: a version byte, then topic, content type, reply topic and correlation (base64), each as a text
/// (<see cref="RecordWriter"/>), the number of metadata pairs and these, then the data, which is the rest. Version 2 has, behind
/// the correlation, the name of the broker that the request came by; one that came by MQTT is of version 1.
/// </summary>
public static class MessageRecord
{
    private const byte Version = 1, VersionWithBroker = 2;

    /// <summary>The record of a message.</summary>
    public static byte[] Write(Message message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var writer = new RecordWriter(256);
        IMessageBroker? via = message.ReplyTo?.Via;
        writer.Number(via is null ? Version : VersionWithBroker); // one byte
        writer.Text(message.Topic);
        writer.Text(message.Type);
        writer.Text(message.ReplyTo?.Topic);
        writer.Text(message.ReplyTo is { } reply ? Convert.ToBase64String(reply.Correlation.Span) : null);
        if (via is not null) writer.Text(via.Name);
        writer.Number((uint)message.Metadata.Count);
        foreach ((string key, string value) in message.Metadata)
        {
            writer.Text(key);
            writer.Text(value);
        }

        return writer.End(message.Bytes.Span);
    }

    /// <summary>Reads a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="brokers">The broker of a name, for answers; null where there is none any more.</param>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static Message Read(ReadOnlyMemory<byte> record, Func<string, IMessageBroker?>? brokers = null)
    {
        var reader = new RecordReader(record.Span);
        uint version = record.Length == 0 ? 0 : reader.Number();
        if (version is not (Version or VersionWithBroker)) throw new InvalidDataException("not a record of a version that is known");
        string? topic = reader.Text(), type = reader.Text(), replyTopic = reader.Text(), correlation = reader.Text();
        string? via = version == VersionWithBroker ? Needed(reader.Text()) : null;
        uint pairs = reader.Number();
        var metadata = new List<(string, string)>();
        // Not as many as it says: as many as there are.
        for (uint i = 0; i < pairs; i++) metadata.Add((Needed(reader.Text()), Needed(reader.Text())));
        ReplyAddress? reply = null;
        if (replyTopic is not null)
        {
            try
            {
                reply = new ReplyAddress(replyTopic, Convert.FromBase64String(correlation ?? "")) { Via = via is null ? null : brokers?.Invoke(via) ?? new Gone(via) };
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

    /// <summary>A broker that the node had when the request came: its answer goes nowhere, rather than to another broker.</summary>
    private sealed class Gone(string name) : IMessageBroker
    {
        public string Name => name;

        public IReadOnlyList<Message> Request(string topic, Message message, int expected, TimeSpan timeout) => throw Refusal();

        public void Reply(ReplyAddress to, Message message) => throw Refusal();

        private MessagingException Refusal() => new($"the request came by `{name}`, which this node does not have any more", MessagingFault.Refused);
    }
}
