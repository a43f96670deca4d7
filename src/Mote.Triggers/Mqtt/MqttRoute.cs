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
}

/// <summary>The MQTT broker of a node: in this process or elsewhere.</summary>
public interface IMqttBroker : IMessageBroker, IAsyncDisposable
{
    /// <summary>Where others reach it, for people: host and port.</summary>
    string Address { get; }

    /// <summary>Messages that had to be dropped.</summary>
    long Dropped { get; }

    /// <summary>Starts to feed the queues.</summary>
    Task StartAsync(IReadOnlyList<MqttRoute> routes, CancellationToken token);

    /// <summary>Publishes what a component sent, and returns when the broker has it.</summary>
    /// <exception cref="MessagingException">The broker does not take it.</exception>
    void Publish(string topic, Message message);

    /// <summary>Takes no more messages; what is in the queues stays there.</summary>
    Task StopReceivingAsync();
}
