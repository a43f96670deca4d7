// Which messages of NATS go to which component.
using Mote.Runtime;
using Mote.Triggers;

namespace Mote.Backends.Nats;

/// <summary>Messages of a subject go to a queue.</summary>
/// <param name="Subject">The subject, wildcards among its tokens.</param>
/// <param name="Queue">The component's queue.</param>
/// <param name="Retry">What becomes of messages that the component fails at.</param>
public sealed record NatsRoute(string Subject, MessageQueue Queue, RetryPolicy Retry)
{
    /// <summary>The queue group of core NATS; null is none.</summary>
    public string? Group { get; init; }

    /// <summary>What messages have in common that keep their order.</summary>
    public MessageKey Key { get; init; }

    /// <summary>The consumer of JetStream; null is core NATS.</summary>
    public NatsConsumer? Consumer { get; init; }
}

/// <summary>A durable consumer of a stream.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Durable">The consumer's name.</param>
/// <param name="OnlyNew">Begins with what comes from now on where it is new; otherwise with the oldest message.</param>
/// <param name="AckWait">How long the server waits for a sign of life of a message before it gives it again.</param>
/// <param name="MaxInFlight">Most messages that are given and not acknowledged.</param>
public sealed record NatsConsumer(string Stream, string Durable, bool OnlyNew, TimeSpan AckWait, int MaxInFlight);
