// Which messages of clients go straight to components, past MQTTnet's sessions: those of topics that no client subscribes to.
using System.Collections.Concurrent;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Mote.Triggers.Mqtt;

/// <summary>
/// Knows the routes of a node and what its broker's clients subscribe to. Safe to use from many threads.
/// </summary>
/// <param name="log">Told of messages that are refused.</param>
internal sealed class PublishIntake(Action<string> log)
{
    private const int MostTopics = 10_000;

    private readonly ConcurrentDictionary<string, Plan> _plans = new();
    private readonly ConcurrentDictionary<string, Subscriptions> _filters = new();
    private IReadOnlyList<MqttRoute>? _routes;
    private int _topics;
    private int _version;

    /// <summary>The node takes no more messages.</summary>
    public CancellationTokenSource Stop { get; } = new();

    /// <summary>True once the components are known, even if there are none.</summary>
    public bool IsRouted => Volatile.Read(ref _routes) is not null;

    /// <summary>Tells of a refused message.</summary>
    public Action<string> Log => log;

    /// <summary>The components are known now.</summary>
    public void Route(IReadOnlyList<MqttRoute> routes)
    {
        Volatile.Write(ref _routes, routes);
        Interlocked.Increment(ref _version);
    }

    /// <summary>A client subscribes to a filter.</summary>
    /// <param name="client">Its name.</param>
    /// <param name="session">Its session: of a name, only the newest one counts.</param>
    /// <param name="filter">The filter.</param>
    public void Subscribed(string client, object session, string filter)
    {
        Subscriptions now = _filters.AddOrUpdate(client, static (_, s) => new Subscriptions(s), static (_, found, s) => ReferenceEquals(found.Session, s) ? found : new Subscriptions(s), session);
        lock (now.Filters) now.Filters.Add(filter);
        Interlocked.Increment(ref _version);
    }

    /// <summary>It does so no more.</summary>
    public void Unsubscribed(string client, object session, string filter)
    {
        if (!_filters.TryGetValue(client, out Subscriptions? found) || !ReferenceEquals(found.Session, session)) return;
        lock (found.Filters) found.Filters.Remove(filter);
        Interlocked.Increment(ref _version);
    }

    /// <summary>A client's session is over. It may have begun another one meanwhile.</summary>
    public void Ended(string client, object session)
    {
        if (!_filters.TryGetValue(client, out Subscriptions? found) || !ReferenceEquals(found.Session, session)) return;
        if (_filters.TryRemove(KeyValuePair.Create(client, found))) Interlocked.Increment(ref _version);
    }

    /// <summary>The components that a message goes to.</summary>
    public MqttRoute[] RoutesOf(string topic) => PlanOf(topic).Routes;

    /// <summary>The components that a message goes to, where nobody else gets it and nothing else is to be done with it; null for MQTTnet.</summary>
    public MqttRoute[]? Direct(MqttPublishPacket packet)
    {
        if (packet.Retain || packet.TopicAlias != 0 || packet.QualityOfServiceLevel == MqttQualityOfServiceLevel.ExactlyOnce || string.IsNullOrEmpty(packet.Topic) || packet.Topic.AsSpan().ContainsAny('+', '#')) return null;
        if (Stop.IsCancellationRequested || packet.Payload.Length > EmbeddedBroker.MaxMessageBytes) return null;
        Plan plan = PlanOf(packet.Topic);
        return plan.Routes.Length > 0 && !plan.IsSubscribed ? plan.Routes : null;
    }

    private Plan PlanOf(string topic)
    {
        int version = Volatile.Read(ref _version);
        if (_plans.TryGetValue(topic, out Plan? plan) && plan.Version == version) return plan;
        plan = new Plan(version, [.. (Volatile.Read(ref _routes) ?? []).Where(r => TopicFilter.Matches(topic, r.Filter))], _filters.Values.Any(s => Matches(topic, s.Filters)));
        if (Interlocked.Increment(ref _topics) > MostTopics)
        {
            _plans.Clear();
            Volatile.Write(ref _topics, 0);
        }

        _plans[topic] = plan;
        return plan;
    }

    private static bool Matches(string topic, HashSet<string> filters)
    {
        lock (filters) return filters.Any(f => TopicFilter.Matches(topic, f));
    }

    /// <summary>The filters of a session.</summary>
    private sealed class Subscriptions(object session)
    {
        public object Session => session;

        public HashSet<string> Filters { get; } = [];
    }

    /// <summary>What is done with a topic, as of a version of routes and subscriptions.</summary>
    private sealed record Plan(int Version, MqttRoute[] Routes, bool IsSubscribed);
}
