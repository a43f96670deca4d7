// A core function of a store, called without type checks on our side's hot path.
using System.Runtime.CompilerServices;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>
/// A core function. It carries its store, so that it cannot be called in another one. The default value is
/// no function.
/// </summary>
public readonly unsafe struct Func
{
    private readonly FuncHandle _handle;

    internal Func(Store store, FuncHandle handle)
    {
        Store = store;
        _handle = handle;
    }

    /// <summary>The store this function lives in; null for the default value.</summary>
    public Store? Store { get; }

    /// <summary>True where there is no function.</summary>
    public bool IsNull => Store is null;

    internal FuncHandle Handle => _handle;

    /// <summary>Makes a function of the host in one store. Prefer a <see cref="Linker"/>, which makes it once for all.</summary>
    public static Func FromHost(Store store, HostFunc function)
    {
        nint type = function.Type.ToNative();
        FuncHandle handle;
        FuncNative.wasmtime_func_new_unchecked(store.CheckedContext, type, HostFunc.EntryPoint, function.NewEnv(), HostFunc.Finalizer, &handle);
        FuncNative.wasm_functype_delete(type);
        return new Func(store, handle);
    }

    /// <summary>
    /// Calls the function. <paramref name="values"/> holds the arguments and receives the results; it must be as
    /// long as the longer of the two, and the types must be those of the function: nothing checks them.
    /// </summary>
    /// <exception cref="TrapException">The guest trapped; the store must not run again.</exception>
    public void CallUnchecked(Span<ValRaw> values)
    {
        Store store = Store!;
        nint context = store.CheckedContext;
        FuncHandle handle = _handle;
        nint trap = 0, error;
        store.Depth++;
        fixed (ValRaw* v = values)
        {
            error = FuncNative.wasmtime_func_call_unchecked(context, &handle, v, (nuint)values.Length, &trap);
        }

        store.Depth--;
        if ((error | trap) != 0) store.ThrowIfFailed(error, trap);
        GC.KeepAlive(store);
    }
}
