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
    private const int Idle = 0, Running = 1, Seen = 2;

    private int _state;
    private int _depth;
    private long _since;
    private long _waited;
    private long _waitsSince;
    private long _markCpu;
    private long _markAt;
    private bool _demoted;

    /// <summary>What it was given, which need not be 0.</summary>
    private int _niceness;

    internal int Number { get; } = ThreadClock.Number();

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

    /// <summary>A call ends; gives the processor time of the outermost one, nanoseconds.</summary>
    internal long End(long now)
    {
        if (--_depth > 0) return 0;
        while (Interlocked.CompareExchange(ref _state, Idle, Running) != Running) Thread.SpinWait(1); // the clock looks at it now
        long busy;
        if (_markAt == 0) busy = Nanoseconds(now - _since - _waited);
        else busy = Math.Max(0, Nanoseconds(_markAt - _since)) + ThreadClock.Now() - _markCpu;
        if (!IsDisposable) Restore(); // else its owner does, when all is over: taking a large memory apart takes long, too
        return Math.Max(0, busy);
    }

    /// <summary>What this thread runs from now on burned the processor the last time: it is demoted before it does so again.</summary>
    public void Demote()
    {
        if (IsDisposable && !_demoted) Lower();
    }

    /// <summary>The next thing that it runs is another's.</summary>
    internal void Restore()
    {
        if (!_demoted) return;
        _demoted = false;
        IsSpent = !ThreadClock.SetNice(Number, _niceness);
    }

    private void Lower()
    {
        _niceness = ThreadClock.Nice(Number);
        _demoted = ThreadClock.SetNice(Number, Math.Min(_niceness + GuestThreads.Niceness, 19));
    }

    /// <summary>A tick of the clock: measures from now on, and demotes the thread where it has used too much since it was first met.</summary>
    internal void Look(long now, bool canRestore)
    {
        if (Interlocked.CompareExchange(ref _state, Seen, Running) != Running) return;
        long cpu = ThreadClock.Of(Number);
        if (cpu >= 0 && _markAt == 0)
        {
            // Time before is taken as busy where it did not wait then.
            long since = Volatile.Read(ref _waitsSince);
            _markAt = Math.Max(_since, now - _waited - (since == 0 ? 0 : Math.Max(0, now - since)));
            _markCpu = cpu;
        }
        else if (cpu >= 0 && !_demoted && (canRestore || IsDisposable) && cpu - _markCpu > GuestThreads.DemoteAfter.TotalNanoseconds)
        {
            Lower();
        }

        Volatile.Write(ref _state, Running);
    }

    private static long Nanoseconds(long ticks) => (long)(ticks * (1e9 / Stopwatch.Frequency));
}

/// <summary>All threads that run guests of one engine.</summary>
public sealed class GuestThreads : IDisposable
{
    /// <summary>How much nicer a thread becomes that burns the processor: with this a thread of normal priority gets about ten times as much.</summary>
    public const int Niceness = 10;

    /// <summary>Processor time of one call after which it is demoted.</summary>
    public static readonly TimeSpan DemoteAfter = TimeSpan.FromMilliseconds(10);

    private readonly ThreadLocal<GuestThread> _threads = new(() => new GuestThread(), trackAllValues: true);
    private bool? _canRestore;

    /// <summary>This thread.</summary>
    public GuestThread Current => _threads.Value!;

    /// <summary>Looks at all of them; called by the clock's thread.</summary>
    internal void Look()
    {
        long now = Stopwatch.GetTimestamp();
        foreach (GuestThread thread in _threads.Values) thread.Look(now, _canRestore ??= CanRestore());
    }

    /// <inheritdoc/>
    public void Dispose() => _threads.Dispose();

    /// <summary>Only a privileged process may take niceness back; tried on the clock's own thread, with one step.</summary>
    private static bool CanRestore()
    {
        int self = ThreadClock.Number(), nice = ThreadClock.Nice(self);
        return ThreadClock.SetNice(self, nice + 1) && ThreadClock.SetNice(self, nice);
    }
}
