// The events that wait for one component: a bounded number, each key's in the order in which they came, and how many
// workers take from them.
using System.Threading.Channels;

namespace Mote.Triggers;

/// <summary>
/// Events in lanes. A lane is the events of one key; one worker at a time has it. A component that handles one event at a
/// time has one lane, which is the order of arrival. Safe to use from many threads.
/// </summary>
/// <param name="capacity">Most events that wait.</param>
/// <param name="concurrency">Most workers.</param>
internal sealed partial class WaitingEvents(int capacity, int concurrency)
{
    private const int SpareLanes = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Lane> _lanes = [];
    private readonly Queue<Lane> _ready = new();
    private readonly Stack<Lane> _spare = new();
    private readonly Queue<Waiter> _waiters = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;
    private int _workers;
    private bool _closed;

    /// <summary>Over when no worker is left after <see cref="Close"/>.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Takes an event where there is room.</summary>
    /// <param name="e">The event.</param>
    /// <param name="work">True where another worker is to begin: the caller sees to it.</param>
    public bool TryAdd(in MessageEvent e, out bool work)
    {
        lock (_lock)
        {
            work = false;
            if (_closed || _count >= capacity) return false;
            Add(e);
            work = Hire();
            return true;
        }
    }

    /// <summary>Takes an event, when there is room; whoever waits longest is first.</summary>
    /// <returns>True where another worker is to begin: the caller sees to it.</returns>
    /// <exception cref="OperationCanceledException">There was no room until then.</exception>
    /// <exception cref="ChannelClosedException">It is closed.</exception>
    public ValueTask<bool> AddAsync(in MessageEvent e, CancellationToken token)
    {
        Waiter waiter;
        lock (_lock)
        {
            if (_closed) return ValueTask.FromException<bool>(new ChannelClosedException());
            if (_count < capacity)
            {
                Add(e);
                return ValueTask.FromResult(Hire());
            }

            _waiters.Enqueue(waiter = new Waiter(e));
        }

        return new ValueTask<bool>(WaitAsync(waiter, token));
    }

    private async Task<bool> WaitAsync(Waiter waiter, CancellationToken token)
    {
        try
        {
            return await waiter.WaitAsync(token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            lock (_lock)
            {
                // Those that wait no more are not kept with their messages until there is room.
                for (int i = _waiters.Count; i > 0; i--)
                {
                    Waiter w = _waiters.Dequeue();
                    if (w != waiter) _waiters.Enqueue(w);
                }
            }

            throw;
        }
    }

    /// <summary>The next event for a worker, who gives back the lane of the one before.</summary>
    /// <param name="lane">The lane it has; null at first, and when the worker is over.</param>
    /// <param name="e">The event.</param>
    /// <param name="another">True where another worker is to begin: the caller sees to it.</param>
    /// <returns>False where there is none: the worker is over.</returns>
    public bool Next(ref Lane? lane, out MessageEvent e, out bool another)
    {
        lock (_lock)
        {
            Leave(ref lane);
            if (_closed || !_ready.TryDequeue(out lane))
            {
                Dismiss();
                e = default;
                another = false;
                return false;
            }

            _gate?.Taken(lane);
            lane.IsBusy = true;
            e = lane.Events.Dequeue();
            _count--;
            if (_gate is not null)
            {
                BatchGate.Removed(lane, e);
                _gate.Left(_ready);
            }

            LetIn();
            another = Hire();
            return true;
        }
    }

    /// <summary>A worker that has its event behind it leaves the rest to another.</summary>
    /// <returns>True where there is a rest; else the worker is over.</returns>
    public bool HandOver(ref Lane? lane)
    {
        lock (_lock)
        {
            Leave(ref lane);
            if (!_closed && IsWork()) return true;
            Dismiss();
            return false;
        }
    }

    /// <summary>A worker that was to begin cannot.</summary>
    public void Resign()
    {
        lock (_lock) Dismiss();
    }

    /// <summary>Takes no more, and gives none: what waits stays.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            _gate?.Dispose();
            while (_waiters.TryDequeue(out Waiter? waiter)) waiter.Refuse();
            if (_workers == 0) _ended.TrySetResult();
        }
    }

    private void Add(in MessageEvent e)
    {
        _count++;
        Lane? lane;
        if (concurrency == 1)
        {
            lane = LaneOf("");
        }
        else if (e.Key.IsNone)
        {
            lane = Take(null);
        }
        else
        {
            ReadOnlySpan<char> key = e.Key.Of(e.Message.Topic);
            lane = _lanes.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(key, out Lane? found) ? found : LaneOf(key.ToString());
        }

        lane.Events.Enqueue(e);
        _gate?.Added(lane, e);
        if (lane.IsBusy || lane.Events.Count > 1) return;
        _ready.Enqueue(lane);
    }

    private Lane LaneOf(string key)
    {
        if (_lanes.TryGetValue(key, out Lane? lane)) return lane;
        return _lanes[key] = Take(key);
    }

    private Lane Take(string? key)
    {
        Lane lane = _spare.TryPop(out Lane? spare) ? spare : new Lane();
        lane.Key = key;
        return lane;
    }

    private bool Hire()
    {
        if (_workers >= concurrency || !IsWork()) return false;
        _workers++;
        return true;
    }

    /// <summary>Whether there is something for a worker to do now. Where a batch is not whole yet, the clock sees to it.</summary>
    private bool IsWork()
    {
        if (_ready.Count == 0) return false;
        if (_gate is null || _gate.IsDue) return true;
        _gate.Arm();
        return false;
    }

    /// <summary>Those that wait for room, as far as there is some.</summary>
    private void LetIn()
    {
        while (_count < capacity && _waiters.TryDequeue(out Waiter? waiter))
        {
            if (waiter.TryLetIn()) Add(waiter.Event);
        }
    }

    private void Dismiss()
    {
        if (--_workers == 0 && _closed) _ended.TrySetResult();
    }

    private void Leave(ref Lane? lane)
    {
        if (lane is null) return;
        lane.IsBusy = false;
        if (lane.Events.Count > 0)
        {
            _ready.Enqueue(lane);
            _gate?.Free(lane);
        }
        else
        {
            if (lane.Key is not null) _lanes.Remove(lane.Key);
            if (_spare.Count < SpareLanes) _spare.Push(lane);
        }

        lane = null;
    }

    /// <summary>The events of one key.</summary>
    internal sealed class Lane
    {
        public Queue<MessageEvent> Events { get; } = new(1);

        public string? Key { get; set; }

        public bool IsBusy { get; set; }

        /// <summary>Bytes of its events; kept only where they are taken in batches, as is the next.</summary>
        public long Bytes { get; set; }

        /// <summary>When it last had an event again (a timestamp): all that it has came then or later, but for what a full batch left.</summary>
        public long Since { get; set; }
    }

    /// <summary>One who waits for room.</summary>
    private sealed class Waiter(MessageEvent e)
    {
        private readonly TaskCompletionSource<bool> _in = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public MessageEvent Event => e;

        /// <summary>False where it waits no more. Whoever lets it in sees to the workers.</summary>
        public bool TryLetIn() => _in.TrySetResult(false);

        public void Refuse() => _in.TrySetException(new ChannelClosedException());

        public async Task<bool> WaitAsync(CancellationToken token)
        {
            await using CancellationTokenRegistration _ = token.UnsafeRegister(static (waiter, t) => ((Waiter)waiter!)._in.TrySetCanceled(t), this);
            return await _in.Task.ConfigureAwait(false);
        }
    }
}
