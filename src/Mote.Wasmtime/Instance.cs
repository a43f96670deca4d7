// A core module instance.
using System.Text;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>An instance of a core module in a store. Lives as long as the store.</summary>
public readonly unsafe struct Instance
{
    private readonly InstanceHandle _handle;

    internal Instance(Store store, InstanceHandle handle)
    {
        Store = store;
        _handle = handle;
    }

    /// <summary>The store; null for the default value.</summary>
    public Store? Store { get; }

    /// <summary>Instantiates a module with exactly its imports, in order.</summary>
    /// <exception cref="TrapException">Its start function trapped.</exception>
    /// <exception cref="WasmtimeException">An import does not fit, or a limit of the store or the pool is reached.</exception>
    public static Instance Create(Store store, Module module, ReadOnlySpan<Extern> imports)
    {
        Span<ExternHandle> handles = stackalloc ExternHandle[Math.Min(imports.Length, 32)];
        if (imports.Length > 32) handles = new ExternHandle[imports.Length];
        for (int i = 0; i < imports.Length; i++)
        {
            if (!ReferenceEquals(imports[i].Store, store)) throw new ArgumentException($"import {i} belongs to another store", nameof(imports));
            handles[i] = imports[i].Handle;
        }

        InstanceHandle instance;
        nint context = store.CheckedContext;
        nint trap = 0, error;
        store.Depth++;
        fixed (ExternHandle* h = handles)
        {
            error = InstanceNative.wasmtime_instance_new(context, module.Pointer, h, (nuint)imports.Length, &instance, &trap);
        }

        store.Depth--;
        store.ThrowIfFailed(error, trap);
        GC.KeepAlive(module);
        GC.KeepAlive(store);
        return new Instance(store, instance);
    }

    /// <summary>The export of this name.</summary>
    public bool TryGetExport(ReadOnlySpan<byte> utf8Name, out Extern item)
    {
        InstanceHandle handle = _handle;
        ExternHandle found;
        fixed (byte* n = utf8Name)
        {
            if (InstanceNative.wasmtime_instance_export_get(Store!.CheckedContext, &handle, n, (nuint)utf8Name.Length, &found) == 0)
            {
                item = default;
                return false;
            }
        }

        item = new Extern(Store, found);
        return true;
    }

    /// <summary>The export of this name.</summary>
    public bool TryGetExport(string name, out Extern item) => TryGetExport(Encoding.UTF8.GetBytes(name), out item);

    /// <summary>The export at this position in the module's export section.</summary>
    public Extern GetExport(int index)
    {
        InstanceHandle handle = _handle;
        ExternHandle found;
        byte* name;
        nuint length;
        if (InstanceNative.wasmtime_instance_export_nth(Store!.CheckedContext, &handle, (nuint)index, &name, &length, &found) == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(index), $"the instance has no export {index}");
        }

        return new Extern(Store, found);
    }
}
