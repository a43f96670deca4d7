// The tasks of one component instance: which threads wait, and the loop that resumes them (CanonicalABI.md, "Threads",
// "Embedding API"). Nothing here is parallel: one thread of the guest's runs at a time.
using Mote.Components.Linking;
using Mote.Wasmtime;

namespace Mote.Components.Async;

internal sealed class AsyncRuntime(ComponentInstance root)
{
    /// <summary>Most threads that one instance's tasks may have for waiting inside a call: each has 2 MiB of address space.</summary>
    private const int MaxStacks = 64;

    private readonly List<TaskThread> _waiting = [];
    private readonly List<Coroutine> _stacks = [];
    private StackExchange? _exchange;
    private StackWords _outside;
    private int _depth;

    public ComponentInstance Root { get; } = root;

    /// <summary>The guest's thread that runs now.</summary>
    public TaskThread? Current { get; private set; }

    /// <summary>Why a wait ends a guest.</summary>
    public const string CannotBlock = "cannot block a synchronous task before returning";

    /// <summary>Realloc or a destructor runs: it has what belongs to a thread of its own.</summary>
    /// <returns>What ran before, for <see cref="Back"/>.</returns>
    public TaskThread? Aside()
    {
        TaskThread? before = Current;
        Current = new TaskThread(null);
        _depth++; // what begins now has the guest beneath it
        return before;
    }

    /// <summary>It has ended.</summary>
    public void Back(TaskThread? before)
    {
        _depth--;
        Current = before;
    }

    public TaskThread CurrentThread => Current ?? throw new TrapException($"{CannotBlock}: no task runs in a start function, in realloc or in a destructor");

    /// <summary>Begins a call: it has ended, waits, or has not been let in yet when this returns.</summary>
    public AsyncTask Start(PlanLift lift, RuntimeInstance? caller, ITaskCaller values)
    {
        var task = new AsyncTask(this, lift, values);
        if (!ComponentInstance.MayEnter(task.Instance, caller)) throw new TrapException("cannot enter component instance");
        if (Current is null && caller is not null && lift.Type.IsAsync) throw new TrapException($"{CannotBlock}: a start function calls an async function");
        ComponentInstance.SetEntered(task.Instance, caller, entered: true);
        task.Implicit.Next = _ => task.Begin();
        Resume(task.Implicit, cancelled: false);
        if (!task.IsAsync)
        {
            while (!task.IsResolved)
            {
                TaskThread next = _waiting.Find(t => ReferenceEquals(t.Task!.Instance, task.Instance) && !ReferenceEquals(t, task.Instance.Exclusive) && t.IsReady)
                    ?? throw new TrapException(CannotBlock);
                Resume(next, cancelled: false);
            }
        }

        ComponentInstance.SetEntered(task.Instance, caller, entered: false);
        return task;
    }

    private void GiveStack(TaskThread thread)
    {
        if (_exchange is null) throw new TrapException("a task that waits inside a call can have no stack of its own: it was not called by ComponentFunction.Call, or this version of libwasmtime keeps its stacks elsewhere");
        if (_stacks.Count >= MaxStacks) throw new TrapException($"too many tasks wait inside a call: at most {MaxStacks} of an instance have a stack of their own");
        Action<bool> body = thread.Next!;
        thread.Next = null;
        Coroutine stack = null!;
        stack = new Coroutine(_exchange, _outside, () => body(stack.IsCancelled));
        thread.Stack = stack;
        _stacks.Add(thread.Stack);
    }

    /// <summary>Called before anything of the guest's runs.</summary>
    public void Probe(Func func)
    {
        if (_exchange is not null || Current is not null) return;
        _exchange = StackExchange.Find(func);
        if (_exchange is not null) _outside = _exchange.Take();
    }

    // ---- waiting ----

    /// <summary>A thread that has returned to the host waits, without a stack.</summary>
    public void Suspend(TaskThread thread, Func<bool> until, bool cancellable, Action<bool> next)
    {
        thread.IsCancellable = cancellable;
        thread.Until = until;
        thread.Next = next;
        thread.IsRunning = false;
        _waiting.Add(thread);
    }

