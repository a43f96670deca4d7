// The broker in this process. Components are fed straight from a publisher's connection, and its PUBLISH is acknowledged
// when they have handled it: a full queue makes the publisher wait, and nothing is dropped on the way. What other clients
// get as well, and everything but messages, is MQTTnet's.
using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Mote.Capabilities.Messaging;
using MQTTnet;
using MQTTnet.Diagnostics.Logger;
using MQTTnet.Protocol;
using MQTTnet.Server;

namespace Mote.Triggers.Mqtt;

/// <summary>An MQTT 3.1.1 and 5 broker, without TLS or passwords: it listens on loopback unless the operator says otherwise.</summary>
public sealed class EmbeddedBroker : IMqttBroker
{
    /// <summary>Most bytes of one message.</summary>
    public const int MaxMessageBytes = 16 << 20;

    /// <summary>Most clients whose sessions are kept.</summary>
    public const int MaxSessions = 10_000;

    /// <summary>Most messages that wait for one client.</summary>
    public const int MaxPendingPerClient = 1000;

    private const string OwnClient = "mote-node";

    /// <summary>Sends what components of this node have already.</summary>
    private const string FedClient = "mote-node-fed";

    private readonly MqttServer _server;
    private readonly Action<string> _log;
    private readonly PendingRequests _requests = new();
    private readonly PublishIntake _intake;
    private readonly CancellationTokenSource _stopReceiving;
    private readonly RetainedLimit _retained;
    private bool _saidRetained;

    /// <summary>Clients whose sessions are kept, and whether each speaks MQTT 5.</summary>
    private readonly ConcurrentDictionary<string, bool> _sessions = new();
    private readonly TaskCompletionSource _isRouted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _dropped;

