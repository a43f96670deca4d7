// Host functions defined once for an engine, and modules whose imports are all resolved ahead of time.
using System.Text;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>
/// Host functions by module and name. It holds no item of any store, so what it resolves can be instantiated in
/// every store of the engine.
/// </summary>
public sealed unsafe class Linker : IDisposable
{
    private readonly Handle _handle;

    /// <summary>An empty linker.</summary>
    public Linker(Engine engine) => _handle = new Handle(LinkerNative.wasmtime_linker_new(engine.Pointer));

    /// <summary>Defines a host function.</summary>
    /// <exception cref="WasmtimeException">The name is taken.</exception>
    public void Define(string module, string name, HostFunc function)
    {
        byte[] m = Encoding.UTF8.GetBytes(module), n = Encoding.UTF8.GetBytes(name);
        nint type = function.Type.ToNative();
        fixed (byte* mp = m)
        fixed (byte* np = n)
        {
            nint error = LinkerNative.wasmtime_linker_define_func_unchecked(Pointer, mp, (nuint)m.Length, np, (nuint)n.Length, type, HostFunc.EntryPoint, function.NewEnv(), HostFunc.Finalizer);
            FuncNative.wasm_functype_delete(type);
            WasmtimeException.ThrowIfError(error);
        }
    }

    /// <summary>A defined function, as an item of one store.</summary>
    public Extern Get(Store store, ReadOnlySpan<byte> module, ReadOnlySpan<byte> name)
    {
        ExternHandle item;
        fixed (byte* m = module)
        fixed (byte* n = name)
        {
            if (LinkerNative.wasmtime_linker_get(Pointer, store.CheckedContext, m, (nuint)module.Length, n, (nuint)name.Length, &item) == 0)
            {
                throw new WasmtimeException($"'{Encoding.UTF8.GetString(module)}' '{Encoding.UTF8.GetString(name)}' is not defined");
            }
        }

        return new Extern(store, item);
    }

    /// <summary>Gives a function that traps to every import of a module that is not defined yet.</summary>
    public void DefineUnknownImportsAsTraps(Module module) =>
        WasmtimeException.ThrowIfError(LinkerNative.wasmtime_linker_define_unknown_imports_as_traps(Pointer, module.Pointer));

    /// <summary>Resolves and type-checks all imports of a module.</summary>
    /// <exception cref="WasmtimeException">An import is missing or has another type.</exception>
    public InstancePre Prepare(Module module)
    {
        nint pre;
        WasmtimeException.ThrowIfError(LinkerNative.wasmtime_linker_instantiate_pre(Pointer, module.Pointer, &pre));
        return new InstancePre(pre);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle.Value;
        }
    }

    private sealed class Handle(nint linker) : NativeHandle(linker)
    {
        protected override void Delete(nint pointer) => LinkerNative.wasmtime_linker_delete(pointer);
    }
}

/// <summary>A module with its imports resolved: instantiating it does no lookup and no type check.</summary>
public sealed unsafe class InstancePre : IDisposable
{
    private readonly Handle _handle;

    internal InstancePre(nint pre) => _handle = new Handle(pre);

    /// <summary>Instantiates in <paramref name="store"/>, which must be of the linker's engine.</summary>
    /// <exception cref="TrapException">Its start function trapped.</exception>
    /// <exception cref="WasmtimeException">A limit of the store or the pool is reached.</exception>
    public Instance Instantiate(Store store)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        InstanceHandle instance;
        nint trap = 0;
        nint context = store.CheckedContext;
        store.Depth++;
        nint error = InstanceNative.wasmtime_instance_pre_instantiate(_handle.Value, context, &instance, &trap);
        store.Depth--;
        if ((error | trap) != 0) store.ThrowIfFailed(error, trap);
        GC.KeepAlive(this);
        GC.KeepAlive(store);
        return new Instance(store, instance);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private sealed class Handle(nint pre) : NativeHandle(pre)
    {
        protected override void Delete(nint pointer) => InstanceNative.wasmtime_instance_pre_delete(pointer);
    }
}
