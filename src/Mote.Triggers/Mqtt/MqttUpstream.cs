// An upstream that is an MQTT broker: each event is published at quality of service 1, and taken when the broker
// acknowledges it. CloudEvents' MQTT protocol binding: binary mode with MQTT 5, the JSON format with MQTT 3.1.1, which has
// no place for attributes.
using System.Buffers;
using System.Globalization;
using System.Security.Authentication;
using System.Text;
using Mote.DataPlane;
using MQTTnet;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Mote.Triggers.Mqtt;

/// <summary>A broker that events go to. An event's topic there is the prefix and its own topic.</summary>
/// <param name="endpoint">The broker.</param>
/// <param name="clientId">What this node is called there.</param>
/// <param name="prefix">What stands before an event's topic: `plant-7/`; empty for nothing.</param>
/// <param name="log">Told once when nobody there listens.</param>
/// <param name="batch">Most events that are given at once.</param>
public sealed class MqttUpstream(MqttEndpoint endpoint, string clientId, string prefix, Action<string> log, int batch = 100) : IUpstream
{
    /// <summary>The topic of what the outbox itself has to say, behind the prefix; then follows the class.</summary>
    public const string GapTopic = "mote/gaps";

    /// <summary>Most events under way: acknowledgements come in the order of what they acknowledge (MQTT 5, section 4.6).</summary>
    private const int MaxUnderWay = 64;

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    private readonly IMqttClient _client = MqttEndpoint.Client();
    private readonly OversizeDoubt _doubt = new(); // with MQTT 3.1.1 only: 5 says what is wrong
    private int _window = MaxUnderWay;
    private long _largest = long.MaxValue;
    private bool _saidAlone;

    /// <inheritdoc/>
    public string Address => endpoint.Address;

    /// <inheritdoc/>
    public int Batch => batch;

    /// <inheritdoc/>
    public async Task<UpstreamAnswer> SendAsync(IReadOnlyList<CloudEvent> events, CancellationToken token)
    {
        try
        {
            if (!_client.IsConnected && await Connect(token).ConfigureAwait(false) is { } refusal) return refusal;
        }
        catch (Exception e) when (MqttEndpoint.IsConnectionFault(e))
        {
            token.ThrowIfCancellationRequested();
            bool tls = e is AuthenticationException || e.InnerException is AuthenticationException;
            return new UpstreamAnswer(0, Text(e), tls ? UpstreamFault.Misconfigured : UpstreamFault.Unreachable);
        }

        if (_doubt.IsDue(events[0].Id) && await JudgeSize(events[0], token).ConfigureAwait(false) is { } verdict) return verdict;
        var refused = new List<RefusedEvent>();
        var underWay = new Queue<Task<MqttClientPublishResult>?>();
        int begun = 0;
        try
        {
            for (int settled = 0; settled < events.Count; settled++)
            {
                bool alone = _doubt.IsAbout(events[settled].Id);
                for (; begun < events.Count && underWay.Count < (alone ? 1 : _window); begun++)
                {
                    if (ToMessage(events[begun], out string? fault, out _) is { } message) underWay.Enqueue(_client.PublishAsync(message, token));
                    else
                    {
                        refused.Add(new RefusedEvent(begun, fault!));
                        underWay.Enqueue(null);
                    }
                }

                if (underWay.Dequeue() is not { } answer) continue;
                UpstreamAnswer? stop = null;
                try
                {
                    stop = Judge(await answer.ConfigureAwait(false), settled, refused);
                    if (alone) _doubt.Clear();
                }
                catch (Exception e) when (MqttEndpoint.IsConnectionFault(e) || e is NotSupportedException)
                {
                    // The node stops, or the connection is gone: those before it are known.
                    stop = new UpstreamAnswer(settled, token.IsCancellationRequested ? "the node stops" : Text(e));
                    if (endpoint.Is311 && !token.IsCancellationRequested && !IsLate(e)) _doubt.Ended(events[settled].Id);
                }

                if (stop is { } s) return s with { Refused = [.. refused.Where(r => r.Index < settled)] };
            }

            refused.Sort((a, b) => a.Index.CompareTo(b.Index));
            return new UpstreamAnswer(events.Count) { Refused = refused };
        }
        finally
        {
            foreach (Task<MqttClientPublishResult>? rest in underWay) _ = rest?.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_client.IsConnected) await _client.DisconnectAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (MqttEndpoint.IsConnectionFault(e))
        {
            // It is gone either way.
        }

        _client.Dispose();
    }

    /// <returns>Why the broker will not have it; null where it is connected.</returns>
    private async Task<UpstreamAnswer?> Connect(CancellationToken token)
    {
        // What is not acknowledged is in the outbox, so the broker keeps no session.
        MqttClientConnectResult result = await _client.ConnectAsync(endpoint.Options(clientId, s_timeout).WithCleanSession().Build(), token).ConfigureAwait(false);
        if (result.ResultCode != MqttClientConnectResultCode.Success)
        {
            return new UpstreamAnswer(0, $"it refuses the connection: {result.ResultCode}{Because(result.ReasonString)}", MqttEndpoint.IsMisconfigured(result.ResultCode) ? UpstreamFault.Misconfigured : UpstreamFault.Unreachable);
        }

        _window = Math.Clamp(result.ReceiveMaximum is > 0 and { } most ? most : MaxUnderWay, 1, MaxUnderWay);
        _largest = result.MaximumPacketSize is > 0 and { } largest ? largest : long.MaxValue;
        return null;
    }

