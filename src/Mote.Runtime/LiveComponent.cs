// A component that holds no memory but its entry while nobody uses it: its code is mapped when an event comes, and let go
// when none has come for a while.
using System.Diagnostics;
using Mote.Components.Linking;

namespace Mote.Runtime;

/// <summary>A component as it is loaded. Disposing it unmaps its code.</summary>
/// <typeparam name="T">What a trigger calls, bound to the template.</typeparam>
public sealed class LoadedComponent<T> : IDisposable
{
    private readonly MappingBudget _mappings;

    /// <summary>A linked component with its microVMs.</summary>
    /// <exception cref="CapacityException">The process has no memory mappings left for its code.</exception>
    public LoadedComponent(InstanceTemplate template, MicroVmPool pool, T binding, MappingBudget mappings)
    {
        Template = template;
        Pool = pool;
        Binding = binding;
        _mappings = mappings;
        if (mappings.TryTake()) return;
        Unload();
        throw new CapacityException($"as many components are loaded as this node has memory mappings for ({mappings.Limit} of vm.max_map_count)");
    }

    /// <summary>The linked component.</summary>
    public InstanceTemplate Template { get; }

    /// <summary>Its microVMs.</summary>
    public MicroVmPool Pool { get; }

    /// <summary>What a trigger calls.</summary>
    public T Binding { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Unload();
        _mappings.Give();
    }

    private void Unload()
    {
        Pool.Dispose();
        Template.Dispose();
        Template.Component.Dispose();
    }
}

/// <summary>A component that can be let go; see <see cref="Reaper"/>.</summary>
public interface IReapable
{
    /// <summary>True while something is loaded.</summary>
    bool IsLoaded { get; }

    /// <summary>Lets go of what has not been used for a while.</summary>
    void Reap(long now);
}

/// <summary>Loads a component when it is used, and lets it go. Safe to use from many threads.</summary>
/// <typeparam name="T">What a trigger calls.</typeparam>
public sealed class LiveComponent<T> : IReapable, IDisposable
    where T : class
{
    private readonly Func<LoadedComponent<T>> _load;
    private readonly Reaper _reaper;
    private readonly long _idleTicks;
    private readonly Lock _lock = new();
    private LoadedComponent<T>? _loaded;
    private int _users;
    private long _lastUse;
    private bool _disposed;

    /// <summary>A component at zero.</summary>
    /// <param name="load">Loads, links and binds it.</param>
    /// <param name="reaper">Who looks for idle ones.</param>
    /// <param name="idle">How long it stays loaded after its last use.</param>
    public LiveComponent(Func<LoadedComponent<T>> load, Reaper reaper, TimeSpan idle)
    {
        _load = load;
        _reaper = reaper;
        _idleTicks = (long)(Math.Min(idle.TotalSeconds, 1e9) * Stopwatch.Frequency);
    }

    /// <summary>True while its code is mapped.</summary>
    public bool IsLoaded => Volatile.Read(ref _loaded) is not null;

    /// <summary>Counts of its microVMs now; none where it is not loaded.</summary>
    public PoolCounts Counts => Volatile.Read(ref _loaded)?.Pool.Counts ?? default;

    /// <summary>The component, loaded now where it was not. Give it back with <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDisposedException">It was replaced or removed.</exception>
    public LoadedComponent<T> Acquire()
    {
        // First counted, then looked: whoever lets go first takes it away, then looks at the count. One of the two sees
        // the other.
        Interlocked.Increment(ref _users);
        if (Volatile.Read(ref _loaded) is { } loaded) return loaded;
        try
        {
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                if (_loaded is not null) return _loaded;
                _lastUse = Stopwatch.GetTimestamp();
                loaded = _load();
                Volatile.Write(ref _loaded, loaded);
            }

            _reaper.Watch(this);
            return loaded;
        }
        catch
        {
            Interlocked.Decrement(ref _users);
            throw;
        }
    }

    /// <summary>An event is over.</summary>
    public void Release()
    {
        Volatile.Write(ref _lastUse, Stopwatch.GetTimestamp());
        if (Interlocked.Decrement(ref _users) == 0 && Volatile.Read(ref _disposed)) LetGo();
    }

    /// <inheritdoc/>
    public void Reap(long now)
    {
        if (now - Volatile.Read(ref _lastUse) < _idleTicks) Volatile.Read(ref _loaded)?.Pool.Trim();
        else LetGo();
    }

    /// <summary>Takes no new events; the last one that runs lets it go.</summary>
    public void Dispose()
    {
        lock (_lock) Volatile.Write(ref _disposed, true);
        LetGo();
    }

    private void LetGo()
    {
        lock (_lock)
        {
            if (_loaded is not { } loaded) return;
            Volatile.Write(ref _loaded, null);
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref _users) > 0)
            {
                Volatile.Write(ref _loaded, loaded); // still in use; again later
                return;
            }

            loaded.Dispose();
        }
    }
}

/// <summary>Looks for components that nobody has used for a while. Does nothing, and costs nothing, while none is loaded.</summary>
public sealed class Reaper : IDisposable
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly HashSet<IReapable> _loaded = [];
    private readonly Timer _timer;
    private readonly Action? _allGone;
    private bool _ticking;
    private bool _disposed;

    /// <summary>A reaper.</summary>
    /// <param name="allGone">Called when the last of many was let go: the moment to give memory back to the system.</param>
    public Reaper(Action? allGone = null)
    {
        _allGone = allGone;
        _timer = new Timer(_ => Look());
    }

    /// <summary>Components that are loaded now.</summary>
    public int Loaded
    {
        get
        {
            lock (_lock) return _loaded.Count;
        }
    }

    /// <summary>A component was loaded.</summary>
    internal void Watch(IReapable component)
    {
        lock (_lock)
        {
            if (_disposed) return;
            _loaded.Add(component);
            if (_ticking) return;
            _ticking = true;
            _timer.Change(Period, Period);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock) _disposed = true;
        _timer.Dispose();
    }

    private void Look()
    {
        IReapable[] all;
        lock (_lock) all = [.. _loaded];
        long now = Stopwatch.GetTimestamp();
        int gone = 0;
        foreach (IReapable component in all)
        {
            component.Reap(now);
            lock (_lock)
            {
                // Looked at under the lock: one that is loaded again right now is watched again after this.
                if (!component.IsLoaded && _loaded.Remove(component)) gone++;
            }
        }

        if (gone == 0) return;
        lock (_lock)
        {
            if (_loaded.Count > 0 || !_ticking) return;
            _ticking = false;
            if (!_disposed) _timer.Change(Timeout.Infinite, Timeout.Infinite);
        }

        _allGone?.Invoke();
    }
}
