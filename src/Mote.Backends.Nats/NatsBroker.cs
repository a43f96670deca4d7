// NATS as components reach it: sending, requests and answers. What is sent to a subject that a stream keeps is safe when
// the stream has acknowledged it; anything else, when the server has it.
using System.Collections.Concurrent;
using Mote.Capabilities.Messaging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Backends.Nats;

/// <summary>NATS for components.</summary>
/// <param name="link">The connection; it stays the caller's.</param>
/// <param name="time">The clock by which what is known of streams is asked again.</param>
public sealed class NatsBroker(NatsLink link, TimeProvider time) : IMessageBroker
{
    private const int MaxKnown = 1000;

    private static readonly TimeSpan s_publishTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_askAgain = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_askAgainWhoDoesNotAnswer = TimeSpan.FromMinutes(10);

    /// <summary>Whether a stream keeps a subject, and until when that is believed.</summary>
    private readonly ConcurrentDictionary<string, (bool IsKept, long Until)> _known = new();

    /// <inheritdoc/>
    public string Name => "nats";

    /// <summary>Sends messages, and returns when they are safe.</summary>
    /// <exception cref="MessagingException">NATS is not there, or will not take one.</exception>
    public void Publish(IReadOnlyList<(string Subject, Message Message)> messages)
    {
        if (messages.Count > 0) Wait(token => PublishAll(messages, token), s_publishTimeout, messages[0].Subject);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Message> Request(string topic, Message message, int expected, TimeSpan timeout)
    {
        NatsHeaders? headers = NatsMessages.FromGuest(topic, message, link.MaxPayload);
        if (timeout <= TimeSpan.Zero) throw new MessagingException($"no time is left for a request on `{topic}`", MessagingFault.Timeout);
        var replies = new List<Message>();
        try
        {
            Wait(token => Ask(topic, message, headers, expected, timeout, replies, token), timeout + TimeSpan.FromSeconds(1), topic);
        }
        catch (MessagingException e) when (e.Fault == MessagingFault.Timeout && replies.Count > 0)
        {
            // Those that came in time.
        }

        return replies.Count > 0 ? replies : throw new MessagingException($"no answer on `{topic}` within {timeout.TotalMilliseconds:0} ms", MessagingFault.Timeout);
    }

    /// <inheritdoc/>
    public void Reply(ReplyAddress to, Message message)
    {
        NatsHeaders? headers = NatsMessages.FromGuest(to.Topic, message, link.MaxPayload);
        Wait(token => link.Connection.PublishAsync(to.Topic, message.Bytes, headers, serializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default, cancellationToken: token).AsTask(), s_publishTimeout, to.Topic);
    }

    private async Task Ask(string subject, Message message, NatsHeaders? headers, int expected, TimeSpan timeout, List<Message> replies, CancellationToken token)
    {
        var options = new NatsSubOpts { Timeout = timeout, MaxMsgs = expected, StopOnEmptyMsg = false, ThrowIfNoResponders = true };
        await foreach (NatsMsg<byte[]> m in link.Connection.RequestManyAsync<ReadOnlyMemory<byte>, byte[]>(subject, message.Bytes, headers, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, replyOpts: options, cancellationToken: token).ConfigureAwait(false))
        {
            replies.Add(NatsMessages.ToGuest(m.Subject, m.Headers, m.Data, null));
            if (replies.Count == expected) return;
        }
    }

    private async Task PublishAll(IReadOnlyList<(string Subject, Message Message)> messages, CancellationToken token)
    {
        // 1. All are looked at before the first goes: what cannot be sent does not follow what was.
        var headers = new NatsHeaders?[messages.Count];
        for (int i = 0; i < messages.Count; i++) headers[i] = NatsMessages.FromGuest(messages[i].Subject, messages[i].Message, link.MaxPayload);

        // 2. In their order, one behind the other, without waiting for each.
        List<Task>? acknowledged = null;
        bool others = false;
        for (int i = 0; i < messages.Count; i++)
        {
            (string subject, Message m) = messages[i];
            if (await IsKept(subject, token).ConfigureAwait(false))
            {
                (acknowledged ??= []).Add(PublishKept(subject, m, headers[i], token));
            }
            else
            {
                await link.Connection.PublishAsync(subject, m.Bytes, headers[i], serializer: NatsRawSerializer<ReadOnlyMemory<byte>>.Default, cancellationToken: token).ConfigureAwait(false);
                others = true;
            }
        }

        // 3. The server answers a ping after it has taken what came before.
        if (others) await link.Connection.PingAsync(token).ConfigureAwait(false);
        if (acknowledged is not null) await Task.WhenAll(acknowledged).ConfigureAwait(false);
    }

    private async Task PublishKept(string subject, Message m, NatsHeaders? headers, CancellationToken token)
    {
        NatsResult<PubAckResponse> result = await link.JetStream.TryPublishAsync(subject, m.Bytes, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, headers: headers, cancellationToken: token).ConfigureAwait(false);
        if (!result.Success)
        {
            _known.TryRemove(subject, out _); // its stream may be gone
            throw new MessagingException($"no stream has acknowledged a message on `{subject}`: {result.Error.Message}", inner: result.Error);
        }

        // What is wrong with the message stays wrong (4xx); what the stream lacks may come.
        if (result.Value.Error is { } error) throw new MessagingException($"stream `{result.Value.Stream}` does not take a message on `{subject}`: {error.Description}", error.Code is >= 400 and < 500 ? MessagingFault.Refused : MessagingFault.Connection);
    }

    /// <summary>Asks the server, and believes the answer for a while.</summary>
    private async ValueTask<bool> IsKept(string subject, CancellationToken token)
    {
        long now = time.GetTimestamp();
        if (_known.TryGetValue(subject, out (bool IsKept, long Until) known) && known.Until > now) return known.IsKept;
        bool kept = false;
        TimeSpan believed = s_askAgain;
        try
        {
            StreamNamesResponse names = await link.JetStream.JSRequestResponseAsync<StreamNamesRequest, StreamNamesResponse>($"{link.JetStream.Opts.Prefix}.STREAM.NAMES", new StreamNamesRequest { Subject = subject }, token).ConfigureAwait(false);
            kept = names.Streams is { Count: > 0 };
        }
        catch (NatsException e)
        {
            // No JetStream here, or this node may not ask: then there is nothing that could acknowledge. Who does not answer,
            // because asking is not permitted, is not asked at each message.
            if (e is not (NatsJSApiException or NatsNoRespondersException)) believed = link.IsConnected ? s_askAgainWhoDoesNotAnswer : TimeSpan.Zero;
        }

        if (_known.Count >= MaxKnown) _known.Clear();
        _known[subject] = (kept, now + (long)(believed.TotalSeconds * time.TimestampFrequency));
        return kept;
    }

    /// <summary>Guests wait on threads of their own.</summary>
    private void Wait(Func<CancellationToken, Task> action, TimeSpan timeout, string subject)
    {
        if (!link.IsConnected) throw new MessagingException($"NATS at {link.Address} is not there");
        using var limit = new CancellationTokenSource(timeout);
        try
        {
            action(limit.Token).GetAwaiter().GetResult();
        }
        catch (NatsNoRespondersException e)
        {
            throw new MessagingException($"nobody answers on `{subject}`", inner: e);
        }
        catch (NatsPayloadTooLargeException e)
        {
            throw new MessagingException(e.Message, MessagingFault.Refused, e);
        }
        catch (Exception e) when (e is NatsNoReplyException || (e is OperationCanceledException && limit.IsCancellationRequested))
        {
            throw new MessagingException($"NATS at {link.Address} gives no answer on `{subject}` in time", MessagingFault.Timeout, e);
        }
        catch (Exception e) when (NatsLink.IsFault(e))
        {
            throw new MessagingException($"NATS at {link.Address}: {e.Message}", inner: e);
        }
    }
}