    /// <summary>The broker has closed connection after connection over this event: is it too large?</summary>
    /// <returns>Its answer; null where the event is to be sent.</returns>
    private async Task<UpstreamAnswer?> JudgeSize(CloudEvent e, CancellationToken token)
    {
        if (ToMessage(e, out _, out long size) is null) return null;
        var probe = new MqttClientUnsubscribeOptions { TopicFilters = OversizeDoubt.Filters(size) };
        try
        {
            await _client.UnsubscribeAsync(probe, token).ConfigureAwait(false);
        }
        catch (Exception error) when (MqttEndpoint.IsConnectionFault(error))
        {
            token.ThrowIfCancellationRequested();
            if (IsLate(error)) return new UpstreamAnswer(0, Text(error));
            _doubt.TooLarge(size);
            return new UpstreamAnswer(1, "it closed the connection over a packet that is too large for it") { Refused = [new RefusedEvent(0, TooLarge(size))] };
        }

        _doubt.Clear();
        return new UpstreamAnswer(0, $"it closes the connection over an event on `{prefix}{e.Subject}`, and takes other packets of {size} bytes: may this node publish there?", UpstreamFault.Misconfigured);
    }

    private static string TooLarge(long size) => string.Create(CultureInfo.InvariantCulture, $"it has {size} bytes, and the broker closes the connection over packets of that size (MQTT 3.1.1 has no other answer)");

    /// <returns>Why the sending stops here; null where this event is settled.</returns>
    private UpstreamAnswer? Judge(MqttClientPublishResult result, int index, List<RefusedEvent> refused)
    {
        string reason = $"{result.ReasonCode}{Because(result.ReasonString)}";
        switch ((int)result.ReasonCode)
        {
            case (int)MqttClientPublishReasonCode.NoMatchingSubscribers:
                // A success to MQTT, and yet nobody has it unless the broker bridges or stores what it takes.
                if (!_saidAlone) log($"upstream {Address} takes events, and says that nobody subscribes to them there");
                _saidAlone = true;
                return null;
            case < 0x80:
                return null;
            case (int)MqttClientPublishReasonCode.TopicNameInvalid or (int)MqttClientPublishReasonCode.PayloadFormatInvalid or 0x95: // 0x95: too large a packet
                refused.Add(new RefusedEvent(index, reason));
                return null;
            case (int)MqttClientPublishReasonCode.NotAuthorized:
                return new UpstreamAnswer(index, $"it does not let this node publish on the event's topic: {reason}", UpstreamFault.Misconfigured);
            default:
                return new UpstreamAnswer(index, reason);
        }
    }

    private MqttApplicationMessage? ToMessage(CloudEvent e, out string? fault, out long size)
    {
        string topic = prefix + (e.Type == CloudEvent.GapType ? $"{GapTopic}/{e.Subject}" : e.Subject ?? "events");
        fault = null;
        size = 16; // a packet's head, with room
        int topicBytes = Encoding.UTF8.GetByteCount(topic);
        if (topic.Length == 0 || topic.AsSpan().IndexOfAny('+', '#') >= 0 || !MqttText.Fits(topic))
        {
            fault = $"`{MqttText.OneLine(topic.Length > 100 ? topic[..100] : topic)}` is no topic";
            return null;
        }

        var message = new MqttApplicationMessage { Topic = topic, QualityOfServiceLevel = MqttQualityOfServiceLevel.AtLeastOnce };
        size += topicBytes;
        if (endpoint.Is311)
        {
            byte[] json = e.ToJson();
            message.Payload = new ReadOnlySequence<byte>(json);
            size += json.Length;
        }
        else
        {
            message.Payload = new ReadOnlySequence<byte>(e.Data);
            // What a component says of its bytes is not worth the bytes.
            message.ContentType = e.ContentType is { } type && MqttText.Fits(type) ? type : null;
            message.UserProperties = [];
            size += e.Data.Length + Encoding.UTF8.GetByteCount(message.ContentType ?? "") + 3;
            foreach ((string name, string value) in Attributes(e))
            {
                if (!MqttText.Fits(value)) fault = $"its attribute `{name}` cannot be carried: {MqttText.Rule}";
                byte[] bytes = Encoding.UTF8.GetBytes(value);
                message.UserProperties.Add(new MqttUserProperty(name, bytes));
                size += name.Length + bytes.Length + 5;
            }
        }

        if (size > _largest) fault = string.Create(CultureInfo.InvariantCulture, $"it has {size} bytes, and the broker takes {_largest}");
        else if (size >= _doubt.Limit) fault = TooLarge(size);
        return fault is null ? message : null;
    }

    /// <summary>Context attributes as user properties, by their own names (CloudEvents MQTT binding, section 3.1.3); the content type is MQTT's own.</summary>
    private static IEnumerable<(string Name, string Value)> Attributes(CloudEvent e)
    {
        yield return ("specversion", "1.0");
        yield return ("id", e.Id);
        yield return ("source", e.Source);
        yield return ("type", e.Type);
        yield return ("time", e.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        if (e.Subject is not null) yield return ("subject", e.Subject);
        // A component may have written these as it liked.
        if (e.TraceParent is null || !MqttText.Fits(e.TraceParent)) yield break;
        yield return ("traceparent", e.TraceParent);
        if (e.TraceState is not null && MqttText.Fits(e.TraceState)) yield return ("tracestate", e.TraceState);
    }

    private static string Because(string? reason) => string.IsNullOrEmpty(reason) ? "" : $" ({reason})";

    private static bool IsLate(Exception e) => e is OperationCanceledException or MQTTnet.Exceptions.MqttCommunicationTimedOutException;

    private static string Text(Exception e) => IsLate(e) ? "no answer in time" : e.GetBaseException().Message;
}
