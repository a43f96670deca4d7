// A subscription of core NATS: at most once. What finds no room in the component's queue is dropped and counted.
using Mote.Capabilities.Messaging;
using Mote.Triggers;
using NATS.Client.Core;

namespace Mote.Backends.Nats;

internal sealed class CoreSubscription(NatsLink link, NatsBroker broker, NatsRoute route, Action<string> log)
{
    private long _dropped;

    public long Dropped => Volatile.Read(ref _dropped);

    public volatile bool IsReady;

    public async Task Run(CancellationToken token)
    {
        int attempt = 0;
        while (!token.IsCancellationRequested)
        {
            try
            {
                await link.WaitForConnectionAsync(token).ConfigureAwait(false);
                await using INatsSub<byte[]> subscription = await link.Connection.SubscribeCoreAsync<byte[]>(route.Subject, route.Group, cancellationToken: token).ConfigureAwait(false);
                // The server has the subscription when it answers what came after it.
                IsReady = await link.FlushAsync(NatsLink.Patience).ConfigureAwait(false);
                attempt = 0;
                await foreach (NatsMsg<byte[]> m in subscription.Msgs.ReadAllAsync(token).ConfigureAwait(false)) Take(m);
                if (!token.IsCancellationRequested) throw new NatsException("the subscription ended");
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                IsReady = false;
                if (attempt == 0) log($"NATS at {link.Address}: the subscription to `{route.Subject}` failed: {e.GetBaseException().Message}; it is made again");
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

    private void Take(NatsMsg<byte[]> m)
    {
        ReplyAddress? reply = string.IsNullOrEmpty(m.ReplyTo) ? null : new ReplyAddress(m.ReplyTo, default) { Via = broker };
        if (route.Queue.TryEnqueue(new MessageEvent(NatsMessages.ToGuest(m.Subject, m.Headers, m.Data, reply), null, route.Subject, Retry: route.Retry) { Key = route.Key })) return;
        if (Interlocked.Increment(ref _dropped) == 1) log($"NATS at {link.Address}: component `{route.Queue.Component.Name}` does not keep up; messages on `{route.Subject}` are dropped and counted (a stream of JetStream would keep them)");
    }
}
