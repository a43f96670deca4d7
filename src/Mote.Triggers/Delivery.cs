// One message on its way to one component, in memory or on disk as well.
using Mote.Capabilities.Messaging;
using Mote.DataPlane;

namespace Mote.Triggers;

/// <summary>
/// A message that whoever sent it forgets once <see cref="MessageInbox"/> says that it is safe: the component has handled it
/// and its results are safe, or it is on disk.
/// </summary>
public sealed class Delivery
{
    private enum State
    {
        /// <summary>In memory only.</summary>
        Waiting,

        /// <summary>In memory, and on its way to the disk.</summary>
        Parking,

        /// <summary>In memory, and on disk.</summary>
        Parked,

        /// <summary>Its results are on their way to the disk: there is nothing to park any more.</summary>
        Ending,

        Over,
    }

    private readonly MessageInbox _inbox;
    private readonly Message _message;
    private readonly Lock _lock = new();
    private Action<Outcome>? _done;
    private volatile State _state;
    private bool _isStored;
    private long _id;

    /// <summary>A message that is in memory only.</summary>
    internal Delivery(MessageInbox inbox, Message message, Action<Outcome>? done)
    {
        _inbox = inbox;
        _message = message;
        _done = done;
        Since = Environment.TickCount64;
    }

    /// <summary>A message that is on disk.</summary>
    internal Delivery(MessageInbox inbox, Message message, long id)
        : this(inbox, message, null)
    {
        _id = id;
        _isStored = true;
        _state = State.Parked;
    }

    /// <summary>When it came, milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    internal long Since { get; }

    /// <summary>True where it is in memory only, and neither handled nor about to be. Takes no lock: it is asked under the inbox's.</summary>
    internal bool IsWaiting => _state == State.Waiting;

    internal MessageEvent Event => new(_message, Ended, _inbox.Filter, Retry: _inbox.Retry) { Delivery = this, Key = _inbox.Key };

    /// <summary>Its turn has come.</summary>
    /// <returns>False where it is to wait for an earlier one, whose results the disk did not take: then it is not delivered.</returns>
    internal bool MayRun()
    {
        long id;
        lock (_lock) id = _id;
        return _inbox.MayRun(id, _message);
    }

    /// <summary>It will take long: on disk it need not be waited for. Where the inbox is full, whoever sent it goes on waiting.</summary>
    internal void Park()
    {
        if (!_inbox.Store.HasRoom) return;
        byte[] record = MessageRecord.Write(_message);
        lock (_lock)
        {
            if (_state != State.Waiting) return;
            _state = State.Parking;
            // Under the lock, so that nobody sees the state without the id. Nothing that has this lock waits for the store's thread.
            _id = _inbox.Park(record, Stored);
        }
    }

    /// <summary>The component's results are about to be stored.</summary>
    /// <returns>The id of the message in the inbox, which is over with that; 0 where it is not there.</returns>
    internal long End()
    {
        lock (_lock)
        {
            _state = State.Ending;
            return _id;
        }
    }

    /// <summary>Its results could not be stored, and it is to be tried again: it is as it was before <see cref="End"/>.</summary>
    internal void Resume()
    {
        lock (_lock)
        {
            if (_state == State.Ending) _state = _isStored ? State.Parked : State.Waiting;
        }
    }

    private void Stored(Exception? fault)
    {
        Action<Outcome>? tell = null;
        lock (_lock)
        {
            _isStored = fault is null;
            if (fault is not null)
            {
                _id = 0;
                if (_state == State.Parking) _state = State.Waiting;
            }
            else
            {
                if (_state == State.Parking) _state = State.Parked;
                (tell, _done) = (_done, null);
            }
        }

        tell?.Invoke(Outcome.Kept);
    }

    private void Ended(Outcome outcome)
    {
        Action<Outcome>? tell;
        long over = 0;
        long again = 0;
        lock (_lock)
        {
            (tell, _done) = (_done, null);
            if (outcome == Outcome.NotDelivered && _isStored)
            {
                // It is safe on disk, and comes again from there: nothing of it stays in memory.
                outcome = Outcome.Kept;
                again = _id;
                _state = State.Over;
            }
            else
            {
                over = _id;
                _state = State.Over;
            }
        }

        if (over != 0) _inbox.Store.Over(over);
        if (again != 0) _inbox.Return(again, _inbox.KeyOf(_message)); // first: who is told may send the next one
        tell?.Invoke(outcome);
    }
}
