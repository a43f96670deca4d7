// Where a guest runs: on the thread that has its event while one of a few permits is free, and else on a microVM thread.
namespace Mote.Runtime;

/// <summary>Something that runs a guest.</summary>
public interface IGuestWork
{
    /// <summary>True where it burned the processor the last time: it runs at a lower priority from its beginning.</summary>
    bool Burns { get; }

    /// <summary>Runs it. Whatever goes wrong is its own business: nothing is thrown.</summary>
    void Run();
}

/// <summary>
/// Shares the processors among guests. A guest is synchronous and may wait in the host, so a caller's thread is lent to it
/// only within a bound; beyond that, threads of our own take it, up to another bound, and then the work waits for one.
/// </summary>
public sealed class GuestScheduler : IDisposable
{
    /// <summary>A guest's stack (Wasmtime's 512 KiB), host frames above it, and those of a component called by another.</summary>
    public const int StackBytes = 2 << 20;

    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(5);

    private readonly GuestThreads _threads;
    private readonly int _maxThreads;
    private readonly Lock _lock = new();
    private readonly Queue<IGuestWork> _work = [];
    private readonly SemaphoreSlim _there = new(0);
    private int _permits;
    private int _running;
    private int _waiting;
    private bool _stopped;

    /// <summary>A scheduler.</summary>
    /// <param name="threads">The threads that run guests.</param>
    /// <param name="permits">Most guests on their callers' threads.</param>
    /// <param name="maxThreads">Most microVM threads.</param>
    public GuestScheduler(GuestThreads threads, int permits, int maxThreads)
    {
        _threads = threads;
        _permits = permits;
        _maxThreads = maxThreads;
        Permits = permits;
    }

    /// <summary>Most guests on their callers' threads.</summary>
    public int Permits { get; }

    /// <summary>MicroVM threads now.</summary>
    public int Threads => Volatile.Read(ref _running);

    /// <summary>Work that waits for a thread.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock) return _work.Count;
        }
    }

    /// <summary>A permit to run a guest on this thread; give it back with <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Decrement(ref _permits) >= 0) return true;
        Interlocked.Increment(ref _permits);
        return false;
    }

    /// <summary>The guest has ended.</summary>
    public void Leave() => Interlocked.Increment(ref _permits);

    /// <summary>Gives work to a microVM thread, or to the next one that is free. How much may wait is the caller's to bound.</summary>
    /// <returns>False where the scheduler has stopped.</returns>
    public bool Post(IGuestWork work)
    {
        bool start = false;
        lock (_lock)
        {
            if (_stopped) return false;
            _work.Enqueue(work);
            if (_work.Count > _waiting && _running < _maxThreads)
            {
                _running++;
                start = true;
            }
        }

        _there.Release();
        if (start) new Thread(Run, StackBytes) { IsBackground = true, Name = "mote-vm" }.Start();
        return true;
    }

    /// <summary>Takes no more work; what is there is done by the threads that run.</summary>
    public void Dispose()
    {
        int threads;
        lock (_lock)
        {
            _stopped = true;
            threads = _running;
        }

        if (threads > 0) _there.Release(threads);
    }

    private void Run()
    {
        GuestThread self = _threads.Current;
        self.IsDisposable = true;
        while (Next() is { } work)
        {
            if (work.Burns) self.Demote();
            work.Run();
            self.Restore();
            if (!self.IsSpent) continue;
            Replace(); // it has lost its priority for good
            return;
        }
    }

    private IGuestWork? Next()
    {
        while (true)
        {
            lock (_lock) _waiting++;
            bool signalled = _there.Wait(s_idle);
            lock (_lock)
            {
                _waiting--;
                if (signalled && _work.TryDequeue(out IGuestWork? work)) return work;
                if (!_stopped && _work.Count > 0) continue;
                _running--;
                return null;
            }
        }
    }

    private void Replace()
    {
        bool start;
        lock (_lock)
        {
            start = _work.Count > _waiting;
            if (!start) _running--;
        }

        if (start) new Thread(Run, StackBytes) { IsBackground = true, Name = "mote-vm" }.Start();
    }
}
