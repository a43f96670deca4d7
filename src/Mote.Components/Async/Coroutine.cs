// A thread of the specification that may wait inside a call: it has a stack, which is a thread of the system's. One of a
// store's runs at a time; the others stand where they handed over.
using Mote.Wasmtime;

namespace Mote.Components.Async;

internal sealed class Coroutine(StackExchange exchange, StackWords fresh, Action body)
{
    /// <summary>A guest's stack (Wasmtime's 512 KiB), and host frames above it.</summary>
    private const int StackBytes = 2 << 20;

    private readonly SemaphoreSlim _go = new(0), _back = new(0);
    private StackWords _words = fresh;
    private Thread? _thread;
    private Exception? _fault;
    private bool _ends;

    /// <summary>Whether it was last resumed because it was cancelled.</summary>
    public bool IsCancelled { get; private set; }

    /// <summary>True once its body has ended.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Lets it run until it waits or ends; what it throws is thrown here.</summary>
    public void Resume(bool cancelled)
    {
        IsCancelled = cancelled;
        if (_thread is null)
        {
            _thread = new Thread(Run, StackBytes) { IsBackground = true, Name = "mote-task" };
            _thread.Start();
        }

        HandOver();
        if (IsOver && _fault is { } fault) throw new TrapException(fault.Message, (fault as TrapException)?.Backtrace ?? [], fault);
    }

    /// <summary>Gives control back to who resumed it; true where it is resumed because it was cancelled.</summary>
    public bool Yield()
    {
        _back.Release();
        _go.Wait();
        return _ends ? throw new TrapException("the instance has ended") : IsCancelled;
    }

    /// <summary>Its instance ends: what it runs is unwound.</summary>
    public void End()
    {
        if (IsOver || _thread is null) return;
        _ends = true;
        HandOver();
    }

    private void HandOver()
    {
        StackWords ours = exchange.Take();
        exchange.Put(_words);
        _go.Release();
        _back.Wait();
        _words = exchange.Take();
        exchange.Put(ours);
    }

    private void Run()
    {
        _go.Wait();
        try
        {
            body();
        }
        catch (Exception e)
        {
            _fault = e;
        }

        IsOver = true;
        _back.Release();
    }
}