    /// <summary>The thread that runs waits inside its call.</summary>
    /// <param name="until">What it waits for.</param>
    /// <param name="cancellable">Whether a cancellation ends it.</param>
    /// <param name="yields">Lets others go on also where it need not wait.</param>
    /// <returns>True where it was cancelled.</returns>
    public bool WaitUntil(Func<bool> until, bool cancellable, bool yields = false)
    {
        TaskThread thread = CurrentThread;
        AsyncTask task = thread.Task ?? throw new TrapException(CannotBlock);
        if (task.TakePendingCancel(cancellable)) return true;
        if (!yields && until()) return false;
        thread.Until = until;
        _waiting.Add(thread);
        return Block(thread, cancellable);
    }

    /// <summary>The thread that runs is suspended until somebody resumes it.</summary>
    public bool SuspendCurrent(bool cancellable)
    {
        TaskThread thread = CurrentThread;
        AsyncTask task = thread.Task ?? throw new TrapException(CannotBlock);
        return task.TakePendingCancel(cancellable) || Block(thread, cancellable);
    }

    private bool Block(TaskThread thread, bool cancellable)
    {
        thread.IsCancellable = cancellable;
        if (thread.Stack is { } stack)
        {
            thread.IsRunning = false;
            bool cancelled = stack.Yield();
            return cancelled;
        }

        AsyncTask task = thread.Task!;
        if (!task.IsAsync) throw new TrapException(CannotBlock);
        // The outermost call: this is the host's loop.
        thread.IsRunning = false;
        Current = null;
        ComponentInstance.SetEntered(task.Instance, null, entered: false);
        bool told = false;
        thread.Next = cancelled => (told, _woken) = (cancelled, true);
        while (true)
        {
            _woken = false;
            if (thread.IsReady)
            {
                thread.Until = null;
                _waiting.Remove(thread);
                break;
            }

            if (!Tick(thread)) throw new TrapException("deadlock detected: event loop cannot make further progress");
            if (_woken) break;
        }

        thread.Next = null;
        thread.IsRunning = true;
        ComponentInstance.SetEntered(task.Instance, null, entered: true);
        Current = thread;
        return told;
    }

    private bool _woken;

    /// <summary>A thread goes on until it waits, or ends.</summary>
    public void Resume(TaskThread thread, bool cancelled)
    {
        TaskThread? before = Current;
        if (thread.IsWaiting)
        {
            thread.Until = null;
            _waiting.Remove(thread);
        }

        // Beneath the outermost call is nothing but the host's loop, which a wait runs itself. Any other that may wait
        // inside its call would hold up what is beneath it.
        if (thread.Stack is null && _depth > 0 && thread.Task!.Instance.MayBlock) GiveStack(thread);
        Current = thread;
        thread.IsRunning = true;
        _depth++;
        if (thread.Stack is { } stack)
        {
            stack.Resume(cancelled);
            if (stack.IsOver)
            {
                _stacks.Remove(stack);
                thread.Stack = null; // it may have returned to the host to wait, and goes on with another
            }
        }
        else
        {
            Action<bool> next = thread.Next!;
            thread.Next = null;
            next(cancelled);
        }

        _depth--;
        Current = before;
    }

    /// <summary>Resumes one thread that may go on; false where none may.</summary>
    /// <param name="except">Whose loop this is.</param>
    public bool Tick(TaskThread? except = null)
    {
        TaskThread? ready = _waiting.Find(t => !ReferenceEquals(t, except) && t.IsReady);
        if (ready is null) return false;
        ResumeEntered(ready);
        return true;
    }

    private void ResumeEntered(TaskThread thread)
    {
        RuntimeInstance instance = thread.Task!.Instance;
        ComponentInstance.SetEntered(instance, null, entered: true);
        Resume(thread, cancelled: false);
        ComponentInstance.SetEntered(instance, null, entered: false);
    }

    /// <summary>The instance ends: what waits with a stack is unwound.</summary>
    public void End()
    {
        foreach (Coroutine stack in _stacks.ToArray()) stack.End();
        _stacks.Clear();
        _waiting.Clear();
    }
}
