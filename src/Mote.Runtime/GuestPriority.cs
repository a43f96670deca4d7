// What a demoted thread is to the system: run only where nothing else wants the processor, but never starved.
using System.Diagnostics;

namespace Mote.Runtime;

/// <summary>
/// The priority of one thread. Niceness alone shares the processor out well, yet since Linux 6.6 a thread that wakes waits
/// until the slice of the one that runs is over, however nice that is: up to a tick of the system, 4 ms. Whoever wakes
/// interrupts a thread of the idle class at once. Such a thread gets next to nothing on a machine without idle time,
/// and what it holds then (a lock, a collection that waits for it) is held long; so where it starves the clock
/// raises it to niceness alone, until the machine has time again.
/// </summary>
internal sealed class GuestPriority(int thread)
{
    private const int Normal = 0, Background = 1, Raised = 2;

    /// <summary>Over how long a demoted thread's share is measured.</summary>
    private static readonly long s_window = Stopwatch.Frequency / 10;

    private int _level;
    private int _changing; // its owner and the clock's thread change it, in turn
    private int _niceness; // what it was given, which need not be 0
    private int _policy;
    private long _windowAt;
    private long _windowCpu;
    private long _windowWaited;

    /// <summary>True while it is demoted.</summary>
    public bool IsLow => Volatile.Read(ref _level) != Normal;

    /// <summary>Demotes it.</summary>
    /// <param name="toIdle">Whether also to the idle class, which without privilege nothing leads out of.</param>
    public void Lower(bool toIdle)
    {
        if (IsLow || !ThreadClock.IsShared(_policy = ThreadClock.Policy(thread))) return; // a real-time class is the operator's wish
        Enter();
        _niceness = ThreadClock.Nice(thread);
        if (ThreadClock.SetNice(thread, Math.Min(_niceness + GuestThreads.Niceness, 19)))
        {
            _windowAt = 0;
            Volatile.Write(ref _level, toIdle && ThreadClock.SetPolicy(thread, ThreadClock.IdlePolicy) ? Background : Raised);
        }

        Leave();
    }

    /// <summary>Gives it back what it had; false where the system does not let us. For its owner.</summary>
    public bool Restore()
    {
        if (!IsLow) return true;
        Enter();
        bool done = (_level == Raised || ThreadClock.SetPolicy(thread, _policy)) && ThreadClock.SetNice(thread, _niceness);
        Volatile.Write(ref _level, Normal);
        Leave();
        return done;
    }

    /// <summary>A look of the clock at a demoted thread: sees to it that it gets something.</summary>
    /// <param name="now">The stopwatch.</param>
    /// <param name="waited">Ticks of the stopwatch for which it has waited in the host.</param>
    /// <param name="canRestore">Whether the process may raise a priority.</param>
    public void Look(long now, long waited, bool canRestore)
    {
        if (!canRestore || (_windowAt != 0 && now - _windowAt < s_window)) return;
        if (Interlocked.CompareExchange(ref _changing, 1, 0) != 0) return; // the owner ends it now
        if (_level != Normal && ThreadClock.Of(thread) is >= 0 and long cpu)
        {
            long wanted = now - _windowAt - Math.Max(0, waited - _windowWaited);
            if (_windowAt != 0 && wanted >= s_window / 2)
            {
                double share = (cpu - _windowCpu) * 1e-9 / ((double)wanted / Stopwatch.Frequency);
                if (_level == Background && share < GuestThreads.StarvingShare && ThreadClock.SetPolicy(thread, _policy)) Volatile.Write(ref _level, Raised);
                else if (_level == Raised && share > GuestThreads.AmpleShare && ThreadClock.SetPolicy(thread, ThreadClock.IdlePolicy)) Volatile.Write(ref _level, Background);
            }

            (_windowAt, _windowCpu, _windowWaited) = (now, cpu, waited);
        }

        Leave();
    }

    private void Enter()
    {
        while (Interlocked.CompareExchange(ref _changing, 1, 0) != 0) Thread.SpinWait(1);
    }

    private void Leave() => Volatile.Write(ref _changing, 0);
}
