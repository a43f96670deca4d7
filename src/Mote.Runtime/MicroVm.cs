// One sandboxed component instance with its limits and its deadline.
using System.Diagnostics;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Runtime;

/// <summary>
/// An instance of a component under the limits of its app. It is used by one thread at a time, and it is over after
/// a trap.
/// </summary>
public sealed class MicroVm : IDisposable
{
    private readonly EpochTicker _ticker;
    private long _deadline = long.MaxValue;
    private int _depth;

    private MicroVm(AppComponent component, EpochTicker ticker)
    {
        Component = component;
        _ticker = ticker;
    }

    /// <summary>Whose instance it is.</summary>
    public AppComponent Component { get; }

    /// <summary>The instance.</summary>
    public ComponentInstance Instance { get; private set; } = null!;

    /// <summary>What the capabilities keep for this instance, by their number.</summary>
    public object?[] Slots { get; private set; } = [];

    /// <summary>What it has used in its current call.</summary>
    public MicroVmUsage Usage { get; } = new();

    /// <summary>When it was made (<see cref="Stopwatch.GetTimestamp"/>).</summary>
    public long CreatedAt { get; } = Stopwatch.GetTimestamp();

    /// <summary>Calls so far.</summary>
    public long Calls { get; private set; }

    /// <summary>Time that calls have taken so far.</summary>
    public TimeSpan Busy { get; private set; }

    /// <summary>False after a trap.</summary>
    public bool IsUsable => !Instance.IsPoisoned;

    /// <summary>The longest time that waits of the system take.</summary>
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>How long the current call may still take (24 days at most); what waits in the host must not wait longer.</summary>
    public TimeSpan Remaining
    {
        get
        {
            long deadline = _deadline;
            if (deadline == long.MaxValue) return Timeout.InfiniteTimeSpan;
            long left = deadline - Stopwatch.GetTimestamp();
            TimeSpan remaining = left <= 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(0, left);
            return remaining < s_longestWait ? remaining : s_longestWait;
        }
    }

    /// <summary>The microVM that an instance is.</summary>
    public static MicroVm Of(ComponentInstance instance) => (MicroVm)instance.Host!;

    /// <summary>Makes one: instantiates the component under its limits and within its deadline.</summary>
    /// <param name="template">The linked component.</param>
    /// <param name="component">Whose it is.</param>
    /// <param name="ticker">The clock of the template's engine.</param>
    /// <param name="slots">How many slots capabilities need.</param>
    /// <exception cref="TrapException">A start function trapped or took too long.</exception>
    /// <exception cref="WasmtimeException">The component needs more than its limits, or the pool is exhausted.</exception>
    public static MicroVm Create(InstanceTemplate template, AppComponent component, EpochTicker ticker, int slots)
    {
        var vm = new MicroVm(component, ticker) { Slots = slots == 0 ? [] : new object?[slots] };
        vm.Begin();
        try
        {
            template.Instantiate(instance =>
            {
                vm.Instance = instance;
                instance.Host = vm;
                instance.Store.SetLimits(component.Limits.ForStore());
                instance.LimitHandles(component.Limits.Handles);
                if (component.Limits.Time is not null) instance.AfterHostCall = static i => Of(i).CheckDeadline();
                vm.SetStoreDeadline();
            });
        }
        catch (TrapException e)
        {
            throw vm.Explain(e);
        }
        finally
        {
            vm.End();
        }

        return vm;
    }

    /// <summary>Runs a call of the guest under the deadline.</summary>
    /// <exception cref="TrapException">The guest trapped or took too long; the microVM is over.</exception>
    public TResult Call<TState, TResult>(TState state, Func<ComponentInstance, TState, TResult> body)
    {
        Begin();
        SetStoreDeadline();
        long start = Stopwatch.GetTimestamp();
        try
        {
            return body(Instance, state);
        }
        catch (TrapException e)
        {
            throw Explain(e);
        }
        finally
        {
            Calls++;
            Busy += Stopwatch.GetElapsedTime(start);
            End();
        }
    }

    /// <summary>Throws where the current call has taken too long.</summary>
    public void CheckDeadline()
    {
        if (Stopwatch.GetTimestamp() > _deadline) throw new DeadlineException(Component.Limits.Time!.Value);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Instance.Dispose();
        foreach (object? slot in Slots) (slot as IDisposable)?.Dispose();
    }

    private void Begin()
    {
        if (Component.Limits.Time is not { } time || _depth++ > 0) return;
        long now = Stopwatch.GetTimestamp();
        double ticks = time.TotalSeconds * Stopwatch.Frequency;
        _deadline = ticks < long.MaxValue - now ? now + (long)ticks : long.MaxValue;
        _ticker.Enter();
    }

    private void End()
    {
        if (Component.Limits.Time is null || --_depth > 0) return;
        _deadline = long.MaxValue;
        _ticker.Leave();
    }

    private void SetStoreDeadline() =>
        Instance.Store.SetEpochDeadline(Component.Limits.Time is { } time ? EpochTicker.TicksFor(time) : ulong.MaxValue / 2);

    /// <summary>An interrupt by the epoch is the deadline; everything else is what it is.</summary>
    private TrapException Explain(TrapException e)
    {
        if (e.Code != TrapCode.Interrupt) return e;
        var reason = new DeadlineException(Component.Limits.Time!.Value);
        return new TrapException(reason.Message, e.Backtrace, reason);
    }
}

/// <summary>A call took longer than its limit.</summary>
public sealed class DeadlineException(TimeSpan limit)
    : Exception($"the call took longer than its limit of {(limit.TotalSeconds >= 1 ? $"{limit.TotalSeconds:0.###} s" : $"{limit.TotalMilliseconds:0.###} ms")} (`time` under limits)")
{
    /// <summary>The limit.</summary>
    public TimeSpan Limit { get; } = limit;
}
