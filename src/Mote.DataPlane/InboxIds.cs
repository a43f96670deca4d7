// Messages of the inbox that end together.
namespace Mote.DataPlane;

/// <summary>Ids of messages in an inbox: none, one, or those of a batch. One costs no memory.</summary>
public readonly struct InboxIds
{
    private readonly long _one;
    private readonly long[]? _several;

    private InboxIds(long one) => _one = one;

    /// <summary>Some ids; those that are 0 are none.</summary>
    public InboxIds(IEnumerable<long> ids) => _several = [.. ids.Where(static id => id != 0)];

    /// <summary>No message.</summary>
    public static InboxIds None => default;

    /// <summary>How many there are.</summary>
    public int Count => _several?.Length ?? (_one == 0 ? 0 : 1);

    /// <summary>One of them.</summary>
    public long this[int index] => _several is null ? _one : _several[index];

    /// <summary>One message; 0 is none.</summary>
    public static implicit operator InboxIds(long id) => new(id);
}
