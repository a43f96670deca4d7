// A thread of a task, as the specification has it: something that runs, is suspended, or waits until a condition holds.
namespace Mote.Components.Async;

internal sealed class TaskThread(AsyncTask? task)
{
    /// <summary>Whose it is; null for realloc and destructors, which have what belongs to a thread and wait for nothing.</summary>
    public AsyncTask? Task { get; } = task;

    /// <summary>Its index in its instance's table of threads; 0 for none.</summary>
    public uint Index { get; set; }

    /// <summary>What <c>context.get</c> and <c>context.set</c> are about.</summary>
    public uint[] Storage { get; } = new uint[2];

    /// <summary>Whether a cancellation may end its wait.</summary>
    public bool IsCancellable { get; set; }

    public bool IsRunning { get; set; }

    /// <summary>What it waits for; null where it does not.</summary>
    public Func<bool>? Until { get; set; }

    public bool IsWaiting => Until is not null;

    public bool IsReady => Until is { } until && until();

    /// <summary>What goes on when it is resumed, where it has no stack that waits; told whether it was cancelled.</summary>
    public Action<bool>? Next { get; set; }

    /// <summary>Its stack, where it has one of its own.</summary>
    public Coroutine? Stack { get; set; }
}
