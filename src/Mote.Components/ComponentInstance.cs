// A component instance: a store, its core instances, the handle tables of it and of the instances inside it.
using System.Runtime.CompilerServices;
using Mote.Components.Async;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Wasmtime;

namespace Mote.Components;

/// <summary>A component instance inside an instantiation: what the specification calls ComponentInstance.</summary>
internal sealed class RuntimeInstance(ComponentInstance root, RuntimeInstance? parent)
{
    public ComponentInstance Root { get; } = root;

    public RuntimeInstance? Parent { get; } = parent;

    public int Depth { get; } = parent is null ? 0 : parent.Depth + 1;

    public HandleTable Handles { get; } = new();

    /// <summary>False while the instance runs: nothing may call into it.</summary>
    public bool MayEnter { get; set; } = true;

    /// <summary>False inside realloc and post-return: the instance may call nothing.</summary>
    public bool MayLeave { get; set; } = true;

    // ---- of components that have something asynchronous ----

    /// <summary>One of its functions can wait inside a call.</summary>
    public bool MayBlock { get; init; }

    /// <summary>How often it has asked for no more calls.</summary>
    public int Backpressure { get; set; }

    /// <summary>Calls that wait to be let in.</summary>
    public int WaitingToEnter { get; set; }

    /// <summary>The thread that keeps others that are not written for company out.</summary>
    public TaskThread? Exclusive { get; set; }

    private readonly List<TaskThread?> _threads = [null];

    public uint AddThread(TaskThread thread)
    {
        int free = _threads.IndexOf(null, 1);
        if (free < 0) _threads.Add(null);
        _threads[free = free < 0 ? _threads.Count - 1 : free] = thread;
        return (uint)free;
    }

    public void RemoveThread(uint index) => _threads[(int)index] = null;
}

/// <summary>
/// A component that runs. One thread at a time; after a trap nothing runs in it any more. Disposing it frees
/// everything it holds.
/// </summary>
public sealed class ComponentInstance : IDisposable
{
    private readonly InstanceTemplate _template;
    private readonly Func[] _funcs;
    private GuestTask[] _tasks = [new(), new()];
    private int _taskDepth;
    private (HandleTable Table, uint Index)[] _lent = [];
    private int _lentCount;
    private bool _disposed;

    internal ComponentInstance(InstanceTemplate template, Store store)
    {
        _template = template;
        Store = store;
        store.Data = this;
        Plan plan = template.Plan;
        IsAsync = plan.IsAsync;
        var instances = new RuntimeInstance[plan.Instances.Count];
        for (int i = 0; i < instances.Length; i++)
        {
            int parent = plan.Instances[i].Parent;
            instances[i] = new RuntimeInstance(this, parent < 0 ? null : instances[parent]) { MayBlock = plan.Instances[i].MayBlock };
        }

        Instances = instances;
        Resources = plan.Resources.Count == 0 ? [] : new RuntimeResource[plan.Resources.Count];
        Memories = plan.Memories == 0 ? [] : new Memory[plan.Memories];
        _funcs = plan.Funcs == 0 ? [] : new Func[plan.Funcs];
        CoreInstances = new Instance[plan.CoreInstances];
    }

    /// <summary>The store that everything of this instance lives in.</summary>
    public Store Store { get; }

    /// <summary>What it was made from.</summary>
    public InstanceTemplate Template => _template;

    /// <summary>Whatever the layer above keeps with this instance (its grants, its limits, its accounting).</summary>
    public object? Host { get; set; }

    /// <summary>
    /// Called after every host function, with whatever the layer above checks there: the deadline, above all, which
    /// the guest's own code cannot notice while it waits in the host. May throw to trap the guest.
    /// </summary>
    public Action<ComponentInstance>? AfterHostCall { get; set; }

    /// <summary>True after a trap.</summary>
    public bool IsPoisoned { get; private set; }

    internal RuntimeInstance[] Instances { get; }

    private AsyncRuntime? _async;

