// Where messages for a component come in: into its queue while that has room, and onto the disk where it does not or
// where the component takes long. Whoever sent a message need not wait for a slow component, and nothing is lost.
using System.Threading.Channels;
using Mote.Capabilities.Messaging;
using Mote.DataPlane;
using Mote.Runtime;

namespace Mote.Triggers;

/// <summary>
/// The inbox of one trigger. A message that is handled soon never touches the disk, which on flash is most of the point; one
/// that waits longer than <see cref="Patience"/>, that is to be tried again, or for which the queue has no room, is written
/// and is safe from then on. The order is that of arrival. Safe to use from many threads.
/// </summary>
public sealed class MessageInbox : IAsyncDisposable
{
    /// <summary>How long a message waits in memory alone.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private const int ReadAtOnce = 256;
    private const long ReadBytesAtOnce = 1 << 20;
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);

    private readonly MessageQueue _queue;
    private readonly Action<string> _log;
    private readonly string _name;
    private readonly Lock _lock = new();
    private readonly Queue<Delivery> _young = new();
    private readonly SemaphoreSlim _arrived = new(0, 1);
    private readonly CancellationTokenSource _stop = new();
    private readonly System.Threading.Timer _clock;
    private bool _ticking;
    private long _spilled;
    private long _spilling;
    private long _spills;
    private long _lastRead;
    private readonly ReturnedMessages _returned = new(); // under the lock
    private volatile bool _anyReturned;
    private Task? _reading;
    private bool _faulty;

    /// <summary>An inbox.</summary>
    /// <param name="store">The disk.</param>
    /// <param name="name">What its messages are kept under; the same after a restart.</param>
    /// <param name="queue">The component's queue.</param>
    /// <param name="filter">What the trigger asks for.</param>
    /// <param name="retry">What becomes of messages that the component fails at; null is nothing.</param>
    /// <param name="log">Told of faults of the disk.</param>
    /// <param name="key">What messages have in common that keep their order.</param>
    public MessageInbox(IInbox store, string name, MessageQueue queue, string filter, RetryPolicy? retry, Action<string> log, MessageKey key = default)
    {
        Store = store;
        Filter = filter;
        Retry = retry;
        Key = key;
        _name = name;
        _queue = queue;
        _log = log;
        _clock = new System.Threading.Timer(_ => Tick());
        _spilled = store.WaitingFor(name); // what comes from now on is behind it
    }

    /// <summary>What the trigger asks for, as in the manifest.</summary>
    public string Filter { get; }

    /// <summary>The broker of a name that is always the same one's: where answers go to requests that waited on disk.</summary>
    public Func<string, IMessageBroker?>? Brokers { get; init; }

    internal IInbox Store { get; }

    internal RetryPolicy? Retry { get; }

    internal MessageKey Key { get; }

    /// <summary>Gives the component what an earlier run has left. Called once, when what the component sends can be passed on.</summary>
    public void Start()
    {
        lock (_lock)
        {
            if (_spilled > 0) _reading ??= Task.Run(Read);
        }
    }

    /// <summary>Takes a message. It ends when the message is in memory or on its way to the disk, and waits only where both are full.</summary>
    /// <param name="message">The message.</param>
    /// <param name="done">Told, on any thread, when the sender may forget it, or why it should send it again.</param>
    /// <param name="token">The sender waits no longer.</param>
    /// <param name="here">The caller's thread may be used to handle messages.</param>
    /// <exception cref="OperationCanceledException">Both were full until the sender waited no longer.</exception>
    /// <exception cref="ChannelClosedException">The queue has been stopped.</exception>
    public async ValueTask AcceptAsync(Message message, Action<Outcome> done, CancellationToken token, bool here = false)
    {
        var delivery = new Delivery(this, message, done);
        while (true)
        {
            bool spill = false, work = false;
            Delivery[] before = [];
            lock (_lock)
            {
                // Behind what is on disk already, so that the order stays.
                bool taken = _spilled == 0 && _queue.TryEnqueue(delivery.Event, out work);
                if (taken) Watch(delivery);
                else if (Store.HasRoom && !_stop.IsCancellationRequested)
                {
                    if (_spilled++ == 0)
                    {
                        _lastRead = Store.LastMessage;
                        before = [.. _young];
                    }

                    _spilling++;
                    _spills++;
                    _reading ??= Task.Run(Read, CancellationToken.None);
                    spill = true;
                }

                if (taken && !work) return;
            }

            if (work)
            {
                _queue.Begin(here);
                return;
            }

            if (spill)
            {
                // Those in memory are written first: after a crash, too, they come before this one.
                foreach (Delivery earlier in before) earlier.Park();
                Store.Park(_name, MessageRecord.Write(message), isInMemory: false, fault => Spilled(fault, done));
                return;
            }

            _queue.ThrowIfStopped();
            await Task.Delay(10, token).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _clock.DisposeAsync().ConfigureAwait(false);
        Task? reading;
        lock (_lock) reading = _reading;
        if (reading is not null) await reading.ConfigureAwait(false);
        _stop.Dispose();
    }

    internal long Park(byte[] record, Action<Exception?> done) => Store.Park(_name, record, isInMemory: true, done);

    /// <summary>A message that is safe on disk could not be handled for a reason of the node's: it is read again from there.</summary>
    internal void Return(long id, string? key)
    {
        lock (_lock)
        {
            _returned.Add(id, key, isOfTheDisk: !Store.IsWell);
            _anyReturned = true;
            // What comes from now on is behind it: it goes to the disk as well.
            if (_spilled == 0)
            {
                _spilled = 1;
                _lastRead = Store.LastMessage;
            }

            if (!_stop.IsCancellationRequested) _reading ??= Task.Run(Read, CancellationToken.None);
        }
    }

    /// <summary>A message's turn has come.</summary>
    /// <returns>False where it must not be handled yet: an earlier one, whose results the disk did not take, has not had its turn again.</returns>
    internal bool MayRun(long id, Message message)
    {
        if (!_anyReturned) return true;
        lock (_lock)
        {
            if (_returned.Holds(id, KeyOf(message))) return false;
            _returned.Remove(id);
            _anyReturned = !_returned.IsEmpty;
            return true;
        }
    }

    /// <summary>What a message keeps its order with, as <see cref="WaitingEvents"/> does; null for nothing.</summary>
    internal string? KeyOf(Message message) => _queue.Concurrency == 1 ? "" : Key.IsNone ? null : Key.Of(message.Topic).ToString();

    private void Spilled(Exception? fault, Action<Outcome> done)
    {
        lock (_lock)
        {
            _spilling--;
            if (fault is not null) _spilled--;
        }

        Wake();
        done(fault is null ? Outcome.Kept : Outcome.NotDelivered);
    }

    private void Wake()
    {
        try
        {
            _arrived.Release();
        }
        catch (SemaphoreFullException)
        {
            // It knows.
        }
    }

    /// <summary>Under the lock.</summary>
    private void Watch(Delivery delivery)
    {
        while (_young.TryPeek(out Delivery? first) && !first.IsWaiting) _young.Dequeue();
        _young.Enqueue(delivery);
        if (_ticking) return;
        _ticking = true;
        _clock.Change(Patience / 2, Patience / 2);
    }

    /// <summary>What has waited too long in memory goes to the disk as well.</summary>
    private void Tick()
    {
        var old = new List<Delivery>();
        lock (_lock)
        {
            long before = Environment.TickCount64 - (long)Patience.TotalMilliseconds;
            while (_young.TryPeek(out Delivery? first) && (!first.IsWaiting || first.Since <= before))
            {
                _young.Dequeue();
                old.Add(first);
            }

            if (_young.Count == 0 && old.Count == 0 && _ticking && !_stop.IsCancellationRequested)
            {
                _ticking = false;
                _clock.Change(Timeout.Infinite, Timeout.Infinite);
            }
        }

        foreach (Delivery delivery in old)
        {
            if (delivery.IsWaiting) delivery.Park();
        }
    }

    /// <summary>Brings what is on disk into the queue, in order, as there is room.</summary>
    private async Task Read()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                bool settled;
                long spills;
                lock (_lock)
                {
                    settled = _spilling == 0;
                    spills = _spills;
                }

                if (!await Again().ConfigureAwait(false)) continue;
                IReadOnlyList<InboxEntry> entries = Store.Peek(_name, _lastRead, ReadAtOnce, ReadBytesAtOnce);
                if (_faulty) _log($"the inbox of `{_name}` can be read again");
                _faulty = false;
                foreach (InboxEntry entry in entries) await Feed(entry).ConfigureAwait(false);
                if (entries.Count > 0) continue;
                lock (_lock)
                {
                    // Nothing was on its way when it was looked at, and nothing came meanwhile: that is all there is.
                    if (settled && spills == _spills && _returned.Waiting == 0)
                    {
                        _spilled = 0;
                        _reading = null;
                        return;
                    }
                }

                await _arrived.WaitAsync(s_again, _stop.Token).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                if (!_faulty) _log($"the inbox of `{_name}`: {e.Message}; its messages wait");
                _faulty = true;
                await Task.WhenAny(Task.Delay(s_again, _stop.Token)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
            {
                return; // the node stops; what is on disk comes again
            }
        }
    }

    /// <summary>Gives the component again what came back, in order, when its time has come.</summary>
    /// <returns>False where nothing else is to be read yet.</returns>
    private async Task<bool> Again()
    {
        if (!_anyReturned) return true;
        TimeSpan left;
        bool stops;
        lock (_lock)
        {
            if (_returned.Waiting == 0) return true;
            (left, stops) = (_returned.Left, _returned.Stops(_queue.Capacity));
        }

        if (left > TimeSpan.Zero)
        {
            if (stops) await Task.Delay(left, _stop.Token).ConfigureAwait(false);
            return !stops;
        }

        long last = 0;
        while (true)
        {
            long id;
            lock (_lock)
            {
                if (_returned.Next(last) is not { } next) return true;
                id = last = next;
            }

            // While it is read it counts as one that came back: if it cannot be read now, it is not forgotten.
            InboxEntry? entry = Store.Find(_name, id);
            Delivery? delivery = entry is { } found ? Parse(found) : null;
            lock (_lock)
            {
                if (delivery is null) _returned.Remove(id);
                else _returned.Give(id);
            }

            if (delivery is not null) await _queue.EnqueueAsync(delivery.Event, _stop.Token).ConfigureAwait(false);
        }
    }

    /// <returns>The message; null where it cannot be read, and is left out.</returns>
    private Delivery? Parse(InboxEntry entry)
    {
        try
        {
            return new Delivery(this, MessageRecord.Read(entry.Record, Brokers), entry.Id);
        }
        catch (InvalidDataException e)
        {
            // Written by another version, with a right check value: nobody here can read it.
            _log($"the inbox of `{_name}`: message {entry.Id} cannot be read ({e.Message}); it is left out");
            Store.Over(entry.Id);
            return null;
        }
    }

    private async Task Feed(InboxEntry entry)
    {
        if (Parse(entry) is not { } delivery)
        {
            _lastRead = entry.Id;
            return;
        }

        await _queue.EnqueueAsync(delivery.Event, _stop.Token).ConfigureAwait(false);
        _lastRead = entry.Id;
        lock (_lock)
        {
            if (_spilled > 1) _spilled--; // the last one when all is known to be read
        }
    }
}
