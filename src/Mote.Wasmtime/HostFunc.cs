// A function of the host that core wasm calls: one unmanaged entry point, then a virtual call.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>
/// A host function. One object serves every store and thread that links it, so it holds no state of a call. It is
/// kept alive by the linker or store that it is defined in.
/// </summary>
public abstract unsafe class HostFunc
{
    /// <summary>A function with this core type.</summary>
    protected HostFunc(FuncType type) => Type = type;

    /// <summary>The core type that the guest imports.</summary>
    public FuncType Type { get; }

    internal static delegate* unmanaged<nint, nint, ValRaw*, nuint, nint> EntryPoint => &Enter;

    /// <summary>Frees the handle of one definition.</summary>
    internal static delegate* unmanaged<nint, void> Finalizer => &Release;

    /// <summary>A handle for one definition: libwasmtime hands it back on each call and frees it with the definition.</summary>
    internal nint NewEnv() => GCHandle.ToIntPtr(GCHandle.Alloc(this));

    /// <summary>
    /// Runs the function. <paramref name="values"/> holds the arguments and receives the results, both from
    /// index 0. An exception becomes a trap of the guest, with the exception as its cause.
    /// </summary>
    protected internal abstract void Invoke(Store store, Span<ValRaw> values);

    [UnmanagedCallersOnly]
    private static nint Enter(nint env, nint caller, ValRaw* values, nuint count)
    {
        Store? store = null;
        try
        {
            store = Store.FromContext(StoreNative.wasmtime_caller_context(caller));
            // SAFETY: env is a GCHandle of a HostFunc, freed by libwasmtime with the definition that is being called.
            var function = Unsafe.As<HostFunc>(GCHandle.FromIntPtr(env).Target!);
            function.Invoke(store, new Span<ValRaw>(values, (int)count));
            return 0;
        }
        catch (Exception exception)
        {
            // No exception may cross the native frames: it waits in the store and is thrown again on the other side.
            if (store is not null) store.PendingException = exception;
            byte[] message = Encoding.UTF8.GetBytes(exception.Message);
            fixed (byte* m = message) return TrapNative.wasmtime_trap_new(m, (nuint)message.Length);
        }
    }

    [UnmanagedCallersOnly]
    private static void Release(nint env) => GCHandle.FromIntPtr(env).Free();
}
