// A message in the hands of the host or of a guest.
using Error = Mote.Capabilities.Messaging.IMessagingTypes.Error;

namespace Mote.Capabilities.Messaging;

/// <summary>Bytes with a topic and names and values that travel with them.</summary>
public sealed class Message : IMessagingTypes.IMessage
{
    private List<(string Key, string Value)>? _metadata;

    /// <summary>A message with these bytes, which must not change afterwards.</summary>
    public Message(ReadOnlyMemory<byte> data) => Bytes = data;

    /// <summary>Its bytes.</summary>
    public ReadOnlyMemory<byte> Bytes { get; private set; }

    /// <summary>Where it came from, or goes to.</summary>
    public string? Topic { get; init; }

    /// <summary>What its bytes are.</summary>
    public string? Type { get; set; }

    /// <summary>Names and values in order.</summary>
    public IReadOnlyList<(string Key, string Value)> Metadata => _metadata ?? (IReadOnlyList<(string, string)>)[];

    /// <summary>Where an answer goes, if the sender waits for one: opaque to the guest.</summary>
    public ReplyAddress? ReplyTo { get; init; }

    /// <summary>Adds a pair.</summary>
    public void AddMetadata(string key, string value) => (_metadata ??= []).Add((key, value));

    string? IMessagingTypes.IMessage.Topic() => Topic;

    string? IMessagingTypes.IMessage.ContentType() => Type;

    void IMessagingTypes.IMessage.SetContentType(string contentType) => Type = contentType;

    ReadOnlyMemory<byte> IMessagingTypes.IMessage.Data() => Bytes;

    void IMessagingTypes.IMessage.SetData(ReadOnlySpan<byte> data) => Bytes = data.ToArray();

    (string, string)[]? IMessagingTypes.IMessage.Metadata() => _metadata is null ? null : [.. _metadata];

    void IMessagingTypes.IMessage.SetMetadata((string, string)[] meta) => _metadata = [.. meta];

    void IMessagingTypes.IMessage.RemoveMetadata(string key) => _metadata?.RemoveAll(m => m.Key == key);
}

/// <summary>Where an answer goes.</summary>
/// <param name="Topic">The topic the sender listens on.</param>
/// <param name="Correlation">What the sender knows the request by.</param>
public sealed record ReplyAddress(string Topic, ReadOnlyMemory<byte> Correlation);

/// <summary>Why a broker did not do what it was asked.</summary>
public enum MessagingFault
{
    /// <summary>It is not there: the same may work later.</summary>
    Connection,

    /// <summary>Time ran out.</summary>
    Timeout,

    /// <summary>It will not do this, now or later.</summary>
    Refused,
}

/// <summary>A broker did not do what it was asked.</summary>
public sealed class MessagingException(string message, MessagingFault fault = MessagingFault.Connection, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public MessagingFault Fault { get; } = fault;

    internal Error ToError() => Fault switch
    {
        MessagingFault.Timeout => Error.Timeout.Instance,
        MessagingFault.Refused => new Error.Other(Message),
        _ => new Error.Connection(Message),
    };
}
