// [[trigger.messaging]]: messages of NATS go to a component.
using Mote.Runtime;

namespace Mote.Packaging.Nats;

/// <summary>Where a new durable consumer begins in its stream.</summary>
public enum DeliverFrom
{
    /// <summary>With the oldest message that the stream has.</summary>
    All,

    /// <summary>With what comes from now on.</summary>
    New,
}

/// <summary>Messages of a subject go to a component: of core NATS, or where there is a <paramref name="Stream"/>, of JetStream.</summary>
/// <param name="Subject">The subject: * is any one token, > at the end is all that follow.</param>
/// <param name="Component">The component's name.</param>
/// <param name="Line">Where it is in the manifest.</param>
public sealed record MessagingTriggerManifest(string Subject, string Component, int Line)
{
    /// <summary>The queue group: each message goes to one of its members. Null is none, and never with a stream.</summary>
    public string? Queue { get; init; }

    /// <summary>What the stream gives, and how; null for core NATS.</summary>
    public StreamSource? Stream { get; init; }

    /// <summary>How often a message that the component fails at is tried again; null is the host's default.</summary>
    public int? Retries { get; init; }

    /// <summary>The subject where it goes then; null is the host's default.</summary>
    public string? DeadLetter { get; init; }

    /// <summary>What messages have in common that keep their order where the component handles several at once.</summary>
    public MessageKey Key { get; init; }

    /// <summary>How large batches are, where the component takes them; null where this trigger does not say.</summary>
    public BatchManifest? Batch { get; init; }
}

/// <summary>A durable consumer of a stream.</summary>
/// <param name="Name">The stream's name.</param>
/// <param name="Durable">The consumer's name; null is one of the node's own. Nodes that name the same share its messages.</param>
/// <param name="From">Where it begins when it is new.</param>
/// <param name="AckWait">How long the server waits for a sign of life of a message before it gives it again.</param>
/// <param name="MaxInFlight">Most messages that are given and not acknowledged; null is as many as the component's queue takes.</param>
public sealed record StreamSource(string Name, string? Durable, DeliverFrom From, TimeSpan AckWait, int? MaxInFlight);
