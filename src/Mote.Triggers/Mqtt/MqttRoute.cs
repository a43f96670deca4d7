// Which messages go to which component, and what a broker must do for the components of a node.
using Mote.Capabilities.Messaging;
using Mote.Runtime;

namespace Mote.Triggers.Mqtt;

/// <summary>Messages whose topic matches a filter go to a queue.</summary>
/// <param name="Filter">A topic filter (MQTT 5, section 4.7), or a shared subscription of one.</param>
/// <param name="Qos">The quality of service to subscribe at: 0, 1 or 2.</param>
/// <param name="Queue">The component's queue.</param>
/// <param name="Retry">What becomes of messages that the component fails at; null is nothing.</param>
public record MqttRoute(string Filter, int Qos, MessageQueue Queue, RetryPolicy? Retry = null)
{
    /// <summary>The filter that topics are matched with.</summary>
    public string Topics { get; } = SharedFilter.TopicsOf(Filter);

    /// <summary>What messages have in common that keep their order.</summary>
    public MessageKey Key { get; init; }

    /// <summary>Keeps on disk what the component does not handle soon; null where nothing does.</summary>
    public MessageInbox? Inbox { get; init; }

    /// <summary>Most messages that are handled together.</summary>
    public virtual int Together => Queue.Batches?.Size ?? 1;

    /// <summary>Gives a message to the component; waits where there is no room for it.</summary>
    /// <param name="message">The message.</param>
    /// <param name="done">Told when the sender may forget it, or why it should send it again.</param>
    /// <param name="token">The sender waits no longer.</param>
    /// <param name="here">The caller's thread may be used to handle messages.</param>
    public virtual ValueTask AcceptAsync(Message message, Action<Outcome> done, CancellationToken token, bool here = false) =>
        Inbox is null ? Queue.EnqueueAsync(Event(message, done), token, here) : Inbox.AcceptAsync(message, done, token, here);

    /// <summary>The event that a message is which is not kept on disk.</summary>
    /// <param name="message">The message.</param>
    /// <param name="done">Told what became of it; null where nobody asks.</param>
    public MessageEvent Event(Message message, Action<Outcome>? done = null) => new(message, done, Filter, Retry: Retry) { Key = Key };
}

/// <summary>The MQTT broker of a node: in this process or elsewhere.</summary>
public interface IMqttBroker : IMessageBroker, IAsyncDisposable
{
    /// <summary>Where others reach it, for people: host and port.</summary>
    string Address { get; }

    /// <summary>Why it cannot be used now, for people; null where it can.</summary>
    string? Fault { get; }

    /// <summary>Messages that had to be dropped.</summary>
    long Dropped { get; }

    /// <summary>Starts to feed the queues.</summary>
    Task StartAsync(IReadOnlyList<MqttRoute> routes, CancellationToken token);

    /// <summary>Publishes what a component sent.</summary>
    /// <param name="topic">Where to.</param>
    /// <param name="message">What.</param>
    /// <param name="done">Told, on any thread, when the broker has it, and where that is this node, when its components have handled it or it is on disk.</param>
    /// <exception cref="MessagingException">The broker does not take it; <paramref name="done"/> is not told then.</exception>
    void Publish(string topic, Message message, Action<Outcome> done);

    /// <summary>Takes no more messages; what is in the queues stays there.</summary>
    Task StopReceivingAsync();
}
