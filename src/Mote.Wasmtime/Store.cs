// A store: one microVM's core state. One thread at a time.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>What a store may hold. -1 is no limit. The memory limit counts for each memory, so their number is limited too.</summary>
public readonly record struct StoreLimits(long MemoryBytes = -1, long TableElements = -1, long Instances = -1, long Tables = -1, long Memories = -1);

/// <summary>
/// Owns everything that its instances make. A store is used by one thread at a time; after a trap it must
/// only be disposed.
/// </summary>
public sealed class Store : IDisposable
{
    private readonly Handle _handle;

    /// <summary>Makes an empty store.</summary>
    public Store(Engine engine)
    {
        Engine = engine;
        // Weak, so that a store that nobody disposes is still finalized. Whoever runs guest code in it holds it.
        var self = GCHandle.Alloc(this, GCHandleType.Weak);
        nint store = StoreNative.wasmtime_store_new(engine.Pointer, GCHandle.ToIntPtr(self), 0);
        _handle = new Handle(store, self);
        Context = StoreNative.wasmtime_store_context(store);
    }

    /// <summary>The engine this store belongs to.</summary>
    public Engine Engine { get; }

    /// <summary>Whatever the layer above keeps with this store.</summary>
    public object? Data { get; set; }

    /// <summary>True once a guest has trapped in this store: nothing may run in it again.</summary>
    public bool IsPoisoned { get; private set; }

    internal nint Context { get; private set; }

    /// <summary>What a host function threw, until the call that it interrupted returns.</summary>
    internal Exception? PendingException { get; set; }

    /// <summary>Sets the limits; growth beyond them fails as the guest's own failed growth.</summary>
    public void SetLimits(in StoreLimits limits) =>
        StoreNative.wasmtime_store_limiter(Pointer, limits.MemoryBytes, limits.TableElements, limits.Instances, limits.Tables, limits.Memories);

    /// <summary>Traps the guest once the engine's epoch has advanced this often from now.</summary>
    public void SetEpochDeadline(ulong ticks) => StoreNative.wasmtime_context_set_epoch_deadline(CheckedContext, ticks);

    /// <summary>
    /// Asks <paramref name="reached"/> when the epoch deadline is reached, in place of trapping: it gives the ticks until
    /// the next time, or throws to trap the guest. It runs on the guest's thread, in the middle of the guest's code.
    /// </summary>
    public unsafe void SetEpochCallback(Func<Store, ulong> reached)
    {
        _epochReached = reached;
        StoreNative.wasmtime_store_epoch_deadline_callback(Pointer, &EpochReached, 0, 0);
    }

    private Func<Store, ulong>? _epochReached;

    // SAFETY: libwasmtime calls this with the context of a store that was given it, and with places for the results.
    [UnmanagedCallersOnly]
    private static unsafe nint EpochReached(nint context, nint data, ulong* delta, byte* kind)
    {
        Store? store = null;
        try
        {
            store = FromContext(context);
            *kind = 0; // go on
            *delta = store._epochReached!(store);
            return 0;
        }
        catch (Exception exception)
        {
            if (store is not null) store.PendingException = exception;
            byte[] message = System.Text.Encoding.UTF8.GetBytes(exception.Message + "\0");
            fixed (byte* m = message) return ErrorNative.wasmtime_error_new(m);
        }
    }

    /// <summary>How many calls into guests of this store are on the stack now.</summary>
    internal int Depth;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A guest of this store is running (the call comes from one of its host functions).</exception>
    public void Dispose()
    {
        if (Depth != 0) throw new InvalidOperationException("a store cannot be disposed while its guest runs");
        Context = 0;
        _handle.Dispose();
    }

    internal nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(Context == 0, this);
            return _handle.Value;
        }
    }

    /// <summary>The context pointer; throws where the store is gone or must not run.</summary>
    internal nint CheckedContext
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            nint context = Context;
            if (context == 0) ThrowDisposed();
            return context;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Store FromContext(nint context) =>
        // SAFETY: the data of every store is the GCHandle made in its constructor, freed after the native store;
        // whoever called into the guest keeps the Store object alive (Func.Call, Instance).
        Unsafe.As<Store>(GCHandle.FromIntPtr(StoreNative.wasmtime_context_get_data(context)).Target!);

    /// <summary>Turns what a call returned into an exception, where it did not return normally.</summary>
    internal void ThrowIfFailed(nint error, nint trap)
    {
        if ((error | trap) == 0) return;
        Exception? pending = PendingException;
        PendingException = null;
        if (trap != 0)
        {
            IsPoisoned = true;
            if (error != 0) ErrorNative.wasmtime_error_delete(error);
            throw TrapException.Take(trap, pending);
        }

        // A trap that a host function raised comes back as an error, with the guest's frames in it.
        TrapException? raised = TrapException.TakeError(error, pending, out string message);
        if (raised is null) throw new WasmtimeException(message);
        IsPoisoned = true;
        throw raised;
    }

    private void ThrowDisposed() => throw new ObjectDisposedException(nameof(Store));

    private sealed class Handle(nint store, GCHandle self) : NativeHandle(store)
    {
        protected override void Delete(nint pointer)
        {
            StoreNative.wasmtime_store_delete(pointer);
            self.Free();
        }
    }
}
