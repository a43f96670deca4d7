// A durable consumer of JetStream. A message is acknowledged when its component has handled it and its results are safe;
// one that the component failed at is given back for a while, and comes again. What is in flight is bounded by the server
// (max_ack_pending), so that a component that is slow leaves the rest in the stream.
using System.Collections.Concurrent;
using System.Threading.Channels;
using Mote.Triggers;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Backends.Nats;

internal sealed class StreamConsumer : IAsyncDisposable
{
    private readonly NatsLink _link;
    private readonly NatsRoute _route;
    private readonly NatsConsumer _consumer;
    private readonly Action<string> _log;
    private readonly ConcurrentDictionary<ulong, Flight> _flights = new();

    /// <summary>How often the component has failed at a message, until it is over. Never more than a few for each that can be in flight.</summary>
    private readonly ConcurrentDictionary<ulong, int> _failures = new();

    private readonly Timer _alive;
    private volatile bool _stopping;

    /// <summary>No more is taken, but the server may not know yet: what was given back now, it could give to nobody.</summary>
    private volatile bool _leaving;
    private int _refusals;

    public StreamConsumer(NatsLink link, NatsRoute route, NatsConsumer consumer, Action<string> log)
    {
        _link = link;
        _route = route with { Retry = route.Retry with { BySource = true } };
        _consumer = consumer;
        _log = log;
        TimeSpan often = consumer.AckWait / 3;
        _alive = new Timer(_ => SayAlive(), null, often, often);
    }

    public volatile bool IsReady;

    public int InFlight => _flights.Count;

    public async Task Run(CancellationToken token)
    {
        using CancellationTokenRegistration leaving = token.Register(() => _leaving = true);
        await Receive(token).ConfigureAwait(false);
        _leaving = false; // the subscription is gone
    }

