// Where events go from the outbox: what every upstream promises, whatever it speaks. UpstreamPump does the rest (order,
// waits between attempts, what is removed, counts, log lines), so that an upstream only knows its protocol.
namespace Mote.DataPlane;

/// <summary>An event that an upstream will never take.</summary>
/// <param name="Index">Which of the events it was given.</param>
/// <param name="Reason">Why, for people.</param>
public readonly record struct RefusedEvent(int Index, string Reason);

/// <summary>Why events wait.</summary>
public enum UpstreamFault
{
    /// <summary>The upstream is not there, or is busy: time may help.</summary>
    Unreachable,

    /// <summary>It is there and will not take anything from this node: a person has to change something.</summary>
    Misconfigured,
}

/// <summary>
/// What an upstream said to some events. Those at the front are settled: taken, or refused for good. The others are given to
/// it again, in the same order, under the same ids; so an upstream that took one of them after all gets it twice, and no
/// event passes one that was put in before it.
/// </summary>
/// <param name="Settled">How many, from the first.</param>
/// <param name="Error">Why the others must be tried again; null where all are settled.</param>
/// <param name="Fault">What kind of error it is.</param>
/// <param name="Wait">How long the upstream asks to be left alone; null where it does not say.</param>
public readonly record struct UpstreamAnswer(int Settled, string? Error = null, UpstreamFault Fault = UpstreamFault.Unreachable, TimeSpan? Wait = null)
{
    /// <summary>Those of the settled that it will never take, by rising index.</summary>
    public IReadOnlyList<RefusedEvent> Refused { get; init; } = [];
}

/// <summary>An upstream. It is called by one thread of work at a time.</summary>
public interface IUpstream : IAsyncDisposable
{
    /// <summary>Where it is, for people: without a password.</summary>
    string Address { get; }

    /// <summary>Most events that it wants at once, at least 1. Asked before each call.</summary>
    int Batch { get; }

    /// <summary>
    /// Sends events, and returns when it knows of each whether the upstream has it safe. It connects where it is not
    /// connected, and waits for an answer no longer than a bound of its own.
    /// </summary>
    /// <param name="events">The events in their order: at least one.</param>
    /// <param name="token">The node stops.</param>
    /// <returns>What became of them. Faults of the network, the disk and the upstream are answers and not exceptions.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="token"/> was cancelled: nothing is settled.</exception>
    Task<UpstreamAnswer> SendAsync(IReadOnlyList<CloudEvent> events, CancellationToken token);
}
