// When a message is over that went to several places.
namespace Mote.Triggers;

/// <summary>What became of a message at every component that it went to.</summary>
/// <param name="parts">How many there are.</param>
/// <param name="done">Told the worst of what became of it, when all are over or safe.</param>
public sealed class Outcomes(int parts, Action<Outcome> done)
{
    private int _left = parts;
    private int _notDelivered;

    /// <summary>How many are not over yet.</summary>
    public int Left => Volatile.Read(ref _left);

    /// <summary>True where one of those that are over could not be delivered. Read after <see cref="Left"/>, it is about all that were over then.</summary>
    public bool HasFailed => Volatile.Read(ref _notDelivered) != 0;

    /// <summary>One of them is over, or safe.</summary>
    public void Done(Outcome outcome)
    {
        if (outcome == Outcome.NotDelivered) Volatile.Write(ref _notDelivered, 1);
        if (Interlocked.Decrement(ref _left) == 0) done(Volatile.Read(ref _notDelivered) != 0 ? Outcome.NotDelivered : Outcome.Handled);
    }
}
