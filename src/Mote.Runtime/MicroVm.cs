// One sandboxed component instance with its limits and its deadline.
using System.Diagnostics;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime.Telemetry;
using Mote.Wasmtime;

namespace Mote.Runtime;

/// <summary>
/// An instance of a component under the limits of its app. It is used by one thread at a time, and it is over after
/// a trap.
/// </summary>
public sealed class MicroVm : IDisposable
{
    private readonly EpochTicker _ticker;
    private readonly MappingBudget _mappings;
    private long _deadline = long.MaxValue;
    private long _cpuAtBegin;
    private long _begun;
    private GuestThread? _thread;
    private int _depth;
    private volatile Exception? _cancelled;
    private bool _disposed;

    private MicroVm(AppComponent component, EpochTicker ticker, MappingBudget mappings)
    {
        Component = component;
        _ticker = ticker;
        _mappings = mappings;
    }

    /// <summary>Whose instance it is.</summary>
    public AppComponent Component { get; }

    /// <summary>The instance.</summary>
    public ComponentInstance Instance { get; private set; } = null!;

    /// <summary>What the capabilities keep for this instance, by their number.</summary>
    public object?[] Slots { get; private set; } = [];

    /// <summary>What it has used in its current call.</summary>
    public MicroVmUsage Usage { get; } = new();

    /// <summary>Spans of host calls in the current call.</summary>
    internal int HostCallSpans { get; set; }

    /// <summary>When it was made (<see cref="Stopwatch.GetTimestamp"/>).</summary>
    public long CreatedAt { get; } = Stopwatch.GetTimestamp();

    /// <summary>Calls so far.</summary>
    public long Calls { get; private set; }

    /// <summary>Time that calls have taken so far.</summary>
    public TimeSpan Busy { get; private set; }

    /// <summary>Processor time of the last call, without that of models within <see cref="GuestThreads.WorkAllowance"/>.</summary>
    public TimeSpan LastBurned { get; private set; }

    /// <summary>False after a trap.</summary>
    public bool IsUsable => !Instance.IsPoisoned && _cancelled is null;

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
    /// <param name="runtime">The template's engine, its clock, and the room for guests.</param>
    /// <param name="slots">How many slots capabilities need.</param>
    /// <exception cref="TrapException">A start function trapped or took too long.</exception>
    /// <exception cref="WasmtimeException">The component needs more than its limits, or the pool is exhausted.</exception>
    /// <exception cref="CapacityException">The process has no memory mappings left for another.</exception>
    public static MicroVm Create(InstanceTemplate template, AppComponent component, RuntimeEngine runtime, int slots)
    {
        using Activity? span = Tracing.Part("start", component);
        if (!runtime.Mappings.TryTake()) throw new CapacityException($"as many microVMs run as this node has memory mappings for ({runtime.Mappings.Limit} of vm.max_map_count)");
        var vm = new MicroVm(component, runtime.Ticker, runtime.Mappings) { Slots = slots == 0 ? [] : new object?[slots] };
        component.Usage.Start();
        vm.Begin();
        bool made = false;
        try
        {
            template.Instantiate(instance =>
            {
                vm.Instance = instance;
                instance.Host = vm;
                instance.Store.SetLimits(component.Limits.ForStore());
                instance.LimitHandles(component.Limits.Handles);
                if (component.Limits.IsClocked) instance.AfterHostCall = static i => Of(i).CheckTick();
                vm.SetStoreDeadline();
            });
            made = true;
        }
        catch (TrapException e)
        {
            Tracing.Fail(span, "trap", e.Message);
            throw vm.Explain(e);
        }
        finally
        {
            vm.End(isCall: false);
            if (!made)
            {
                component.Usage.Trap();
                vm.GiveBack();
            }
        }

        component.Durations?.Started(Stopwatch.GetElapsedTime(vm.CreatedAt));
        return vm;
    }

    /// <summary>Runs a call of the guest under the deadline.</summary>
    /// <exception cref="TrapException">The guest trapped or took too long; the microVM is over.</exception>
    public TResult Call<TState, TResult>(TState state, Func<ComponentInstance, TState, TResult> body)
    {
        using Activity? span = Tracing.Part("run", Component);
        if (span is not null) HostCallSpans = 0;
        Begin();
        SetStoreDeadline();
        long start = _begun;
        try
        {
            return body(Instance, state);
        }
        catch (TrapException e)
        {
            Component.Usage.Trap();
            TrapException explained = Explain(e);
            Tracing.Fail(span, explained.InnerException is DeadlineException ? "timeout" : "trap", explained.Message);
            throw explained;
        }
        finally
        {
            Calls++;
            TimeSpan took = Stopwatch.GetElapsedTime(start);
            Busy += took;
            Component.Durations?.Invoked(took);
            Component.Usage.Memory(Instance.MemoryBytes);
            End(isCall: true);
        }
    }

    /// <summary>Throws where the current call has taken too long, or nobody wants its result any more.</summary>
    public void CheckDeadline()
    {
        if (_cancelled is { } reason) throw reason;
        if (Stopwatch.GetTimestamp() > _deadline) throw new DeadlineException(Component.Limits.Time!.Value);
    }

    /// <summary>As <see cref="CheckDeadline"/>, by the clock's last tick: after host calls, which are many and mostly short.</summary>
    private void CheckTick()
    {
        if (_ticker.Now > _deadline || _cancelled is not null) CheckDeadline();
    }

