// How long a component's calls have been: whether the next one is lent its caller's thread, and at which priority it runs.
using Mote.Runtime;

namespace Mote.Triggers;

/// <summary>Remembers of a component whether it takes long, whether it burns the processor, and whether it only fails. Safe to use from many threads.</summary>
/// <param name="calm">So many short calls in a row make it short again.</param>
/// <param name="isShort">What it is taken for at first.</param>
internal sealed class GuestPace(int calm, bool isShort = false)
{
    /// <summary>Failures one after the other from which on a component has to wait for the others: what it uses then is for nothing.</summary>
    public const int FailuresInARow = 10;

    private int _short = isShort ? calm : 0;
    private bool _burns;
    private int _failures;

    /// <summary>True where its calls are short, whether they compute or wait: a thread may be lent to it.</summary>
    public bool IsShort => Volatile.Read(ref _short) >= calm;

    /// <summary>True where the next call is to have a lower priority: the last one burned the processor, or many in a row have failed.</summary>
    public bool Burns => Volatile.Read(ref _burns);

    /// <summary>A call has ended. What became of it has been told before.</summary>
    /// <param name="vm">Where.</param>
    /// <param name="before">Its <see cref="MicroVm.Busy"/> before, in ticks.</param>
    public void Note(MicroVm vm, long before)
    {
        bool took = vm.Busy.Ticks - before > GuestThreads.DemoteAfter.Ticks;
        Remember(took || Fails, Fails || (took && vm.LastBurned > GuestThreads.DemoteAfter));
    }

    /// <summary>It answered.</summary>
    public void Worked()
    {
        // Written only where it changes: many threads read it.
        if (Volatile.Read(ref _failures) != 0) Volatile.Write(ref _failures, 0);
    }

    /// <summary>It trapped, answered with an error, or did not answer.</summary>
    public void Failed() => Interlocked.Increment(ref _failures);

    /// <summary>A microVM of it could not even start; told after <see cref="Failed"/>.</summary>
    /// <param name="late">Because its time was over.</param>
    public void NoteNoStart(bool late)
    {
        if (late || Fails) Remember(isLong: true, burns: true);
    }

    private bool Fails => Volatile.Read(ref _failures) >= FailuresInARow;

    private void Remember(bool isLong, bool burns)
    {
        if (isLong) Volatile.Write(ref _short, 0);
        else if (!IsShort) Interlocked.Increment(ref _short);
        if (burns != Burns) Volatile.Write(ref _burns, burns);
    }
}