    private EmbeddedBroker(MqttServer server, IPEndPoint endpoint, PublishIntake intake, RetainedOptions retained)
    {
        _retained = new RetainedLimit(retained);
        _server = server;
        _log = intake.Log;
        _intake = intake;
        _stopReceiving = intake.Stop;
        Endpoint = endpoint;
        server.InterceptingPublishAsync += OnPublish;
        server.InterceptingSubscriptionAsync += OnSubscribe;
        server.ValidatingConnectionAsync += OnConnect;
        server.SessionDeletedAsync += e =>
        {
            _sessions.TryRemove(e.Id, out _);
            intake.Ended(e.Id, e.SessionItems);
            return Task.CompletedTask;
        };
        server.ClientUnsubscribedTopicAsync += e =>
        {
            intake.Unsubscribed(e.ClientId, e.SessionItems, e.TopicFilter);
            return Task.CompletedTask;
        };
        server.QueuedApplicationMessageOverwrittenAsync += e =>
        {
            if (Interlocked.Increment(ref _dropped) == 1) _log($"broker: client `{e.ReceiverClientId}` does not keep up; {MaxPendingPerClient} messages wait for it and the oldest are dropped and counted");
            return Task.CompletedTask;
        };
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Endpoint { get; }

    /// <inheritdoc/>
    public string Address => Endpoint.ToString();

    /// <inheritdoc/>
    public string? Fault => _server.IsStarted ? null : "it has stopped";

    /// <inheritdoc/>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Messages that are retained, and their bytes.</summary>
    public (long Messages, long Bytes) Retained => _retained.Kept;

    /// <summary>Messages that were not retained because as many were as may be.</summary>
    public long RetainedRefused => _retained.Refused;

    /// <summary>Starts a broker; port 0 lets the system choose one.</summary>
    /// <param name="listen">Where it listens.</param>
    /// <param name="log">Told of what it refuses.</param>
    /// <param name="retained">Most retained messages; null for the default.</param>
    /// <exception cref="MessagingException">It cannot listen there.</exception>
    public static async Task<EmbeddedBroker> StartAsync(IPEndPoint listen, Action<string> log, RetainedOptions? retained = null)
    {
        var intake = new PublishIntake(log);
        BrokerListener listener;
        try
        {
            listener = new BrokerListener(listen, intake);
        }
        catch (System.Net.Sockets.SocketException e)
        {
            throw new MessagingException($"the embedded broker cannot listen on {listen}: {e.Message}; choose another with `listen` under [broker] in node.toml, or end what listens there", inner: e);
        }

        MqttServerOptions options = new MqttServerOptionsBuilder()
            .WithoutDefaultEndpoint()
            .WithPersistentSessions()
            .WithMaxPendingMessagesPerClient(MaxPendingPerClient)
            .Build();
        MqttServer server = new MqttServerFactory(new MqttNetNullLogger()).CreateMqttServer(options, [listener]);
        var broker = new EmbeddedBroker(server, listener.Endpoint, intake, retained ?? new RetainedOptions());
        await server.StartAsync().ConfigureAwait(false);
        return broker;
    }

    /// <inheritdoc/>
    public Task StartAsync(IReadOnlyList<MqttRoute> routes, CancellationToken token)
    {
        _intake.Route(routes);
        _isRouted.TrySetResult();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Publish(string topic, Message message, Action<Outcome> done)
    {
        MqttApplicationMessage m = MqttMessages.FromGuest(topic, message);
        if (FaultOf(m) is { } fault) throw new MessagingException(fault.Reason, MessagingFault.Refused);
        MqttRoute[] routes = _intake.RoutesOf(topic);
        var outcomes = new Outcomes(routes.Length + 1, done);
        // Components of this node get it straight; the broker has only to give it to others, where there are any.
        foreach (MqttRoute route in routes) Feed(m, route, outcomes.Done);
        if (!_sessions.IsEmpty) Inject(m, FedClient);
        outcomes.Done(Outcome.Handled);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Message> Request(string topic, Message message, int expected, TimeSpan timeout) =>
        _requests.Run(MqttMessages.FromGuest(topic, message), expected, timeout, m => Inject(m, OwnClient));

    /// <inheritdoc/>
    public void Reply(ReplyAddress to, Message message)
    {
        MqttApplicationMessage m = MqttMessages.FromGuest(to.Topic, message);
        m.CorrelationData = to.Correlation.ToArray();
        Inject(m, OwnClient);
    }

    /// <inheritdoc/>
    /// <remarks>What components send each other still goes its way: events that are here can be finished.</remarks>
    public async Task StopReceivingAsync()
    {
        await _stopReceiving.CancelAsync().ConfigureAwait(false);
        _server.AcceptNewConnections = false;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopReceiving.CancelAsync().ConfigureAwait(false);
        await _server.StopAsync(new MqttServerStopOptions()).ConfigureAwait(false);
        _server.Dispose();
    }

    private void Inject(MqttApplicationMessage message, string client) =>
        _server.InjectApplicationMessage(new InjectedMqttApplicationMessage(message) { SenderClientId = client }).GetAwaiter().GetResult();

    private async Task OnPublish(InterceptingPublishEventArgs e)
    {
        MqttApplicationMessage m = e.ApplicationMessage;
        if (!m.Retain || e.ClientId is OwnClient or FedClient)
        {
            await OnMessage(e).ConfigureAwait(false);
            return;
        }

        if (_retained.Take(m, out long before) is { } full)
        {
            await OnMessageNotRetained(e, full).ConfigureAwait(false);
            return;
        }

        await OnMessage(e).ConfigureAwait(false);
        if (!e.ProcessPublish) _retained.Undo(m.Topic, before);
    }

    /// <summary>There is no room to retain a message.</summary>
    private async Task OnMessageNotRetained(InterceptingPublishEventArgs e, string full)
    {
        MqttApplicationMessage m = e.ApplicationMessage;
        if (!_saidRetained) _log($"broker: a message of client `{e.ClientId}` on `{m.Topic}` is not retained, and counted: {full}");
        _saidRetained = true;
        if (m.QualityOfServiceLevel == MqttQualityOfServiceLevel.AtMostOnce)
        {
            // Nobody waits for an answer, and the protocol lets a broker not retain it (MQTT 5, section 3.3.1.3): it goes to who
            // is there. The one that was retained before goes as well, which this one was to replace.
            m.Retain = false;
            await Forget(m.Topic).ConfigureAwait(false);
            await OnMessage(e).ConfigureAwait(false);
            return;
        }

        e.ProcessPublish = false;
        e.Response.ReasonCode = MqttPubAckReasonCode.QuotaExceeded;
        e.Response.ReasonString = full;
        // MQTT 3.1.1 has no way to refuse a message but to end the connection.
        e.CloseConnection = !_sessions.GetValueOrDefault(e.ClientId);
    }

    private async Task Forget(string topic)
    {
        var nothing = new MqttApplicationMessage { Topic = topic, Retain = true };
        _retained.Take(nothing, out long before);
        if (before > 0) await _server.UpdateRetainedMessageAsync(nothing).ConfigureAwait(false);
    }

    private async Task OnMessage(InterceptingPublishEventArgs e)
    {
        MqttApplicationMessage m = e.ApplicationMessage;
        if (m.Topic == _requests.ResponseTopic)
        {
            _requests.Complete(m);
            e.ProcessPublish = false;
            return;
        }

        if (e.ClientId == FedClient) return;
        bool fromComponent = e.ClientId == OwnClient;
        if (!fromComponent && _stopReceiving.IsCancellationRequested)
        {
            // An acknowledgement would promise that it is handled.
            Refuse(e, MqttPubAckReasonCode.ImplementationSpecificError, "the node is stopping");
            return;
        }

        if (FaultOf(m) is { } fault)
        {
            Refuse(e, fault.Code, fault.Reason);
            return;
        }

        if (!fromComponent && !_isRouted.Task.IsCompleted)
        {
            // The server listens a moment before the components are known: an acknowledgement now would be for nothing.
            await _isRouted.Task.WaitAsync(_stopReceiving.Token).ContinueWith(static _ => { }, TaskScheduler.Default).ConfigureAwait(false);
            if (!_isRouted.Task.IsCompleted)
            {
                Refuse(e, MqttPubAckReasonCode.ImplementationSpecificError, "the node is stopping");
                return;
            }
        }

        MqttRoute[] routes = _intake.RoutesOf(m.Topic);
        if (routes.Length == 0) return;
        if (fromComponent)
        {
            foreach (MqttRoute route in routes) Feed(m, route, static _ => { });
            return;
        }

        TaskCompletionSource<Outcome>? all = null;
        try
        {
            if (m.QualityOfServiceLevel == MqttQualityOfServiceLevel.AtMostOnce)
            {
                foreach (MqttRoute route in routes) await route.Queue.EnqueueAsync(route.Event(MqttMessages.ToGuest(m)), _stopReceiving.Token, here: true).ConfigureAwait(false);
                return;
            }

            // Acknowledged when every component has handled it and what they sent is safe, or when it is on disk itself: a
            // publisher that has the PUBACK may forget the message.
            all = new TaskCompletionSource<Outcome>(TaskCreationOptions.RunContinuationsAsynchronously);
            var outcomes = new Outcomes(routes.Length, all.SetResult);
            foreach (MqttRoute route in routes) await route.AcceptAsync(MqttMessages.ToGuest(m), outcomes.Done, _stopReceiving.Token, here: true).ConfigureAwait(false);
            if (await all.Task.WaitAsync(_stopReceiving.Token).ConfigureAwait(false) == Outcome.NotDelivered)
            {
                Refuse(e, MqttPubAckReasonCode.ImplementationSpecificError, "neither it nor what the components made of it can be kept now: send it again later");
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ChannelClosedException)
        {
            // Those that have it finish it, but nobody waits for that any more.
            if (all?.Task is { IsCompletedSuccessfully: true, Result: not Outcome.NotDelivered }) return;
            Refuse(e, MqttPubAckReasonCode.ImplementationSpecificError, "the node is stopping");
        }
    }

    private void Feed(MqttApplicationMessage m, MqttRoute route, Action<Outcome> done)
    {
        if (route.Feed(MqttMessages.ToGuest(m), done)) return;
        if (Interlocked.Increment(ref _dropped) == 1) _log($"broker: component `{route.Queue.Component.Name}` had no room for a message on `{m.Topic}` that a component sent, for {MessageFeed.Patience.TotalSeconds} s; it is refused and counted. Do components feed each other in a circle?");
    }

    private static (MqttPubAckReasonCode Code, string Reason)? FaultOf(MqttApplicationMessage m) =>
        m.QualityOfServiceLevel == MqttQualityOfServiceLevel.ExactlyOnce
            // MQTTnet's server passes a repeated PUBLISH on twice, which is not what the publisher asked for.
            ? (MqttPubAckReasonCode.ImplementationSpecificError, "the embedded broker does not offer quality of service 2: publish with 1, or use an external broker")
            : m.Payload.Length > MaxMessageBytes ? (MqttPubAckReasonCode.QuotaExceeded, $"a message has at most {MaxMessageBytes} bytes") : null;

    private void Refuse(InterceptingPublishEventArgs e, MqttPubAckReasonCode code, string reason)
    {
        e.ProcessPublish = false;
        e.Response.ReasonCode = code;
        e.Response.ReasonString = reason;
        // MQTT 3.1.1 has no way to refuse a message but to end the connection.
        e.CloseConnection = true;
        if (!_stopReceiving.IsCancellationRequested) _log($"broker: a message of client `{e.ClientId}` on `{e.ApplicationMessage.Topic}` is refused and the connection closed: {reason}");
    }

    private Task OnSubscribe(InterceptingSubscriptionEventArgs e)
    {
        if (e.TopicFilter.Topic.StartsWith("$share/", StringComparison.Ordinal))
        {
            e.Response.ReasonCode = MqttSubscribeReasonCode.SharedSubscriptionsNotSupported;
            e.ReasonString = "the embedded broker has no shared subscriptions: use an external broker";
            e.ProcessSubscription = false;
            _log($"broker: client `{e.ClientId}` asked for `{e.TopicFilter.Topic}`: {e.ReasonString}");
            return Task.CompletedTask;
        }

        _intake.Subscribed(e.ClientId, e.SessionItems, e.TopicFilter.Topic);
        if (e.TopicFilter.QualityOfServiceLevel == MqttQualityOfServiceLevel.ExactlyOnce)
        {
            // A server may grant less than was asked for, and says so in SUBACK.
            e.TopicFilter.QualityOfServiceLevel = MqttQualityOfServiceLevel.AtLeastOnce;
            e.Response.ReasonCode = MqttSubscribeReasonCode.GrantedQoS1;
        }

        return Task.CompletedTask;
    }

    private Task OnConnect(ValidatingConnectionEventArgs e)
    {
        bool is5 = e.ProtocolVersion == MQTTnet.Formatter.MqttProtocolVersion.V500;
        if (_sessions.ContainsKey(e.ClientId))
        {
            _sessions[e.ClientId] = is5;
            return Task.CompletedTask;
        }

        if (_sessions.Count >= MaxSessions)
        {
            e.ReasonCode = MqttConnectReasonCode.QuotaExceeded;
            e.ReasonString = $"the broker keeps the sessions of at most {MaxSessions} clients";
        }
        else if (e.ClientId is OwnClient or FedClient)
        {
            e.ReasonCode = MqttConnectReasonCode.ClientIdentifierNotValid;
            e.ReasonString = $"`{e.ClientId}` is a name of the broker's own";
        }
        else
        {
            _sessions[e.ClientId] = is5;
        }

        return Task.CompletedTask;
    }
}
