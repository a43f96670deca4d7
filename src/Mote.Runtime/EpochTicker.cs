// The clock that stops guests: a thread that advances the engines' epoch while something runs under a deadline, and
// sleeps otherwise.
using System.Diagnostics;
using Mote.Wasmtime;

namespace Mote.Runtime;

/// <summary>
/// Advances the epoch of its engines every <see cref="Tick"/> while at least one guest runs under a deadline. A guest
/// without a deadline costs no tick.
/// </summary>
public sealed class EpochTicker : IDisposable
{
    /// <summary>How exact deadlines of running guest code are.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(5);

    private readonly Func<IReadOnlyList<Engine>> _engines;
    private readonly ManualResetEventSlim _wake = new(false, spinCount: 0);
    private readonly Thread _thread;
    private int _running;
    private volatile bool _stop;

    /// <summary>The threads that run guests.</summary>
    public GuestThreads Threads { get; } = new();

    /// <summary>A ticker for the engines that there are at each tick.</summary>
    public EpochTicker(Func<IReadOnlyList<Engine>> engines)
    {
        _engines = engines;
        _thread = new Thread(Run) { IsBackground = true, Name = "mote-epoch", Priority = ThreadPriority.AboveNormal };
        _thread.Start();
    }

    private long _now;

    /// <summary>The stopwatch at the last tick: what is checked after each host call costs no reading of the clock.</summary>
    public long Now => Volatile.Read(ref _now);

    /// <summary>Ticks that cover a time: at least one more than fits, so that no guest is stopped early.</summary>
    public static ulong TicksFor(TimeSpan time) => (ulong)Math.Ceiling(Math.Max(0, time.TotalMilliseconds) / Tick.TotalMilliseconds) + 1;

    /// <summary>A guest begins to run under a deadline.</summary>
    public void Enter()
    {
        if (Interlocked.Increment(ref _running) == 1) _wake.Set();
    }

    /// <summary>It does not any more.</summary>
    public void Leave() => Interlocked.Decrement(ref _running);

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop = true;
        _wake.Set();
        _thread.Join();
        _wake.Dispose();
        Threads.Dispose();
    }

    private void Run()
    {
        while (!_stop)
        {
            if (Volatile.Read(ref _running) == 0)
            {
                // Nobody may slip in between the look and the wait: the event is reset first, then looked again.
                _wake.Reset();
                if (Volatile.Read(ref _running) == 0 && !_stop) _wake.Wait();
                continue;
            }

            Thread.Sleep(Tick);
            Volatile.Write(ref _now, Stopwatch.GetTimestamp());
            foreach (Engine engine in _engines()) engine.IncrementEpoch();
            Threads.Look();
        }
    }
}