    /// <summary>Something in it is asynchronous.</summary>
    internal bool IsAsync { get; }

    /// <summary>Its tasks, where something in it is asynchronous.</summary>
    internal AsyncRuntime Async => _async ??= new AsyncRuntime(this);

    internal RuntimeResource[] Resources { get; }

    internal Memory[] Memories { get; }

    /// <summary>The function of a slot of the plan.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Func GetFunc(int slot)
    {
        ref Func func = ref _funcs[slot];
        if (func.Store is null) func = _template.FetchFunc(this, slot);
        return func;
    }

    internal Instance[] CoreInstances { get; }

    /// <summary>How many steps of the plan are done.</summary>
    internal int StepsDone { get; set; }

    /// <summary>What the host may still spend on the values that are being lifted; see <see cref="Binary.Limits.Lifted"/>.</summary>
    internal long LiftLeft;

    /// <summary>Handles that are alive in all handle tables.</summary>
    public int LiveHandles
    {
        get
        {
            int live = 0;
            foreach (RuntimeInstance i in Instances) live += i.Handles.Live;
            return live;
        }
    }

    /// <summary>Most handles of each instance inside this one.</summary>
    public void LimitHandles(int perInstance)
    {
        foreach (RuntimeInstance i in Instances) i.Handles.Limit = Math.Min(perInstance, HandleTable.MaxLength);
    }

    /// <summary>Bytes of linear memory now, all memories together that the component shows to the canonical ABI.</summary>
    public long MemoryBytes
    {
        get
        {
            long total = 0;
            foreach (Memory m in Memories)
            {
                if (!m.IsNull) total += (long)m.Length;
            }

            return total;
        }
    }

    /// <summary>An exported function, by the path of its names.</summary>
    /// <exception cref="ComponentException">There is none.</exception>
    public ComponentFunction GetFunction(params ReadOnlySpan<string> path) =>
        TryGetFunction(out ComponentFunction? function, path) ? function! : throw new ComponentException(ComponentErrorKind.Link, $"the component exports no function `{string.Join('#', path)}`");

    /// <summary>An exported function, by the path of its names.</summary>
    public bool TryGetFunction(out ComponentFunction? function, params ReadOnlySpan<string> path)
    {
        function = _template.FindExport(path) is { Lift: >= 0 } export ? new ComponentFunction(this, _template.Plan.Lifts[export.Lift], string.Join('#', path)) : null;
        return function is not null;
    }

    /// <inheritdoc/>
    /// <exception cref="AggregateException">Resources of the host threw as they were dropped; all were tried.</exception>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _async?.End();
        Store.Dispose();
        // No guest code runs here: a destructor of the guest's own would find its memory gone. The host frees its side.
        List<Exception>? failures = null;
        foreach (RuntimeInstance instance in Instances)
        {
            foreach (HandleTable.Entry entry in instance.Handles.Remaining())
            {
                if (entry is not { Own: true, Kind: HostResource type, Host: { } value }) continue;
                try
                {
                    type.Drop(this, value);
                }
                catch (Exception e)
                {
                    (failures ??= []).Add(e); // one that cannot let go must not keep the others
                }
            }

            instance.Handles.Clear();
        }

