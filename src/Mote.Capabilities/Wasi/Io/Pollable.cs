// Things that become ready, and waiting for them within the instance's deadline.
using System.Diagnostics;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Capabilities.Wasi.Io;

/// <summary>Something a guest can wait for.</summary>
public abstract class Pollable(MicroVm vm) : IPoll.IPollable
{
    /// <summary>Is it ready now?</summary>
    protected abstract bool IsReady { get; }

    /// <summary>When it will be ready by time alone (<see cref="Stopwatch.GetTimestamp"/>); null where something must happen.</summary>
    protected virtual long? ReadyAt => null;

    /// <summary>Calls <paramref name="wake"/> when it may have become ready.</summary>
    protected virtual void Watch(Action wake)
    {
    }

    /// <summary>Ends <see cref="Watch"/>.</summary>
    protected virtual void Unwatch(Action wake)
    {
    }

    /// <inheritdoc/>
    public bool Ready() => IsReady;

    /// <inheritdoc/>
    public void Block()
    {
        if (!IsReady) WaitAny(vm, [this]);
    }

    /// <summary>Waits until one is ready; gives the positions of all that are.</summary>
    /// <exception cref="TrapException">The list is empty.</exception>
    /// <exception cref="DeadlineException">The call's time is up first.</exception>
    public static uint[] WaitAny(MicroVm vm, IPoll.IPollable[] list)
    {
        if (list.Length == 0) throw new TrapException("poll was called with an empty list");
        if (Ready(list) is { Length: > 0 } now) return now;
        using var happened = new ManualResetEventSlim(false);
        Action wake = happened.Set;
        foreach (IPoll.IPollable p in list) ((Pollable)p).Watch(wake);
        long began = vm.BeginWait(wake);
        try
        {
            while (true)
            {
                happened.Reset();
                if (Ready(list) is { Length: > 0 } ready) return ready;
                vm.CheckDeadline();
                happened.Wait(Shorter(vm.Remaining, UntilNext(list)));
            }
        }
        finally
        {
            vm.EndWait(began);
            foreach (IPoll.IPollable p in list) ((Pollable)p).Unwatch(wake);
        }
    }

    private static uint[] Ready(IPoll.IPollable[] list)
    {
        int count = 0;
        foreach (IPoll.IPollable p in list) count += p.Ready() ? 1 : 0;
        if (count == 0) return [];
        var ready = new List<uint>(count);
        for (uint i = 0; i < list.Length; i++)
        {
            if (list[i].Ready()) ready.Add(i);
        }

        return [.. ready];
    }

    /// <summary>Time until the first of those that only wait for time.</summary>
    private static TimeSpan UntilNext(IPoll.IPollable[] list)
    {
        long? first = null;
        foreach (IPoll.IPollable p in list)
        {
            if (((Pollable)p).ReadyAt is { } at && (first is null || at < first)) first = at;
        }

        if (first is not { } next) return Timeout.InfiniteTimeSpan;
        long left = next - Stopwatch.GetTimestamp();
        // Timers of the system round down; a millisecond more keeps this from spinning at the end.
        return left <= 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Min(Math.Ceiling(Stopwatch.GetElapsedTime(0, left).TotalMilliseconds), int.MaxValue));
    }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) =>
        a == Timeout.InfiniteTimeSpan ? b : b == Timeout.InfiniteTimeSpan ? a : a < b ? a : b;
}

/// <summary>Ready at once, for ever.</summary>
public sealed class ReadyPollable(MicroVm vm) : Pollable(vm)
{
    /// <inheritdoc/>
    protected override bool IsReady => true;
}

/// <summary>Ready at a moment.</summary>
public sealed class TimerPollable(MicroVm vm, long readyAt) : Pollable(vm)
{
    /// <inheritdoc/>
    protected override bool IsReady => Stopwatch.GetTimestamp() >= readyAt;

    /// <inheritdoc/>
    protected override long? ReadyAt => readyAt;
}
