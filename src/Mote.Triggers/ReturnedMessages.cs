// Messages of an inbox whose results could not be stored: they are on disk, and are read again from there. What is kept
// of each here is its id and what it keeps its order with.
namespace Mote.Triggers;

/// <summary>
/// The messages of an inbox that came back. One that the disk made come back holds all later ones of its key, from then until
/// its turn comes again. Not safe to use from many threads: its inbox has a lock.
/// </summary>
internal sealed class ReturnedMessages
{
    /// <summary>How long they wait before they are given to the component again.</summary>
    public static readonly TimeSpan Wait = TimeSpan.FromSeconds(1);

    private readonly SortedDictionary<long, Entry> _entries = [];
    private long _lastAt;
    private int _waiting;
    private int _waitingThatHold;

    /// <summary>What is known of one.</summary>
    /// <param name="Key">What it keeps its order with; null for nothing.</param>
    /// <param name="Holds">Later ones of its key wait for it.</param>
    /// <param name="IsGiven">It is in the component's queue again.</param>
    private readonly record struct Entry(string? Key, bool Holds, bool IsGiven);

    /// <summary>True where there is none.</summary>
    public bool IsEmpty => _entries.Count == 0;

    /// <summary>How many are to be given to the component again.</summary>
    public int Waiting => _waiting;

    /// <summary>How long it is until then.</summary>
    public TimeSpan Left => Wait - TimeSpan.FromMilliseconds(Environment.TickCount64 - _lastAt);

    /// <summary>True while nothing else is to be read from the disk: it would come back as well, or there are too many already.</summary>
    /// <param name="most">Most that may wait.</param>
    public bool Stops(int most) => _waitingThatHold > 0 || _waiting >= most;

    /// <summary>The first one behind this id that is to be given to the component again; null where there is none.</summary>
    public long? Next(long id)
    {
        foreach ((long other, Entry e) in _entries)
        {
            if (other > id && !e.IsGiven) return other;
        }

        return null;
    }

    /// <summary>A message came back.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="key">What it keeps its order with; null for nothing.</param>
    /// <param name="isOfTheDisk">The disk does not take results; else something is wrong with this message's own.</param>
    public void Add(long id, string? key, bool isOfTheDisk)
    {
        bool holds = key is not null && (isOfTheDisk || Holds(id, key));
        Remove(id);
        _entries[id] = new Entry(key, holds, IsGiven: false);
        _waiting++;
        if (holds) _waitingThatHold++;
        _lastAt = Environment.TickCount64;
    }

    /// <summary>It is given to the component again.</summary>
    public void Give(long id)
    {
        if (!_entries.TryGetValue(id, out Entry e)) return;
        Remove(id);
        _entries[id] = e with { IsGiven = true };
    }

    /// <summary>Its turn has come, or it is gone.</summary>
    public void Remove(long id)
    {
        if (!_entries.Remove(id, out Entry e) || e.IsGiven) return;
        _waiting--;
        if (e.Holds) _waitingThatHold--;
    }

    /// <summary>True where a message must wait for an earlier one of its key.</summary>
    /// <param name="id">Its id; 0 where it is not on disk, and so behind all that are.</param>
    /// <param name="key">What it keeps its order with; null for nothing.</param>
    public bool Holds(long id, string? key)
    {
        if (key is null) return false;
        foreach ((long other, Entry e) in _entries)
        {
            if (id != 0 && other >= id) return false;
            if (e.Holds && e.Key == key) return true;
        }

        return false;
    }
}
