// Which threads run guests now, and for how long; those that burn the processor get a lower priority, so that others
// are served.
using System.Diagnostics;

namespace Mote.Runtime;

/// <summary>
/// One thread that runs guests, and what its outermost call uses. Asking the system for a thread's processor time costs as
/// much as starting a small microVM's call, so a call that no tick of the clock meets is taken as busy all of its time but
/// its waits in the host; one that a tick meets is measured from then on.
/// </summary>
public sealed class GuestThread
{
    private readonly GuestThreads _all;
    private readonly GuestPriority _priority;
    private const int Idle = 0, Running = 1, Seen = 2;

    private int _state;
    private int _depth;
    private long _since;
    private long _waited;
    private long _waitsSince;
    private long _markCpu;
    private long _markAt;
    private long _markWork;
    private long _work;      // nanoseconds of this call in which the host computed for the guest
    private long _workSince; // the thread's processor time when the host began to; 0 while it does not

    internal GuestThread(GuestThreads all)
    {
        _all = all;
        Number = ThreadClock.Number();
        _priority = new GuestPriority(Number);
    }

    internal int Number { get; }

    /// <summary>True while it has a lower priority.</summary>
    public bool IsDemoted => _priority.IsLow;

    /// <summary>True where this thread may end after it was demoted: nothing but guests runs on it.</summary>
    internal bool IsDisposable { get; set; }

    /// <summary>True where it was demoted and nobody could undo that.</summary>
    internal bool IsSpent { get; private set; }

    /// <summary>A call begins; true for the outermost one.</summary>
    internal bool Begin(long now)
    {
        if (_depth++ > 0) return false;
        _since = now;
        _waited = 0;
        _markAt = 0;
        _work = 0;
        Volatile.Write(ref _state, Running);
        return true;
    }

    /// <summary>The call has waited in the host for so many ticks of the stopwatch.</summary>
    internal void Waited(long ticks)
    {
        Volatile.Write(ref _waitsSince, 0);
        _waited += ticks;
    }

    /// <summary>The call begins to wait in the host.</summary>
    internal void Waits(long now) => Volatile.Write(ref _waitsSince, now);

    /// <summary>The host begins to compute something long for the guest on this thread: a model, which is not the guest's loop.</summary>
    internal void BeginWork() => Volatile.Write(ref _workSince, ThreadClock.Now());

    /// <summary>It has computed.</summary>
    internal void EndWork()
    {
        // In this order: a clock that looks between the two takes it for more, and demotes nobody for that.
        Volatile.Write(ref _work, _work + ThreadClock.Now() - _workSince);
        Volatile.Write(ref _workSince, 0);
    }

    /// <summary>What the last outermost call used beside what the host computed for it within <see cref="GuestThreads.WorkAllowance"/>, nanoseconds.</summary>
    internal long Burned { get; private set; }

    /// <summary>A call ends; gives the processor time of the outermost one, nanoseconds.</summary>
    internal long End(long now)
    {
        if (--_depth > 0) return 0;
        while (Interlocked.CompareExchange(ref _state, Idle, Running) != Running) Thread.SpinWait(1); // the clock looks at it now
        long busy;
        if (_markAt == 0) busy = Nanoseconds(now - _since - _waited);
        else busy = Math.Max(0, Nanoseconds(_markAt - _since)) + ThreadClock.Now() - _markCpu;
        if (!IsDisposable) Restore(); // else its owner does, when all is over: taking a large memory apart takes long, too
        Burned = busy - Excused(_work);
        return Math.Max(0, busy);
    }

    /// <summary>What this thread runs from now on burned the processor the last time: it is demoted before it does so again.</summary>
    public void Demote()
    {
        if (IsDisposable) _priority.Lower(_all.CanRestore);
    }

    /// <summary>The next thing that it runs is another's.</summary>
    internal void Restore() => IsSpent = !_priority.Restore() || IsSpent;

