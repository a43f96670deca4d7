// Instances of one component: a fresh one for each event, or warm ones that are used again.
using System.Collections.Concurrent;
using System.Diagnostics;
using Mote.Components.Linking;

namespace Mote.Runtime;

/// <summary>How instances of a component are used.</summary>
public sealed record InstancePolicy
{
    /// <summary>False: a fresh instance for each event. True: instances stay and are used again.</summary>
    public bool Pooled { get; init; }

    /// <summary>Most idle instances that are kept.</summary>
    public int MaxIdle { get; init; } = 4;

    /// <summary>How often an instance is used before it is replaced; 0 is without end.</summary>
    public long MaxUses { get; init; }

    /// <summary>How long a component stays loaded after its last event, and its idle instances with it.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How old an instance may get before it is replaced; null is without end.</summary>
    public TimeSpan? MaxAge { get; init; }
}

/// <summary>Counts of a pool.</summary>
/// <param name="Started">MicroVMs made.</param>
/// <param name="Reused">Events that found a warm one.</param>
/// <param name="Trapped">MicroVMs that ended by a trap.</param>
/// <param name="Idle">Warm ones now.</param>
public readonly record struct PoolCounts(long Started, long Reused, long Trapped, int Idle);

/// <summary>Makes and keeps microVMs of one component. Safe to use from many threads.</summary>
public sealed class MicroVmPool(InstanceTemplate template, AppComponent component, RuntimeEngine runtime, int slots, InstancePolicy policy) : IDisposable
{
    private readonly ConcurrentStack<MicroVm> _idle = new();
    private int _idleCount;
    private long _started;
    private long _reused;
    private long _trapped;
    private volatile bool _closed;

    /// <summary>Whose microVMs these are.</summary>
    public AppComponent Component => component;

    /// <summary>Counts so far.</summary>
    public PoolCounts Counts => new(Volatile.Read(ref _started), Volatile.Read(ref _reused), Volatile.Read(ref _trapped), Volatile.Read(ref _idleCount));

    /// <summary>A microVM for one event: a warm one, or one made now. Give it back with <see cref="Return"/>.</summary>
    public MicroVm Rent(out bool warm)
    {
        while (_idle.TryPop(out MicroVm? vm))
        {
            Interlocked.Decrement(ref _idleCount);
            if (IsWornOut(vm))
            {
                vm.Dispose();
                continue;
            }

            Interlocked.Increment(ref _reused);
            warm = true;
            return vm;
        }

        warm = false;
        try
        {
            MicroVm created = MicroVm.Create(template, component, runtime, slots);
            Interlocked.Increment(ref _started);
            return created;
        }
        catch (Exception e) when (e is not CapacityException)
        {
            Interlocked.Increment(ref _started);
            Interlocked.Increment(ref _trapped);
            throw;
        }
    }

    /// <summary>The event is over: keeps the microVM or ends it.</summary>
    /// <param name="vm">It.</param>
    /// <param name="failed">It did not do what it was there for, without a trap: whatever is wrong in it, the next event gets another.</param>
    public void Return(MicroVm vm, bool failed = false)
    {
        if (!vm.IsUsable) Interlocked.Increment(ref _trapped);
        if (!policy.Pooled || failed || _closed || !vm.IsUsable || IsWornOut(vm) || !TryTakePlace())
        {
            vm.Dispose();
            return;
        }

        _idle.Push(vm);
        if (_closed) Drain(); // closed while the microVM was being put away
    }

    private bool TryTakePlace()
    {
        if (Interlocked.Increment(ref _idleCount) <= policy.MaxIdle) return true;
        Interlocked.Decrement(ref _idleCount);
        return false;
    }

    /// <summary>Ends all idle microVMs; those in use end when they are given back.</summary>
    public void Dispose()
    {
        _closed = true;
        Drain();
    }

    /// <summary>Ends idle microVMs that are too old; those in use are looked at when they come back.</summary>
    public void Trim()
    {
        if (policy.MaxAge is null || Volatile.Read(ref _idleCount) == 0) return;
        int count = Volatile.Read(ref _idleCount);
        var young = new List<MicroVm>();
        while (count-- > 0 && _idle.TryPop(out MicroVm? vm))
        {
            if (IsWornOut(vm))
            {
                Interlocked.Decrement(ref _idleCount);
                vm.Dispose();
            }
            else
            {
                young.Add(vm);
            }
        }

        foreach (MicroVm vm in young) _idle.Push(vm);
        if (_closed) Drain();
    }

    private void Drain()
    {
        while (_idle.TryPop(out MicroVm? vm))
        {
            Interlocked.Decrement(ref _idleCount);
            vm.Dispose();
        }
    }

    private bool IsWornOut(MicroVm vm) =>
        (policy.MaxUses > 0 && vm.Calls >= policy.MaxUses) || (policy.MaxAge is { } age && Stopwatch.GetElapsedTime(vm.CreatedAt) > age);
}
