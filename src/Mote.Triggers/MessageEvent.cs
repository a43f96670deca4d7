// An event on its way to a component, and what became of it.
using Mote.Capabilities.Messaging;
using Mote.DataPlane;
using Mote.Runtime;

namespace Mote.Triggers;

/// <summary>What became of an event.</summary>
public enum Outcome
{
    /// <summary>The component handled it and what it sent is on its way.</summary>
    Handled,

    /// <summary>The component answered with an error or trapped, as often as it was tried. Giving it the event again would end the same way.</summary>
    Failed,

    /// <summary>What the component sent could not be passed on: the event should come again.</summary>
    NotDelivered,

    /// <summary>The component failed, and is to be given the event again after a while by whoever it came from (<see cref="RetryPolicy.BySource"/>).</summary>
    Again,

    /// <summary>It is on disk and the component will get it: whoever sent it may forget it.</summary>
    Kept,
}

/// <summary>An event that waits for a component.</summary>
/// <param name="Message">The message.</param>
/// <param name="Done">Told when it is over, on any thread; null where nobody asks.</param>
/// <param name="Filter">What the trigger asks for, as in the manifest: a name for spans.</param>
/// <param name="IsOfTimer">It is a firing of a timer, and came by no broker.</param>
/// <param name="Retry">What to do when the component fails; null is nothing.</param>
/// <param name="Attempt">How often it has been tried before.</param>
public readonly record struct MessageEvent(Message Message, Action<Outcome>? Done, string? Filter = null, bool IsOfTimer = false, RetryPolicy? Retry = null, int Attempt = 0)
{
    /// <summary>Which others it keeps its order with, where the component handles several at once.</summary>
    public MessageKey Key { get; init; }

    /// <summary>What keeps it on disk where it takes long; null where nothing does.</summary>
    internal Delivery? Delivery { get; init; }
}

/// <summary>Passes on what a component sent while it handled an event.</summary>
/// <param name="component">Who sent it.</param>
/// <param name="messages">What.</param>
/// <param name="over">The messages of the inbox that they were made of, which are over when they are safe.</param>
/// <param name="done">Told when it is safe (null), on any thread, or why it is not. It must be quick and throw nothing.</param>
/// <exception cref="MessagingException">It could not be passed on; <paramref name="done"/> is not told then.</exception>
public delegate void PublishedSink(AppComponent component, Published[] messages, InboxIds over, Action<MessagingException?> done);

/// <summary>Counts of a component's events.</summary>
/// <param name="Received">Events taken into the queue.</param>
/// <param name="ReceivedBytes">Their topics and data.</param>
/// <param name="Handled">Events handled.</param>
/// <param name="Failed">Events that the component could not handle.</param>
/// <param name="NotDelivered">Events whose results could not be passed on.</param>
/// <param name="Published">Messages that the component sent.</param>
/// <param name="Waiting">Events in the queue, in work, or to be tried again.</param>
/// <param name="Retried">Attempts that failed and were made again.</param>
/// <param name="DeadLetters">Events given to the dead-letter topic.</param>
/// <param name="Batches">Calls with a batch of events, where the component takes several at once.</param>
public readonly record struct EventCounts(long Received, long ReceivedBytes, long Handled, long Failed, long NotDelivered, long Published, long Waiting, long Retried = 0, long DeadLetters = 0, long Batches = 0);