    private async Task Receive(CancellationToken token)
    {
        int attempt = 0;
        while (!token.IsCancellationRequested)
        {
            try
            {
                await _link.WaitForConnectionAsync(token).ConfigureAwait(false);
                INatsJSConsumer consumer = await _link.JetStream.CreateOrUpdateConsumerAsync(_consumer.Stream, Config(), token).ConfigureAwait(false);
                if (attempt > 0) _log($"NATS at {_link.Address}: the consumer `{_consumer.Durable}` of stream `{_consumer.Stream}` receives");
                IsReady = true;
                attempt = 0;
                await foreach (INatsJSMsg<byte[]> m in consumer.ConsumeAsync<byte[]>(opts: new NatsJSConsumeOpts { MaxMsgs = _consumer.MaxInFlight, DrainOnCancel = true }, cancellationToken: token).ConfigureAwait(false)) Take(m, token);
                if (!token.IsCancellationRequested) throw new NatsJSException("the server ended it");
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is (a stream that is not there yet, or was deleted): the messages come when it is put right.
                IsReady = false;
                if (attempt == 0) _log($"NATS at {_link.Address}: no messages of stream `{_consumer.Stream}` ({_route.Subject}): {Explain(e)}; trying again");
            }

            try
            {
                await Task.Delay(NatsLink.Backoff.Before(++attempt), token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Gives back what is not handled.</summary>
    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        await _alive.DisposeAsync().ConfigureAwait(false);
        foreach (Flight flight in _flights.Values) flight.Done(Outcome.NotDelivered);
    }

    private ConsumerConfig Config() => new(_consumer.Durable)
    {
        FilterSubject = _route.Subject,
        AckPolicy = ConsumerConfigAckPolicy.Explicit,
        AckWait = _consumer.AckWait,
        MaxAckPending = _consumer.MaxInFlight,
        MaxDeliver = -1, // how often is ours to say
        DeliverPolicy = _consumer.OnlyNew ? ConsumerConfigDeliverPolicy.New : ConsumerConfigDeliverPolicy.All,
    };

    private string Explain(Exception e) => e switch
    {
        NatsJSApiException { Error.ErrCode: 10059 } => $"there is no such stream: nats stream add {_consumer.Stream} --subjects '{_route.Subject}'",
        NatsJSApiException { Error: { } error } => error.Description ?? $"error {error.ErrCode}",
        _ => e.GetBaseException().Message,
    };

    private void Take(INatsJSMsg<byte[]> m, CancellationToken token)
    {
        if (m.Metadata is not { } about) return;
        ulong sequence = about.Sequence.Stream;
        var flight = new Flight(this, m, sequence);
        if (!_flights.TryAdd(sequence, flight))
        {
            // It took so long that the server gave it again: it is in work, and is not handled a second time beside itself.
            if (_flights.TryGetValue(sequence, out Flight? first)) first.Message = m;
            return;
        }

        if (token.IsCancellationRequested) return; // it is given back with the rest
        var e = new MessageEvent(NatsMessages.ToGuest(m.Subject, m.Headers, m.Data, null), flight.Done, _route.Subject, Retry: _route.Retry, Attempt: _failures.GetValueOrDefault(sequence)) { Key = _route.Key };
        ValueTask room = _route.Queue.EnqueueAsync(e, token);
        // Where there is no room it waits with its place in line, and the next is taken: the server gives no more than may be in flight.
        if (!room.IsCompletedSuccessfully) _ = Wait(room);
    }

    private static async Task Wait(ValueTask room)
    {
        try
        {
            await room.ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            // The node stops: it is given back with the rest.
        }
    }

    private void Over(Flight flight, Outcome outcome)
    {
        if (_leaving && outcome is (Outcome.Again or Outcome.NotDelivered)) return; // given back with the rest
        if (!_flights.TryRemove(KeyValuePair.Create(flight.Sequence, flight))) return;
        INatsJSMsg<byte[]> m = flight.Message;
        switch (outcome)
        {
            case Outcome.Handled:
                _failures.TryRemove(flight.Sequence, out _);
                _ = Send(m.AckAsync());
                break;
            case Outcome.Failed:
                // Its dead letter is safe: it does not come again.
                _failures.TryRemove(flight.Sequence, out _);
                _ = Send(m.AckTerminateAsync());
                break;
            case Outcome.Again:
                // Messages that never come again (a stream that was purged) leave their counts: then they begin anew.
                if (_failures.Count > 16 * _consumer.MaxInFlight) _failures.Clear();
                int failures = _failures.AddOrUpdate(flight.Sequence, 1, static (_, n) => n + 1);
                _ = Send(m.NakAsync(new AckOpts { NakDelay = RetryPolicy.DelayBefore(failures) }));
                break;
            default:
                // Not the message's fault: the outbox has no room, or the broker is away. Not at once, or it would turn in a circle.
                TimeSpan wait = _stopping ? TimeSpan.Zero : RetryPolicy.DelayBefore(Interlocked.Increment(ref _refusals));
                _ = Send(m.NakAsync(new AckOpts { NakDelay = wait }));
                return;
        }

        Volatile.Write(ref _refusals, 0);
    }

    /// <summary>An acknowledgement that does not arrive lets the message come again, as at-least-once says.</summary>
    private static async Task Send(ValueTask acknowledgement)
    {
        try
        {
            await acknowledgement.ConfigureAwait(false);
        }
        catch (Exception e) when (NatsLink.IsFault(e))
        {
            // The connection went meanwhile.
        }
    }

    private void SayAlive()
    {
        if (!_link.IsConnected) return;
        foreach (Flight flight in _flights.Values) _ = Send(flight.Message.AckProgressAsync());
    }

    /// <summary>A message that is not acknowledged yet.</summary>
    private sealed class Flight(StreamConsumer consumer, INatsJSMsg<byte[]> message, ulong sequence)
    {
        public ulong Sequence { get; } = sequence;

        /// <summary>As it was given last: that is what is acknowledged.</summary>
        public INatsJSMsg<byte[]> Message { get; set; } = message;

        public void Done(Outcome outcome) => consumer.Over(this, outcome);
    }
}