    /// <summary>Ends the guest at its next call of the host or the next tick of the clock. May be called by any thread.</summary>
    public void Cancel(Exception reason)
    {
        _cancelled = reason;
        Volatile.Read(ref _wake)?.Invoke();
    }

    /// <summary>
    /// Called once when the guest first waits in the host, or still runs after some ticks of the clock: what is worth doing
    /// only for calls that last.
    /// </summary>
    public Action? OnLong { get; set; }

    /// <summary>
    /// Most bytes that the host's side of a guest's handles may have together (headers, bodies that are not sent): they
    /// are in the host's memory, which the guest's own limit does not count.
    /// </summary>
    public const long MaxHeldBytes = 16 << 20;

    private long _held;

    /// <summary>The host keeps more for the guest, or less where the number is negative.</summary>
    /// <exception cref="TrapException">It would be more than <see cref="MaxHeldBytes"/>.</exception>
    public void Hold(long bytes)
    {
        // Bodies may end on the transport's threads.
        if (Interlocked.Add(ref _held, bytes) <= MaxHeldBytes || bytes <= 0) return;
        Interlocked.Add(ref _held, -bytes);
        throw new TrapException($"the headers and unsent bodies that a component holds may have {MaxHeldBytes >> 20} MiB together");
    }

    private Action? _wake;

    private void NoteLong()
    {
        if (OnLong is not { } note) return;
        OnLong = null;
        note();
    }

    /// <summary>The guest begins to wait in the host: <see cref="Cancel"/> calls this.</summary>
    /// <returns>A time for <see cref="EndWait"/>.</returns>
    public long BeginWait(Action wake)
    {
        NoteLong();
        Volatile.Write(ref _wake, wake);
        if (_cancelled is not null) wake();
        long now = Stopwatch.GetTimestamp();
        _thread?.Waits(now);
        return now;
    }

    /// <summary>It waits no more.</summary>
    public void EndWait(long began)
    {
        Volatile.Write(ref _wake, null);
        _thread?.Waited(Stopwatch.GetTimestamp() - began);
    }

    /// <summary>The host begins to compute for the guest, on its thread and at its cost; <see cref="Cancel"/> calls this.</summary>
    public void BeginWork(Action wake)
    {
        NoteLong();
        Volatile.Write(ref _wake, wake);
        if (_cancelled is not null) wake();
        _thread?.BeginWork();
    }

    /// <summary>It has computed.</summary>
    public void EndWork()
    {
        Volatile.Write(ref _wake, null);
        _thread?.EndWork();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            Instance.Dispose();
            foreach (object? slot in Slots) (slot as IDisposable)?.Dispose();
        }
        finally
        {
            GiveBack();
        }
    }

    private void GiveBack()
    {
        _mappings.Give();
        Component.Usage.End();
    }

    private void Begin()
    {
        if (_depth++ > 0) return;
        _begun = Stopwatch.GetTimestamp();
        _thread = _ticker.Threads.Current;
        _thread.Begin(_begun);
        if (!Component.Limits.IsClocked) return;
        if (Component.Limits.Time is { } time)
        {
            double ticks = time.TotalSeconds * Stopwatch.Frequency;
            _deadline = ticks < long.MaxValue - _begun ? _begun + (long)ticks : long.MaxValue;
        }

        if (Component.Limits.Cpu is not null) _cpuAtBegin = ThreadClock.Now();
        _ticker.Enter();
    }

    private void End(bool isCall)
    {
        if (--_depth > 0) return;
        long now = Stopwatch.GetTimestamp();
        long cpu = _thread!.End(now);
        LastBurned = TimeSpan.FromTicks(_thread.Burned / 100);
        Component.Usage.Call(cpu, now - _begun, Usage, isCall);
        _thread = null;
        if (!Component.Limits.IsClocked) return;
        _deadline = long.MaxValue;
        _ticker.Leave();
    }

    private void SetStoreDeadline()
    {
        if (!Component.Limits.IsClocked)
        {
            Instance.Store.SetEpochDeadline(ulong.MaxValue / 2);
            return;
        }

        if (_depth == 1 && !_isWatched)
        {
            _isWatched = true;
            Instance.Store.SetEpochCallback(static store => Of((ComponentInstance)store.Data!).Ticked());
        }

        Instance.Store.SetEpochDeadline(FirstTick);
    }

    private bool _isWatched;

    /// <summary>A few ticks on: most calls have ended by then. Looking at each tick after that is cheap beside what ran.</summary>
    private ulong FirstTick => Math.Min(EpochTicker.TicksFor(Component.Limits.Time ?? TimeSpan.MaxValue), 2);

    /// <summary>The clock meets the guest's code: goes on, or ends it.</summary>
    /// <returns>Ticks until the next time.</returns>
    private ulong Ticked()
    {
        NoteLong();
        CheckDeadline();
        if (Component.Limits.Cpu is { } cpu && ThreadClock.Now() - _cpuAtBegin > cpu.TotalNanoseconds) throw new CpuLimitException(cpu);
        return 1;
    }

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

/// <summary>A call used more processor time than its limit.</summary>
public sealed class CpuLimitException(TimeSpan limit) : Exception($"the call used more processor time than its limit of {limit.TotalMilliseconds:0.###} ms (`cpu` under limits)")
{
    /// <summary>The limit.</summary>
    public TimeSpan Limit { get; } = limit;
}
