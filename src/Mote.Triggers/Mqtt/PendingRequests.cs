// Requests of guests that wait for answers (MQTT 5, section 4.10: response topic and correlation data).
using System.Collections.Concurrent;
using Mote.Capabilities.Messaging;
using MQTTnet;

namespace Mote.Triggers.Mqtt;

/// <summary>Matches answers to the requests they belong to.</summary>
internal sealed class PendingRequests
{
    private readonly ConcurrentDictionary<Guid, Waiter> _waiting = new();

    /// <summary>Where this process gets its answers.</summary>
    public string ResponseTopic { get; } = $"mote/replies/{Guid.NewGuid():N}";

    /// <summary>Sends a request and waits.</summary>
    /// <exception cref="MessagingException">No answer in time.</exception>
    public IReadOnlyList<Message> Run(MqttApplicationMessage request, int expected, TimeSpan timeout, Action<MqttApplicationMessage> publish)
    {
        var id = Guid.NewGuid();
        using var waiter = new Waiter(expected);
        request.ResponseTopic = ResponseTopic;
        request.CorrelationData = id.ToByteArray();
        _waiting[id] = waiter;
        try
        {
            publish(request);
            return waiter.Wait(timeout) ?? throw new MessagingException($"no answer on `{request.Topic}` within {timeout.TotalMilliseconds:0} ms", MessagingFault.Timeout);
        }
        finally
        {
            _waiting.TryRemove(id, out _);
        }
    }

    /// <summary>An answer came. One that nobody waits for (any more) is dropped.</summary>
    public void Complete(MqttApplicationMessage reply)
    {
        if (reply.CorrelationData is { Length: 16 } id && _waiting.TryGetValue(new Guid(id), out Waiter? waiter)) waiter.Add(MqttMessages.ToGuest(reply));
    }

    private sealed class Waiter(int expected) : IDisposable
    {
        private readonly List<Message> _replies = [];
        private readonly ManualResetEventSlim _all = new();

        public void Add(Message reply)
        {
            lock (_replies)
            {
                if (_replies.Count == expected) return;
                _replies.Add(reply);
                if (_replies.Count == expected) _all.Set();
            }
        }

        /// <summary>All answers, or those that came in time; null where none did.</summary>
        public IReadOnlyList<Message>? Wait(TimeSpan timeout)
        {
            _all.Wait(timeout);
            lock (_replies) return _replies.Count == 0 ? null : [.. _replies];
        }

        // An answer may still come while this goes: it finds the list full or the event unset, and neither is harmful.
        public void Dispose()
        {
            lock (_replies) _all.Dispose();
        }
    }
}
