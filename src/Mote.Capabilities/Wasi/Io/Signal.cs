// Something that happens on another thread, and guests that wait for it.
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Io;

/// <summary>Wakes those who watch it.</summary>
public sealed class Signal
{
    private readonly Lock _lock = new();
    private readonly List<Action> _watchers = [];

    /// <summary>True where somebody watches.</summary>
    public bool IsWatched
    {
        get
        {
            lock (_lock) return _watchers.Count > 0;
        }
    }

    /// <summary>It has happened.</summary>
    public void Raise()
    {
        // Called under the lock: who has stopped watching is not called any more.
        lock (_lock)
        {
            foreach (Action watcher in _watchers) watcher();
        }
    }

    /// <summary>Begins to watch.</summary>
    public void Add(Action watcher)
    {
        lock (_lock) _watchers.Add(watcher);
    }

    /// <summary>Ends <see cref="Add"/>.</summary>
    public void Remove(Action watcher)
    {
        lock (_lock) _watchers.Remove(watcher);
    }
}

/// <summary>Ready when a condition holds that can only come to hold after a signal.</summary>
/// <param name="vm">Whose it is.</param>
/// <param name="signal">The signal.</param>
/// <param name="ready">The condition; asked on the guest's thread.</param>
/// <param name="arm">Sees to it that the signal will come; called while somebody waits and the condition does not hold. Null where it comes by itself.</param>
public sealed class SignalPollable(MicroVm vm, Signal signal, Func<bool> ready, Action? arm = null) : Pollable(vm)
{
    /// <inheritdoc/>
    protected override bool IsReady
    {
        get
        {
            if (ready()) return true;
            if (arm is null || !signal.IsWatched) return false;
            arm();
            return ready();
        }
    }

    /// <inheritdoc/>
    protected override void Watch(Action wake) => signal.Add(wake);

    /// <inheritdoc/>
    protected override void Unwatch(Action wake) => signal.Remove(wake);
}
