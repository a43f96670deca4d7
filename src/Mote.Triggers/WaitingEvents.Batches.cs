// Events that are taken several at once.
using Mote.Runtime;

namespace Mote.Triggers;

internal sealed partial class WaitingEvents
{
    private BatchGate? _gate;

    /// <summary>True where workers are to take batches.</summary>
    public bool AreBatched => Volatile.Read(ref _gate) is not null;

    /// <summary>Events are taken in batches from now on, or one by one. Workers that do otherwise hand over.</summary>
    /// <param name="options">How large batches are; null is one by one.</param>
    /// <param name="time">The clock.</param>
    /// <param name="due">Told, on the clock's thread, that another worker is to begin.</param>
    public void Batch(BatchOptions? options, TimeProvider time, Action due)
    {
        bool work;
        lock (_lock)
        {
            if (_closed) return;
            _gate?.Dispose();
            BatchGate? gate = null;
            if (options is not null)
            {
                // What waits was not counted until now.
                gate = new BatchGate(options, capacity, time, () => Rang(gate!, due));
                long now = time.GetTimestamp();
                foreach (Lane lane in _lanes.Values.Concat(_ready).Distinct())
                {
                    (lane.Bytes, lane.Since) = (lane.Events.Sum(static e => BatchGate.BytesOf(e)), now);
                    if (!lane.IsBusy) gate.Free(lane);
                }
            }

            Volatile.Write(ref _gate, gate);
            work = Hire();
        }

        if (work) due();
    }

    /// <summary>The next batch for a worker, who gives back the one before.</summary>
    /// <param name="batch">The one before; filled with the next.</param>
    /// <param name="another">True where another worker is to begin: the caller sees to it.</param>
    /// <returns>False where there is none now: the worker is over.</returns>
    public bool Next(MessageBatch batch, out bool another)
    {
        lock (_lock)
        {
            Leave(batch);
            if (_closed || !IsWork())
            {
                Dismiss();
                another = false;
                return false;
            }

            Fill(batch);
            LetIn();
            another = Hire();
            return true;
        }
    }

    /// <summary>A worker that has its batch behind it leaves the rest to another.</summary>
    /// <returns>True where there is a rest; else the worker is over.</returns>
    public bool HandOver(MessageBatch batch)
    {
        lock (_lock)
        {
            Leave(batch);
            if (!_closed && IsWork()) return true;
            Dismiss();
            return false;
        }
    }

    /// <summary>Batches wait for nothing any more, or do again.</summary>
    /// <returns>True where another worker is to begin: the caller sees to it.</returns>
    public bool Hurry(bool isHurried)
    {
        lock (_lock)
        {
            if (_gate is null) return false;
            _gate.IsHurried = isHurried;
            return Hire();
        }
    }

    private void Rang(BatchGate gate, Action due)
    {
        lock (_lock)
        {
            if (_closed || gate != _gate) return;
            gate.Rang();
            if (!Hire()) return;
        }

        due();
    }

    /// <summary>Takes what fits. All of a lane before the next, so that other workers have lanes left.</summary>
    private void Fill(MessageBatch batch)
    {
        // Without a gate (it has just been taken away) events go one by one.
        int most = _gate?.Size ?? 1;
        long maxBytes = _gate?.MaxBytes ?? 0, bytes = 0;
        bool isFull = false;
        while (!isFull && _ready.TryPeek(out Lane? lane) && Fits(lane.Events.Peek()))
        {
            _ready.Dequeue();
            _gate?.Taken(lane);
            lane.IsBusy = true;
            batch.Lanes.Add(lane);
            do
            {
                MessageEvent e = lane.Events.Dequeue();
                batch.Events.Add(e);
                _count--;
                if (_gate is not null) BatchGate.Removed(lane, e);
                bytes += BatchGate.BytesOf(e);
                isFull = batch.Events.Count >= most || BatchGate.IsAlone(e);
            }
            while (!isFull && lane.Events.TryPeek(out MessageEvent next) && Fits(next));
        }

        _gate?.Left(_ready);

        bool Fits(in MessageEvent e) => batch.Events.Count == 0 || (!BatchGate.IsAlone(e) && bytes + BatchGate.BytesOf(e) <= maxBytes);
    }

    private void Leave(MessageBatch batch)
    {
        foreach (Lane left in batch.Lanes)
        {
            Lane? lane = left;
            Leave(ref lane);
        }

        batch.Lanes.Clear();
        batch.Events.Clear();
    }
}
