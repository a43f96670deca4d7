// One raw value of a core wasm call (wasmtime_val_raw_t): no tag, the function's type says what it is.
using System.Runtime.InteropServices;

namespace Mote.Wasmtime;

/// <summary>
/// A core wasm value as <c>wasmtime_func_call_unchecked</c> passes it: 16 bytes, little-endian, no type tag.
/// Arguments are read from, and results written to, one array of these, starting at index 0.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct ValRaw
{
    /// <summary>i32.</summary>
    [FieldOffset(0)] public int I32;

    /// <summary>i32, as an unsigned number.</summary>
    [FieldOffset(0)] public uint U32;

    /// <summary>i64.</summary>
    [FieldOffset(0)] public long I64;

    /// <summary>i64, as an unsigned number.</summary>
    [FieldOffset(0)] public ulong U64;

    /// <summary>f32.</summary>
    [FieldOffset(0)] public float F32;

    /// <summary>f64.</summary>
    [FieldOffset(0)] public double F64;

    // v128 needs all 16 bytes.
    [FieldOffset(8)] private readonly ulong _high;
}
