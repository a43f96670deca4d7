// Events that wait on disk for an upstream: what a store of them promises, whatever it is built on.
namespace Mote.DataPlane;

/// <summary>Events that are kept, and dropped, alike.</summary>
/// <param name="Name">What it is called in configuration, logs and gap records.</param>
/// <param name="Priority">Higher goes first, and is dropped last.</param>
/// <param name="MaxBytes">Most bytes that wait; the oldest go when there are more. Null is the outbox's own bound alone.</param>
/// <param name="MaxAge">How long an event may wait; null for as long as there is room.</param>
public sealed record OutboxClass(string Name, int Priority = 0, long? MaxBytes = null, TimeSpan? MaxAge = null);

/// <summary>An event that waits.</summary>
/// <param name="Id">Its place: lower was put in earlier.</param>
/// <param name="Class">The name of its class.</param>
/// <param name="Event">The event.</param>
public readonly record struct OutboxEntry(long Id, string Class, CloudEvent Event);

/// <summary>Events of a class that were dropped before they were sent.</summary>
/// <param name="Class">The name of their class.</param>
/// <param name="Messages">How many.</param>
/// <param name="Bytes">Bytes of their records.</param>
/// <param name="From">When the first of them was put in.</param>
/// <param name="To">When the last was.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="Version">What the store knows this state of it by.</param>
public sealed record OutboxGap(string Class, long Messages, long Bytes, DateTimeOffset From, DateTimeOffset To, string Reason, long Version);

/// <summary>Counts of an outbox.</summary>
/// <param name="Waiting">Events that wait.</param>
/// <param name="Bytes">Bytes of their records.</param>
/// <param name="Dropped">Events that were dropped since the process started: too old, or no room.</param>
/// <param name="Damaged">Records found damaged since the process started; they are kept apart.</param>
/// <param name="BytesWritten">Bytes of records written since the process started.</param>
/// <param name="Fault">Why nothing can be written now; null where it can.</param>
public readonly record struct OutboxCounts(long Waiting, long Bytes, long Dropped, long Damaged, long BytesWritten, string? Fault);

/// <summary>
/// Events on disk until an upstream has them. What was put in is there after a crash or a power cut; it is given in order
/// of priority, then of age, and the same again until it is removed. Safe to use from many threads.
/// </summary>
public interface IOutbox : IDisposable
{
    /// <summary>Counts now.</summary>
    OutboxCounts Counts { get; }

    /// <summary>Called when there is something to send, on any thread.</summary>
    Action? Filled { get; set; }

    /// <summary>Puts events in, all or none. Many calls share one write to the disk.</summary>
    /// <param name="events">The events, each with its class.</param>
    /// <param name="done">Told, on the store's thread, when they are on disk (null), or why they are not. It must be quick and throw nothing.</param>
    /// <param name="over">The messages of the inbox that they were made of, which are over with them, in one transaction.</param>
    void Put(IReadOnlyList<(OutboxClass Class, CloudEvent Event)> events, Action<Exception?> done, InboxIds over = default);

    /// <summary>The next events to send: those of the highest priority that has any, the oldest first.</summary>
    /// <param name="most">Most events.</param>
    /// <param name="maxBytes">About as many bytes of records; one event comes in any case.</param>
    /// <exception cref="IOException">The disk does not give them.</exception>
    IReadOnlyList<OutboxEntry> Peek(int most, long maxBytes);

    /// <summary>The upstream has them, or will never take them. Not waited for: what a crash brings back is sent again, under the same id.</summary>
    void Remove(IReadOnlyList<long> ids);

    /// <summary>What was dropped and has not been told yet.</summary>
    /// <exception cref="IOException">The disk does not give it.</exception>
    IReadOnlyList<OutboxGap> Gaps();

    /// <summary>The upstream knows of it.</summary>
    void Told(OutboxGap gap);
}
