// A message in the hands of the host or of a guest.
using Error = Mote.Capabilities.Messaging.IMessagingTypes.Error;

namespace Mote.Capabilities.Messaging;

/// <summary>Bytes with a topic and names and values that travel with them.</summary>
public sealed class Message : IMessagingTypes.IMessage, IDisposable
{
    private List<(string Key, string Value)>? _metadata;
    private bool _isPassedOn;

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

    /// <summary>Which messaging system it is of, in the words of OpenTelemetry.</summary>
    public string System { get; init; } = "mqtt";

    /// <summary>Where an answer goes, if the sender waits for one: opaque to the guest.</summary>
    public ReplyAddress? ReplyTo { get; init; }

    /// <summary>A topic that its sender asks for answers on, without more (no correlation); null for none.</summary>
    public string? AnswersTo { get; init; }

    /// <summary>Told, once, that the guest which had it, or its copy, has given it up without passing it on: its bytes may change from then on.</summary>
    public Action? Unused { get; init; }

    /// <summary>Told how many bytes a guest is about to add or has given back, while it has the message; may trap it.</summary>
    internal Action<long>? Resizing { get; set; }

    /// <summary>Bytes of everything in it, for limits: text counts as UTF-16, which is how it is kept, and a pair for its place.</summary>
    internal long Size => Bytes.Length + (2L * (Type?.Length ?? 0)) + SizeOfMetadata;

    /// <summary>Bytes that leave the node with it.</summary>
    public long WireBytes(string? topic) => Bytes.Length + (topic?.Length ?? 0) + (Type?.Length ?? 0) + (_metadata?.Sum(m => (long)m.Key.Length + m.Value.Length) ?? 0);

    private long SizeOfMetadata => _metadata?.Sum(m => SizeOf(m.Key, m.Value)) ?? 0;

    private static long SizeOf(string key, string value) => 64 + (2L * (key.Length + value.Length));

    /// <summary>A message of the same content: what a guest does to the one does not change the other.</summary>
    public Message Copy() => new(Bytes) { Topic = Topic, Type = Type, System = System, ReplyTo = ReplyTo, AnswersTo = AnswersTo, Unused = Unused, _metadata = _metadata is null ? null : [.. _metadata] };

    /// <summary>A message of the same content, as it comes on a topic.</summary>
    public Message To(string topic) => new(Bytes) { Topic = topic, Type = Type, ReplyTo = ReplyTo, _metadata = _metadata is null ? null : [.. _metadata] };

    /// <summary>Adds a pair.</summary>
    public void AddMetadata(string key, string value)
    {
        Resizing?.Invoke(SizeOf(key, value));
        (_metadata ??= []).Add((key, value));
    }

    /// <summary>The value of a name, the first one where there are several; null where there is none.</summary>
    public string? MetadataOf(string key)
    {
        foreach ((string name, string value) in Metadata)
        {
            if (name == key) return value;
        }

        return null;
    }

    /// <summary>
    /// The trace that this message belongs to goes with it (W3C trace context). A guest that copied what it received names
    /// the same trace: then the span changes. One that names another trace knows why.
    /// </summary>
    internal void SetTrace(string parent, string? state)
    {
        const string Parent = "traceparent", State = "tracestate";
        string? own = MetadataOf(Parent);
        if (own is not null && !(own.Length > 35 && parent.AsSpan(3, 32).SequenceEqual(own.AsSpan(3, 32)))) return;
        _metadata = [.. Metadata.Where(m => m.Key is not (Parent or State)), (Parent, parent)];
        if (state is not null) _metadata.Add((State, state));
    }

    string? IMessagingTypes.IMessage.Topic() => Topic;

    string? IMessagingTypes.IMessage.ContentType() => Type;

    void IMessagingTypes.IMessage.SetContentType(string contentType)
    {
        Resizing?.Invoke(2L * (contentType.Length - (Type?.Length ?? 0)));
        Type = contentType;
    }

    ReadOnlyMemory<byte> IMessagingTypes.IMessage.Data() => Bytes;

    void IMessagingTypes.IMessage.SetData(ReadOnlySpan<byte> data)
    {
        Resizing?.Invoke(data.Length - Bytes.Length);
        Bytes = data.ToArray();
    }

    (string, string)[]? IMessagingTypes.IMessage.Metadata() => _metadata is null ? null : [.. _metadata];

    void IMessagingTypes.IMessage.SetMetadata((string, string)[] meta)
    {
        Resizing?.Invoke(meta.Sum(m => SizeOf(m.Item1, m.Item2)) - SizeOfMetadata);
        _metadata = [.. meta];
    }

    void IMessagingTypes.IMessage.RemoveMetadata(string key)
    {
        long before = SizeOfMetadata;
        _metadata?.RemoveAll(m => m.Key == key);
        Resizing?.Invoke(SizeOfMetadata - before);
    }

    /// <summary>The guest has given it up.</summary>
    public void Dispose()
    {
        if (PassOn()) Unused?.Invoke();
    }

    /// <summary>It goes from the guest's hands into others; what is in it stays. False where it had done so before.</summary>
    internal bool PassOn()
    {
        if (_isPassedOn) return false;
        _isPassedOn = true;
        Resizing?.Invoke(-Size);
        Resizing = null;
        return true;
    }
}

/// <summary>Where an answer goes.</summary>
/// <param name="Topic">The topic the sender listens on.</param>
/// <param name="Correlation">What the sender knows the request by.</param>
public sealed record ReplyAddress(string Topic, ReadOnlyMemory<byte> Correlation)
{
    /// <summary>The broker that the request came by; null is the client `mqtt`.</summary>
    public IMessageBroker? Via { get; init; }
}

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
