// A linear memory of a store.
using System.Runtime.CompilerServices;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>
/// A linear memory. Its bytes move and grow whenever guest code runs, so a span of it must not be held across
/// any call into the guest: ask again.
/// </summary>
public readonly unsafe struct Memory
{
    private readonly ItemHandle _handle;

    internal Memory(Store store, ItemHandle handle)
    {
        Store = store;
        _handle = handle;
    }

    /// <summary>The store this memory lives in; null for the default value.</summary>
    public Store? Store { get; }

    /// <summary>True where there is no memory.</summary>
    public bool IsNull => Store is null;

    internal ItemHandle Handle => _handle;

    /// <summary>All bytes, as they are now (the first 2 GiB − 1 where there are more). See the type's remarks on how long the span may be held.</summary>
    public Span<byte> Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte* start = GetBase(out nuint length);
            return new Span<byte>(start, (int)Math.Min(length, int.MaxValue));
        }
    }

    /// <summary>Length in bytes, as it is now.</summary>
    public ulong Length
    {
        get
        {
            ItemHandle handle = _handle;
            return MemoryNative.wasmtime_memory_data_size(Store!.CheckedContext, &handle);
        }
    }

    /// <summary>The first byte and the length in bytes, as they are now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* GetBase(out nuint length)
    {
        nint context = Store!.CheckedContext;
        ItemHandle handle = _handle;
        byte* start = MemoryNative.wasmtime_memory_data(context, &handle);
        length = MemoryNative.wasmtime_memory_data_size(context, &handle);
        return start;
    }

    /// <summary>Grows by <paramref name="pages"/> of 64 KiB; false where the limits forbid it.</summary>
    public bool TryGrow(ulong pages)
    {
        ItemHandle handle = _handle;
        ulong previous;
        nint error = MemoryNative.wasmtime_memory_grow(Store!.CheckedContext, &handle, pages, &previous);
        if (error == 0) return true;
        ErrorNative.wasmtime_error_delete(error);
        return false;
    }
}
