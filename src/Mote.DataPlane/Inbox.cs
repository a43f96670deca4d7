// Messages that wait on disk for a component: what a store of them promises.
namespace Mote.DataPlane;

/// <summary>A message that waits.</summary>
/// <param name="Id">Its place: lower was put in earlier.</param>
/// <param name="Record">It, as it was put in.</param>
public readonly record struct InboxEntry(long Id, byte[] Record);

/// <summary>Counts of an inbox.</summary>
/// <param name="Waiting">Messages on disk.</param>
/// <param name="Bytes">Bytes of their records.</param>
/// <param name="Damaged">Records found damaged since the process started; they are kept apart.</param>
/// <param name="BytesWritten">Bytes of records written since the process started.</param>
public readonly record struct InboxCounts(long Waiting, long Bytes, long Damaged, long BytesWritten);

/// <summary>
/// Messages on disk until their components have handled them. It is one store with the outbox, so that what a component made
/// of a message and the message's end are one transaction. Safe to use from many threads.
/// </summary>
public interface IInbox
{
    /// <summary>Counts now.</summary>
    InboxCounts InboxCounts { get; }

    /// <summary>False where as many bytes wait as may.</summary>
    bool HasRoom { get; }

    /// <summary>False while the disk takes nothing.</summary>
    bool IsWell { get; }

    /// <summary>The highest id that was given.</summary>
    long LastMessage { get; }

    /// <summary>How many messages wait for a component.</summary>
    long WaitingFor(string queue);

    /// <summary>Writes a message. Many calls share one write to the disk.</summary>
    /// <param name="queue">Whose it is.</param>
    /// <param name="record">The message.</param>
    /// <param name="isInMemory">The caller has the message in memory too: it is not given by <see cref="Peek"/> before a restart.</param>
    /// <param name="done">Told, on the store's thread, when it is on disk (null), or why it is not. It must be quick and throw nothing.</param>
    /// <returns>Its id: in the order of the calls, which is that in which messages come to be on disk.</returns>
    long Park(string queue, byte[] record, bool isInMemory, Action<Exception?> done);

    /// <summary>The next messages of a component, the oldest first. Those that are damaged are put apart and not given.</summary>
    /// <param name="queue">Whose.</param>
    /// <param name="after">Those with a higher id than this.</param>
    /// <param name="most">Most messages.</param>
    /// <param name="maxBytes">About as many bytes; one comes in any case.</param>
    /// <exception cref="IOException">The disk does not give them.</exception>
    IReadOnlyList<InboxEntry> Peek(string queue, long after, int most, long maxBytes);

    /// <summary>A message, whoever has it; null where it is over, or damaged and put apart.</summary>
    /// <param name="queue">Whose.</param>
    /// <param name="id">Its id.</param>
    /// <exception cref="IOException">The disk does not give it.</exception>
    InboxEntry? Find(string queue, long id);

    /// <summary>A message is over. Not waited for: one that a crash brings back is handled again.</summary>
    void Over(long id);
}
