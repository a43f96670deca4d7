// Layouts of the C structures that cross the boundary by value (extern.h, val.h, wasm.h).
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mote.Wasmtime.Native;

/// <summary>wasmtime_func_t: 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FuncHandle
{
    public ulong StoreId;
    public nint Private;
}

/// <summary>wasmtime_memory_t, wasmtime_table_t and wasmtime_tag_t: 24 bytes, the same shape.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ItemHandle
{
    public ulong StoreId;
    public uint Private1;
    private readonly uint _padding;
    public uint Private2;
}

/// <summary>wasmtime_global_t: 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GlobalHandle
{
    public ulong StoreId;
    public uint Private1;
    public uint Private2;
    public uint Private3;
}

/// <summary>wasmtime_instance_t: 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct InstanceHandle
{
    public ulong StoreId;
    public nuint Private;
}

/// <summary>wasmtime_extern_t: a kind and a union, 32 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct ExternHandle
{
    [FieldOffset(0)] public byte Kind;
    [FieldOffset(8)] public FuncHandle Func;
    [FieldOffset(8)] public GlobalHandle Global;
    [FieldOffset(8)] public ItemHandle Item;
    [FieldOffset(8)] public nint SharedMemory;
}

/// <summary>wasm_byte_vec_t and the other vectors of wasm.h: a count and a pointer.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Vec
{
    public nuint Size;
    public void* Data;

    public readonly ReadOnlySpan<byte> Bytes => new(Data, checked((int)Size));
}

/// <summary>wasm_limits_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Limits
{
    public uint Min;
    public uint Max;
}

/// <summary>wasmtime_val_t: a kind and a 24-byte union, 32 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct ValHandle
{
    [FieldOffset(0)] public byte Kind;
    [FieldOffset(8)] public int I32;
    [FieldOffset(8)] public long I64;
    [FieldOffset(8)] public float F32;
    [FieldOffset(8)] public double F64;
    [FieldOffset(8)] public FuncHandle Func;

    // v128 and the reference types need the whole union.
    [FieldOffset(8)] private readonly ulong _a;
    [FieldOffset(16)] private readonly ulong _b;
    [FieldOffset(24)] private readonly ulong _c;
}

/// <summary>Checks, once at load, that the runtime laid the structures out as the C compiler did.</summary>
internal static class LayoutCheck
{
    [ModuleInitializer]
    internal static void Verify()
    {
        bool ok = Unsafe.SizeOf<FuncHandle>() == 16 && Unsafe.SizeOf<ItemHandle>() == 24
            && Unsafe.SizeOf<GlobalHandle>() == 24 && Unsafe.SizeOf<InstanceHandle>() == 16
            && Unsafe.SizeOf<ExternHandle>() == 32 && Unsafe.SizeOf<ValRaw>() == 16
            && Unsafe.SizeOf<ValHandle>() == 32;
        if (!ok || nint.Size != 8) throw new PlatformNotSupportedException("Mote needs a 64-bit process on x86-64 or arm64.");
    }
}
