// A message of wasi:messaging as an MQTT application message and back: the content type, the user properties (as
// metadata), the response topic and the correlation data are MQTT 5's own.
using System.Buffers;
using Mote.Capabilities.Messaging;
using MQTTnet;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Mote.Triggers.Mqtt;

internal static class MqttMessages
{
    /// <summary>For a guest. The bytes are those that came from the wire: MQTTnet reads each packet into its own array.</summary>
    public static Message ToGuest(MqttApplicationMessage m) => ToGuest(m.Topic, m.Payload, m.ContentType, m.ResponseTopic, m.CorrelationData, m.UserProperties);

    /// <summary>The same, as a client has sent it.</summary>
    public static Message ToGuest(MqttPublishPacket m) => ToGuest(m.Topic, m.Payload, m.ContentType, m.ResponseTopic, m.CorrelationData, m.UserProperties);

    private static Message ToGuest(string topic, ReadOnlySequence<byte> payload, string? type, string? responseTopic, byte[]? correlation, List<MqttUserProperty>? userProperties)
    {
        var message = new Message(payload.IsSingleSegment ? payload.First : payload.ToArray())
        {
            Topic = topic,
            Type = type,
            ReplyTo = string.IsNullOrEmpty(responseTopic) ? null : new ReplyAddress(responseTopic, correlation ?? []),
        };
        if (userProperties is { } properties)
        {
            foreach (MqttUserProperty p in properties) message.AddMetadata(p.Name, p.ReadValueAsString());
        }

        return message;
    }

    /// <summary>From a guest, at least once.</summary>
    /// <exception cref="MessagingException">The topic is none, or a text in it is one that MQTT cannot carry: MQTTnet would write a broken packet.</exception>
    public static MqttApplicationMessage FromGuest(string topic, Message m)
    {
        if (topic.Length == 0 || topic.AsSpan().IndexOfAny('+', '#') >= 0 || !MqttText.Fits(topic))
        {
            throw new MessagingException($"`{topic}` is not a topic: a topic has at least one character, {MqttText.Rule}, and no + or #", MessagingFault.Refused);
        }

        if (m.Type is not null && !MqttText.Fits(m.Type)) throw new MessagingException($"a content type has {MqttText.Rule}", MessagingFault.Refused);
        if (m.AnswersTo is { } answers && (answers.Length == 0 || answers.AsSpan().IndexOfAny('+', '#') >= 0 || !MqttText.Fits(answers))) throw new MessagingException($"`{answers}` is no topic to answer on", MessagingFault.Refused);
        if (m.Metadata.Any(p => !MqttText.Fits(p.Key) || !MqttText.Fits(p.Value))) throw new MessagingException($"each name and value of the metadata has {MqttText.Rule}", MessagingFault.Refused);

        return new MqttApplicationMessage
        {
            Topic = topic,
            Payload = new ReadOnlySequence<byte>(m.Bytes),
            ContentType = m.Type,
            ResponseTopic = m.AnswersTo,
            QualityOfServiceLevel = MqttQualityOfServiceLevel.AtLeastOnce,
            UserProperties = m.Metadata.Count == 0 ? null : [.. m.Metadata.Select(p => new MqttUserProperty(p.Key, System.Text.Encoding.UTF8.GetBytes(p.Value)))],
        };
    }
}
