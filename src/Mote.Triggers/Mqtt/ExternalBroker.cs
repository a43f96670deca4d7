// A broker elsewhere, through one MQTT connection that is made again whenever it breaks. A message of quality of
// service 1 or 2 is acknowledged when its component has handled it: what was not comes again.
using System.Threading.Channels;
using Mote.Capabilities.Messaging;
using Mote.DataPlane;
using MQTTnet;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Mote.Triggers.Mqtt;

/// <summary>An external MQTT broker.</summary>
public sealed class ExternalBroker : IMqttBroker
{
    /// <summary>How long the broker keeps the session of a node that is away.</summary>
    private static readonly TimeSpan s_sessionExpiry = TimeSpan.FromDays(1);

    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(30));
    private static readonly TimeSpan s_publishTimeout = TimeSpan.FromSeconds(10);

    private readonly IMqttClient _client;
    private readonly string _clientId;
    private readonly MqttEndpoint _endpoint;
    private readonly string? _statusTopic;
    private readonly Action<string> _log;
    private readonly PendingRequests _requests = new();
    private volatile string? _fault;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IReadOnlyList<MqttRoute> _routes = [];
    private Task _connection = Task.CompletedTask;
    private volatile bool _receiving = true;
    private int _connectionNumber;
    private int _redeliverOn;
    private long _dropped;

    /// <summary>A broker elsewhere.</summary>
    /// <param name="endpoint">Where it is and how to speak to it.</param>
    /// <param name="clientId">Names this node's session there.</param>
    /// <param name="log">Told when it cannot be reached, and when it can again.</param>
    /// <param name="statusTopic">A topic whose retained message says `online` while this node is connected and `offline` when it is not (its last will); null for none.</param>
    public ExternalBroker(MqttEndpoint endpoint, string clientId, Action<string> log, string? statusTopic = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        _endpoint = endpoint;
        _clientId = clientId;
        _log = log;
        _statusTopic = statusTopic;
        _client = MqttEndpoint.Client();
        _client.ApplicationMessageReceivedAsync += OnMessage;
    }

    /// <inheritdoc/>
    public string Address => _endpoint.Address;

    /// <inheritdoc/>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>True while there is a connection.</summary>
    public bool IsConnected => _client.IsConnected;

    /// <inheritdoc/>
    public string? Fault => _client.IsConnected ? null : _fault ?? "not connected yet";

    /// <summary>Starts to connect, and goes on trying: a broker that is not there yet is not an error.</summary>
    public Task StartAsync(IReadOnlyList<MqttRoute> routes, CancellationToken token)
    {
        _routes = routes;
        _connection = Task.Run(StayConnected, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Waits for the first connection.</summary>
    public Task WaitForConnectionAsync(CancellationToken token) => _connected.Task.WaitAsync(token);

    /// <inheritdoc/>
    public void Publish(string topic, Message message, Action<Outcome> done)
    {
        Send(MqttMessages.FromGuest(topic, message));
        done(Outcome.Handled);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Message> Request(string topic, Message message, int expected, TimeSpan timeout) =>
        _endpoint.Is311 ? throw new MessagingException("a request needs MQTT 5, and this node speaks MQTT 3.1.1 with its broker (`version` under [broker] in node.toml)", MessagingFault.Refused)
            : _requests.Run(MqttMessages.FromGuest(topic, message), expected, timeout, Send);

    /// <inheritdoc/>
    public void Reply(ReplyAddress to, Message message)
    {
        MqttApplicationMessage m = MqttMessages.FromGuest(to.Topic, message);
        m.CorrelationData = to.Correlation.ToArray();
        Send(m);
    }

    /// <inheritdoc/>
    public Task StopReceivingAsync()
    {
        _receiving = false;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _connection.ConfigureAwait(false);
        try
        {
            if (_client.IsConnected)
            {
                // A clean end is no reason for the last will, so it is said here.
                if (_statusTopic is not null) await _client.PublishAsync(Status("offline")).ConfigureAwait(false);
                await _client.DisconnectAsync().ConfigureAwait(false);
            }
        }
        catch (Exception e) when (MqttEndpoint.IsConnectionFault(e))
        {
            // It is gone either way.
        }

        _client.Dispose();
    }

    private MqttClientOptions Options()
    {
        // The broker sends no more at once than the smallest queue takes.
        int window = _routes.Count == 0 ? 64 : Math.Clamp(_routes.Min(r => r.Queue.Capacity), 1, ushort.MaxValue);
        MqttClientOptionsBuilder options = _endpoint.Options(_clientId, TimeSpan.FromSeconds(10));
        // MQTT 3.1.1 has neither: the broker decides how long it keeps a session and how much it sends at once.
        options = _endpoint.Is311 ? options.WithCleanSession(false)
            : options.WithCleanStart(false).WithSessionExpiryInterval((uint)s_sessionExpiry.TotalSeconds).WithReceiveMaximum((ushort)window);
        if (_statusTopic is not null) options = options.WithWillTopic(_statusTopic).WithWillPayload("offline").WithWillQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce).WithWillRetain();
        return options.Build();
    }

    private MqttApplicationMessage Status(string text) => new()
    {
        Topic = _statusTopic,
        Payload = new(System.Text.Encoding.ASCII.GetBytes(text)),
        QualityOfServiceLevel = MqttQualityOfServiceLevel.AtLeastOnce,
        Retain = true,
    };

    private async Task StayConnected()
    {
        int failures = 0;
        bool said = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (!_client.IsConnected)
                {
                    await Connect().ConfigureAwait(false);
                    if (said) _log($"broker {Address}: connected");
                    said = false;
                    failures = 0;
                    _connected.TrySetResult();
                }
                else if (Volatile.Read(ref _redeliverOn) == Volatile.Read(ref _connectionNumber))
                {
                    // A broker gives an unacknowledged message again on a new connection, and not before.
                    _log($"broker {Address}: connecting anew, for the messages whose results could not be passed on");
                    await _client.DisconnectAsync(cancellationToken: _stop.Token).ConfigureAwait(false);
                    continue;
                }

                await Task.Delay(s_backoff.First, _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is (a broker that goes while it is connected to gives several kinds): the edge goes on trying.
                _fault = e.GetBaseException().Message;
                if (!said) _log($"broker {Address}: {e.GetBaseException().Message}; trying again until it is there");
                said = true;
                try
                {
                    await Task.Delay(s_backoff.Before(++failures), _stop.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    return;
                }
            }
        }
    }

    private async Task Connect()
    {
        Interlocked.Increment(ref _connectionNumber);
        MqttClientConnectResult connected = await _client.ConnectAsync(Options(), _stop.Token).ConfigureAwait(false);
        if (connected.ResultCode != MqttClientConnectResultCode.Success) throw new MessagingException($"it refuses the connection ({connected.ResultCode}{(connected.ReasonString is { Length: > 0 } why ? $": {why}" : "")})");
        var subscribe = new MqttClientSubscribeOptionsBuilder();
        if (!_endpoint.Is311) subscribe = subscribe.WithTopicFilter(_requests.ResponseTopic, MqttQualityOfServiceLevel.AtLeastOnce);
        foreach (MqttRoute route in _routes.DistinctBy(r => r.Filter)) subscribe = subscribe.WithTopicFilter(route.Filter, (MqttQualityOfServiceLevel)route.Qos);
        MqttClientSubscribeOptions wanted = subscribe.Build();
        try
        {
            if (wanted.TopicFilters.Count > 0) await Subscribe(wanted).ConfigureAwait(false);
            if (_statusTopic is not null) await _client.PublishAsync(Status("online"), _stop.Token).ConfigureAwait(false);
        }
        catch
        {
            // Connected without its subscriptions it would wait for messages that never come.
            await _client.DisconnectAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task Subscribe(MqttClientSubscribeOptions wanted)
    {
        MqttClientSubscribeResult result = await _client.SubscribeAsync(wanted, _stop.Token).ConfigureAwait(false);
        foreach (MqttClientSubscribeResultItem item in result.Items)
        {
            if ((int)item.ResultCode < 0x80) continue;
            throw new MessagingException($"it refuses the subscription to `{item.TopicFilter.Topic}` ({item.ResultCode}{(result.ReasonString is { Length: > 0 } reason ? $": {reason}" : "")})");
        }
    }

    private async Task OnMessage(MqttApplicationMessageReceivedEventArgs e)
    {
        MqttApplicationMessage m = e.ApplicationMessage;
        if (m.Topic == _requests.ResponseTopic)
        {
            _requests.Complete(m);
            return;
        }

        e.AutoAcknowledge = false;
        if (!_receiving) return;
        MqttRoute[] routes = [.. _routes.Where(r => TopicFilter.Matches(m.Topic, r.Topics))];
        if (m.QualityOfServiceLevel == MqttQualityOfServiceLevel.AtMostOnce)
        {
            // Nothing holds these back, so what finds no room is dropped, as its quality of service allows.
            foreach (MqttRoute route in routes)
            {
                if (!route.Queue.TryEnqueue(route.Event(MqttMessages.ToGuest(m))) && Interlocked.Increment(ref _dropped) == 1) _log($"broker {Address}: component `{route.Queue.Component.Name}` does not keep up; messages of quality of service 0 are dropped and counted");
            }

            return;
        }

        var acknowledgement = new Acknowledgement(this, e);
        var all = new Outcomes(routes.Length, acknowledgement.Over);
        if (routes.Length == 0) acknowledgement.Over(Outcome.Handled);
        foreach (MqttRoute route in routes)
        {
            try
            {
                await route.AcceptAsync(MqttMessages.ToGuest(m), all.Done, _stop.Token).ConfigureAwait(false);
            }
            catch (Exception error) when (error is OperationCanceledException or ChannelClosedException)
            {
                return; // not acknowledged: the broker keeps it for the next time
            }
        }
    }

    private void Send(MqttApplicationMessage message)
    {
        if (_endpoint.Is311)
        {
            // It has no place for them, and MQTTnet refuses a message that has them.
            message.ContentType = null;
            message.UserProperties = null;
            message.ResponseTopic = null;
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        timeout.CancelAfter(s_publishTimeout);
        try
        {
            MqttClientPublishResult result = _client.PublishAsync(message, timeout.Token).GetAwaiter().GetResult();
            if (!result.IsSuccess) throw new MessagingException($"broker {Address} refuses a message on `{message.Topic}` ({result.ReasonCode}{(result.ReasonString is { Length: > 0 } reason ? $": {reason}" : "")})", MessagingFault.Refused);
        }
        catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or InvalidOperationException or OperationCanceledException or ObjectDisposedException or System.Net.Sockets.SocketException or IOException)
        {
            throw new MessagingException($"broker {Address} is not there: {e.Message}", inner: e);
        }
    }

    /// <summary>Acknowledges a message when every component it went to is done with it.</summary>
    private sealed class Acknowledgement(ExternalBroker broker, MqttApplicationMessageReceivedEventArgs args)
    {
        private readonly int _connection = Volatile.Read(ref broker._connectionNumber);

        public void Over(Outcome worst)
        {
            if (worst == Outcome.NotDelivered) AskAgain();
            else _ = SendAsync();
        }

        /// <summary>An older connection's number asks for nothing, and takes nothing back that a newer one asks for.</summary>
        private void AskAgain()
        {
            for (int seen = Volatile.Read(ref broker._redeliverOn); seen < _connection;)
            {
                int now = Interlocked.CompareExchange(ref broker._redeliverOn, _connection, seen);
                if (now == seen) return;
                seen = now;
            }
        }

        private async Task SendAsync()
        {
            // On another connection the same number may be another message's.
            if (_connection != Volatile.Read(ref broker._connectionNumber)) return;
            try
            {
                await args.AcknowledgeAsync(broker._stop.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or OperationCanceledException or InvalidOperationException or ObjectDisposedException)
            {
                // The connection went meanwhile: the broker sends the message again, as at-least-once says.
            }
        }
    }
}
