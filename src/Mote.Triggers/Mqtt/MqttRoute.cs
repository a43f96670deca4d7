// Which messages go to which component, and what a broker must do for the components of a node.
using Mote.Capabilities.Messaging;

namespace Mote.Triggers.Mqtt;

/// <summary>Messages whose topic matches a filter go to a queue.</summary>
/// <param name="Filter">A topic filter (MQTT 5, section 4.7), or a shared subscription of one.</param>
/// <param name="Qos">The quality of service to subscribe at: 0, 1 or 2.</param>
/// <param name="Queue">The component's queue.</param>
/// <param name="Retry">What becomes of messages that the component fails at; null is nothing.</param>
public sealed record MqttRoute(string Filter, int Qos, MessageQueue Queue, RetryPolicy? Retry = null)
{
    /// <summary>The filter that topics are matched with.</summary>
    public string Topics { get; } = SharedFilter.TopicsOf(Filter);

    /// <summary>Keeps on disk what the component does not handle soon; null where nothing does.</summary>
    public MessageInbox? Inbox { get; init; }

    /// <summary>Gives a message to the component; waits where there is no room for it.</summary>
    /// <param name="message">The message.</param>
    /// <param name="done">Told when the sender may forget it, or why it should send it again.</param>
    /// <param name="token">The sender waits no longer.</param>
    public ValueTask AcceptAsync(Message message, Action<Outcome> done, CancellationToken token) =>
        Inbox is null ? Queue.EnqueueAsync(new MessageEvent(message, done, Filter, Retry: Retry), token) : Inbox.AcceptAsync(message, done, token);
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