    /// <summary>A tick of the clock: measures from now on, and demotes the thread where it has used too much since it was first met.</summary>
    internal void Look(long now)
    {
        // One that is demoted is looked at also while its owner takes apart what has ended.
        if (_priority.IsLow) _priority.Look(now, Waits(), _all.CanRestore);
        if (Interlocked.CompareExchange(ref _state, Seen, Running) != Running) return;
        long cpu = ThreadClock.Of(Number);
        if (cpu >= 0 && _markAt == 0)
        {
            // Time before is taken as busy where it did not wait then.
            _markAt = Math.Max(_since, now - Waits());
            _markCpu = cpu;
            _markWork = Work(cpu);
        }
        else if (cpu >= 0 && (IsDisposable || _all.CanRestore) && cpu - _markCpu - Excused(Work(cpu) - _markWork) > GuestThreads.DemoteAfter.TotalNanoseconds)
        {
            _priority.Lower(_all.CanRestore);
        }

        Volatile.Write(ref _state, Running);

        long Waits()
        {
            long since = Volatile.Read(ref _waitsSince);
            return _waited + (since == 0 ? 0 : Math.Max(0, now - since));
        }

        long Work(long cpu)
        {
            long since = Volatile.Read(ref _workSince);
            return Volatile.Read(ref _work) + (since == 0 ? 0 : Math.Max(0, cpu - since));
        }
    }

    private static long Excused(long work) => work <= GuestThreads.WorkAllowance.TotalNanoseconds ? work : 0;

    private static long Nanoseconds(long ticks) => (long)(ticks * (1e9 / Stopwatch.Frequency));
}

/// <summary>All threads that run guests of one engine.</summary>
public sealed class GuestThreads : IDisposable
{
    /// <summary>
    /// How much nicer a thread becomes that burns the processor: with this a thread of normal priority gets about ten times as
    /// much. Where the process may take priorities back, it is also put into the system's idle class, as long as that lets it
    /// have <see cref="StarvingShare"/> of a processor.
    /// </summary>
    public const int Niceness = 10;

    /// <summary>The share of a processor below which a demoted thread is raised to niceness alone.</summary>
    public const double StarvingShare = 0.05;

    /// <summary>The share above which it need not be.</summary>
    public const double AmpleShare = 0.25;

    /// <summary>Processor time of one call after which it is demoted.</summary>
    public static readonly TimeSpan DemoteAfter = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// Processor time of the models of one call that is not taken for the guest's: who is granted a model is meant to run it,
    /// and one of 12 ms would lose its priority midway. Who runs models in a loop is demoted all the same.
    /// </summary>
    public static readonly TimeSpan WorkAllowance = TimeSpan.FromSeconds(1);

    private readonly ThreadLocal<GuestThread> _threads;
    private int _canRestore; // 0 before it was tried, then 1 or -1

    /// <summary>The threads of one engine.</summary>
    public GuestThreads() => _threads = new(() => new GuestThread(this), trackAllValues: true);

    /// <summary>This thread.</summary>
    public GuestThread Current => _threads.Value!;

    /// <summary>Whether this process may give a thread back a priority that was taken from it: only a privileged one may.</summary>
    internal bool CanRestore
    {
        get
        {
            if (_canRestore == 0) _canRestore = Try() ? 1 : -1;
            return _canRestore > 0;
        }
    }

    /// <summary>Looks at all of them; called by the clock's thread.</summary>
    internal void Look()
    {
        long now = Stopwatch.GetTimestamp();
        foreach (GuestThread thread in _threads.Values) thread.Look(now);
    }

    /// <inheritdoc/>
    public void Dispose() => _threads.Dispose();

    /// <summary>
    /// Tried on a thread of its own, which may end with whatever priority it is left with; and by this one, because one in the
    /// idle class may not come to the line that takes it out of it.
    /// </summary>
    private static bool Try()
    {
        var there = new ManualResetEventSlim();
        var over = new ManualResetEventSlim();
        int number = 0;
        var patient = new Thread(
            () =>
            {
                number = ThreadClock.Number();
                there.Set();
                over.Wait();
            },
            256 * 1024)
        { IsBackground = true };
        patient.Start();
        there.Wait();
        int policy = ThreadClock.Policy(number), nice = ThreadClock.Nice(number);
        bool can = ThreadClock.IsShared(policy) && ThreadClock.SetNice(number, nice + 1)
            && ThreadClock.SetPolicy(number, ThreadClock.IdlePolicy) && ThreadClock.SetPolicy(number, policy) && ThreadClock.SetNice(number, nice);
        over.Set();
        return can;
    }
}