        if (failures is not null) throw new AggregateException("resources of the host could not be dropped", failures);
    }

    // ---- calls ----

    /// <summary>Begins a call of an export of <paramref name="callee"/>; the caller is null for the host.</summary>
    /// <exception cref="TrapException">The callee, or an instance around it that the caller is not in, is running.</exception>
    internal GuestTask Enter(RuntimeInstance callee, RuntimeInstance? caller)
    {
        if (IsPoisoned) ThrowPoisoned();
        // The instances that are entered: the callee and those around it, up to one that the caller is in as well.
        if (!MayEnter(callee, caller)) throw new TrapException("cannot enter component instance");
        SetEntered(callee, caller, entered: true);
        if (_taskDepth == _tasks.Length)
        {
            Array.Resize(ref _tasks, _tasks.Length * 2);
            for (int i = _taskDepth; i < _tasks.Length; i++) _tasks[i] = new GuestTask();
        }

        GuestTask task = _tasks[_taskDepth++];
        task.Reset();
        return task;
    }

    /// <summary>Ends a call that <see cref="Enter"/> began and that did not trap.</summary>
    internal void Leave(RuntimeInstance callee, RuntimeInstance? caller)
    {
        _taskDepth--;
        SetEntered(callee, caller, entered: false);
    }

    /// <summary>May an instance be called from another, or from the host?</summary>
    internal static bool MayEnter(RuntimeInstance callee, RuntimeInstance? caller)
    {
        for (RuntimeInstance? i = callee; i is not null && !Contains(i, caller); i = i.Parent)
        {
            if (!i.MayEnter) return false;
        }

        return true;
    }

    /// <summary>A call enters the callee and those around it, up to one that the caller is in as well; or leaves them.</summary>
    internal static void SetEntered(RuntimeInstance callee, RuntimeInstance? caller, bool entered)
    {
        for (RuntimeInstance? i = callee; i is not null && !Contains(i, caller); i = i.Parent) i.MayEnter = !entered;
    }

    /// <summary>The reference tests let no call go between an instance and one around it ("for now"): the outer one runs.</summary>
    /// <exception cref="TrapException">One of the two is around the other.</exception>
    internal static void CheckApart(RuntimeInstance caller, RuntimeInstance callee)
    {
        if (Contains(caller, callee) || Contains(callee, caller)) throw new TrapException("cannot enter component instance");
    }

    /// <summary>Is <paramref name="inner"/> inside <paramref name="outer"/>, or the same?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Contains(RuntimeInstance outer, RuntimeInstance? inner)
    {
        while (inner is not null && inner.Depth > outer.Depth) inner = inner.Parent;
        return ReferenceEquals(inner, outer);
    }

    /// <summary>After a trap: nothing runs here any more.</summary>
    internal void Poison()
    {
        IsPoisoned = true;
        _lentCount = 0;
        _taskDepth = 0;
    }

    /// <summary>Where the handles that a call lends begin; <see cref="ReturnLent"/> takes it back.</summary>
    internal int LentMark => _lentCount;

    /// <summary>
    /// Lends a handle until the call that is being made returns. A synchronous call returns before any later one, so
    /// one stack serves all of them in place of a list for each subtask.
    /// </summary>
    internal void Lend(HandleTable table, uint index)
    {
        table.Get(index).Lends++;
        if (_lentCount == _lent.Length) Array.Resize(ref _lent, Math.Max(8, _lent.Length * 2));
        _lent[_lentCount++] = (table, index);
    }

    internal void ReturnLent(int mark)
    {
        while (_lentCount > mark)
        {
            (HandleTable table, uint index) = _lent[--_lentCount];
            table.Get(index).Lends--;
        }
    }

    /// <summary>Drops what an own handle stood for: the host's object, or through the guest's destructor.</summary>
    internal void DropOwned(RuntimeResource type, uint rep, object? host, RuntimeInstance? caller)
    {
        switch (type)
        {
            case HostResource h:
                h.Drop(this, host!);
                break;
            case GuestResource g:
                GuestTask task = Enter(g.Definer, caller);
                TaskThread? before = IsAsync ? Async.Aside() : null;
                task.Start();
                if (g.Destructor >= 0)
                {
                    Span<ValRaw> values = stackalloc ValRaw[1];
                    values[0].U64 = rep;
                    GetFunc(g.Destructor).CallUnchecked(values);
                }

                task.Return();
                if (IsAsync) Async.Back(before);
                Leave(g.Definer, caller);
                break;
        }
    }

    private void ThrowPoisoned()
    {
        ObjectDisposedException.ThrowIf(_disposed, this); // a call that met the closed store has poisoned it too
        throw new TrapException("cannot enter component instance: it trapped before");
    }
}
