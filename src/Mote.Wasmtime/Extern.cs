// Anything that a core instance imports or exports.
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>What an <see cref="Extern"/> is (extern.h).</summary>
public enum ExternKind : byte
{
    /// <summary>A function.</summary>
    Func = 0,

    /// <summary>A global.</summary>
    Global = 1,

    /// <summary>A table.</summary>
    Table = 2,

    /// <summary>A memory.</summary>
    Memory = 3,

    /// <summary>A shared memory (never made here).</summary>
    SharedMemory = 4,

    /// <summary>A tag.</summary>
    Tag = 5,
}

/// <summary>An item of a store. It carries its store, so that it cannot be linked into another one.</summary>
public readonly struct Extern
{
    private readonly ExternHandle _handle;

    internal Extern(Store store, in ExternHandle handle)
    {
        Store = store;
        _handle = handle;
    }

    /// <summary>A function as an item.</summary>
    public Extern(Func func)
    {
        Store = func.Store;
        _handle = new ExternHandle { Kind = (byte)ExternKind.Func, Func = func.Handle };
    }

    /// <summary>The store; null for the default value.</summary>
    public Store? Store { get; }

    /// <summary>True where there is nothing.</summary>
    public bool IsNull => Store is null;

    /// <summary>What it is.</summary>
    public ExternKind Kind => (ExternKind)_handle.Kind;

    internal ref readonly ExternHandle Handle => ref System.Runtime.CompilerServices.Unsafe.AsRef(in _handle);

    /// <summary>The function.</summary>
    /// <exception cref="InvalidOperationException">It is something else.</exception>
    public Func AsFunc() => Kind == ExternKind.Func && Store is not null ? new Func(Store, _handle.Func) : throw Wrong("function");

    /// <summary>The memory.</summary>
    /// <exception cref="InvalidOperationException">It is something else.</exception>
    public Memory AsMemory() => Kind == ExternKind.Memory && Store is not null ? new Memory(Store, _handle.Item) : throw Wrong("memory");

    private InvalidOperationException Wrong(string wanted) => new($"this item is a {Kind}, not a {wanted}");
}
