// Events to subjects of JetStream, as CloudEvents in the binary mode of the NATS binding. An event is sent when a stream
// has acknowledged it; its id is the message's, so that a stream drops what it gets twice within its window.
using System.Text;
using Mote.DataPlane;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Backends.Nats;

/// <summary>An upstream that is a stream.</summary>
/// <param name="link">How to connect; it stays the caller's.</param>
/// <param name="subject">The subject; {topic} in it stands for an event's topic, its levels as tokens.</param>
/// <param name="batch">Most events that are on their way at once.</param>
public sealed class JetStreamUpstream(NatsLink link, string subject, int batch) : IUpstream
{
    private const string Topic = "{topic}";
    private const int MaxSubject = 1024;

    /// <summary>Of this upstream's own; null where there is none, or before the first events.</summary>
    private SingleConnection? _connection;

    /// <summary>The stream has taken the last one that was sent.</summary>
    private bool _isSure;

    /// <inheritdoc/>
    public string Address => $"{subject} on NATS at {link.Address}";

    /// <inheritdoc/>
    public int Batch => batch;

    /// <inheritdoc/>
    public async Task<UpstreamAnswer> SendAsync(IReadOnlyList<CloudEvent> events, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(events);
        if (!link.IsConnected) return new UpstreamAnswer(0, $"NATS at {link.Address} is not there");
        if (_connection is { Broken.IsCancellationRequested: true })
        {
            await _connection.DisposeAsync().ConfigureAwait(false);
            _connection = null;
            _isSure = false;
        }

        try
        {
            _connection ??= await SingleConnection.ConnectAsync(link.Options, token).ConfigureAwait(false);
        }
        catch (Exception fault) when (NatsLink.IsFault(fault) && !token.IsCancellationRequested)
        {
            return new UpstreamAnswer(0, $"NATS at {link.Address}: {fault.GetBaseException().Message}");
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token, _connection.Broken);
        var sent = new Task<(string? Refusal, string? Error, UpstreamFault Fault)>[events.Count];
        var refused = new List<RefusedEvent>();
        for (int i = 0, begun = 0; i < sent.Length; i++)
        {
            // One behind the other, so that the stream has them in their order, and each answer is waited for. After a fault
            // the first one goes alone: a server that has just started takes later ones where it did not take that one.
            for (; begun < sent.Length && (_isSure || begun == i); begun++) sent[begun] = Send(_connection.JetStream, events[begun], stop.Token, token);
            (string? refusal, string? error, UpstreamFault fault) = await sent[i].ConfigureAwait(false);
            _isSure = error is null && (_isSure || refusal is null);
            if (error is not null)
            {
                // Those behind it may have been taken: they are sent again under the same ids, and the stream knows them. None of
                // them may come later than what is sent again.
                await Task.WhenAll(sent.AsSpan(0, begun)).ConfigureAwait(false);
                return new UpstreamAnswer(i, error, fault) { Refused = refused };
            }

            if (refusal is not null) refused.Add(new RefusedEvent(i, refusal));
        }

        return new UpstreamAnswer(sent.Length) { Refused = refused };
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_connection is not null) await _connection.DisposeAsync().ConfigureAwait(false);
        _connection = null;
    }

    /// <param name="stream">Where to.</param>
    /// <param name="e">The event.</param>
    /// <param name="stop">The connection broke, or the node stops.</param>
    /// <param name="token">The node stops.</param>
    private async Task<(string? Refusal, string? Error, UpstreamFault Fault)> Send(INatsJSContext stream, CloudEvent e, CancellationToken stop, CancellationToken token)
    {
        string to = SubjectOf(e);
        var headers = new NatsHeaders();
        long size = e.Data.Length;
        foreach ((string name, string value) in e.Headers()) Add(name, value);
        if (e.ContentType is { Length: > 0 } type && type.AsSpan().IndexOfAny('\r', '\n', '\0') < 0) Add("Content-Type", type);
        if (size > link.MaxPayload) return ($"it has {size} bytes, and the server takes {link.MaxPayload} (max_payload)", null, default);
        try
        {
            // Tried once: the client's own second attempt would come behind those that were sent meanwhile.
            NatsResult<PubAckResponse> result = await stream.TryPublishAsync(to, e.Data, NatsRawSerializer<ReadOnlyMemory<byte>>.Default, new NatsJSPubOpts { MsgId = e.Id, RetryAttempts = 1 }, headers, stop).ConfigureAwait(false);
            if (!result.Success) return (null, result.Error is NatsJSPublishNoResponseException && !stop.IsCancellationRequested ? $"no stream acknowledges `{to}` in time: is there one with this subject? nats stream add EVENTS --subjects '{subject.Replace(Topic, ">", StringComparison.Ordinal)}'" : result.Error.Message, UpstreamFault.Unreachable);
            if (result.Value.Error is not { } error) return default;
            // What is wrong with the message stays wrong (4xx); what the stream lacks may come.
            return error.Code is >= 400 and < 500 ? ($"stream: {error.Description}", null, default) : (null, $"stream: {error.Description}", UpstreamFault.Unreachable);
        }
        catch (Exception fault) when (NatsLink.IsFault(fault) && !token.IsCancellationRequested)
        {
            return (null, stop.IsCancellationRequested ? "the connection broke" : fault.GetBaseException().Message, UpstreamFault.Unreachable);
        }

        void Add(string name, string value)
        {
            headers[name] = value;
            size += name.Length + Encoding.UTF8.GetByteCount(value) + 4;
        }
    }

    /// <summary>Where an event goes: what a token cannot have is an underscore in it.</summary>
    private string SubjectOf(CloudEvent e)
    {
        if (!subject.Contains(Topic, StringComparison.Ordinal)) return subject;
        var tokens = new StringBuilder();
        foreach (string level in (e.Subject ?? "").Split('/', '.'))
        {
            if (tokens.Length > 0) tokens.Append('.');
            if (level.Length == 0) tokens.Append('_');
            foreach (char c in level) tokens.Append(char.IsWhiteSpace(c) || char.IsControl(c) || c is '*' or '>' ? '_' : c);
        }

        string all = subject.Replace(Topic, tokens.ToString(), StringComparison.Ordinal);
        return Encoding.UTF8.GetByteCount(all) <= MaxSubject ? all : subject.Replace(Topic, "_", StringComparison.Ordinal);
    }
}
