// The triggers of a node on NATS: core subscriptions and consumers of JetStream.
namespace Mote.Backends.Nats;

/// <summary>Gives messages of NATS to components.</summary>
public sealed class NatsTriggers : IAsyncDisposable
{
    private readonly NatsLink _link;
    private readonly CoreSubscription[] _core;
    private readonly StreamConsumer[] _streams;
    private readonly CancellationTokenSource _receiving = new();
    private Task[] _running = [];

    /// <summary>Prepares them.</summary>
    /// <param name="link">The connection; it stays the caller's.</param>
    /// <param name="broker">Where answers to requests go.</param>
    /// <param name="routes">What goes where.</param>
    /// <param name="log">Told of faults.</param>
    public NatsTriggers(NatsLink link, NatsBroker broker, IReadOnlyList<NatsRoute> routes, Action<string> log)
    {
        _link = link;
        _core = [.. routes.Where(r => r.Consumer is null).Select(r => new CoreSubscription(link, broker, r, log))];
        _streams = [.. routes.Where(r => r.Consumer is not null).Select(r => new StreamConsumer(link, r, r.Consumer!, log))];
    }

    /// <summary>Messages of core NATS that found no room. Those of streams wait in their streams.</summary>
    public long Dropped => _core.Sum(c => c.Dropped);

    /// <summary>Messages of streams that are in work or wait for it.</summary>
    public int InFlight => _streams.Sum(s => s.InFlight);

    /// <summary>Whether every subscription and consumer is there.</summary>
    public bool IsReady => _core.All(c => c.IsReady) && _streams.All(s => s.IsReady);

    /// <summary>Begins to receive.</summary>
    public void Start() => _running = [.. _core.Select(c => Task.Run(() => c.Run(_receiving.Token))), .. _streams.Select(s => Task.Run(() => s.Run(_receiving.Token)))];

    /// <summary>Takes no more messages; those that are here are still acknowledged.</summary>
    public async Task StopReceivingAsync()
    {
        if (_receiving.IsCancellationRequested) return;
        await _receiving.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running).ConfigureAwait(false);
    }

    /// <summary>Gives back what was not handled, so that it comes again at once, here or elsewhere.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopReceivingAsync().ConfigureAwait(false);
        foreach (StreamConsumer stream in _streams) await stream.DisposeAsync().ConfigureAwait(false);
        if (_streams.Length > 0) await _link.FlushAsync(TimeSpan.FromSeconds(2)).ConfigureAwait(false);
        _receiving.Dispose();
    }
}
