// engine.h, error.h, trap.h, wat.h: the small headers.
using System.Runtime.InteropServices;

namespace Mote.Wasmtime.Native;

internal static unsafe partial class EngineNative
{
    /// <summary>Takes ownership of <paramref name="config"/>.</summary>
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasm_engine_new_with_config(nint config);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_engine_delete(nint engine);

    // SuppressGCTransition is sound here: one atomic add, no wasm, no callback, no lock.
    [LibraryImport(Libwasmtime.Name), SuppressGCTransition] internal static partial void wasmtime_engine_increment_epoch(nint engine);
}

internal static unsafe partial class ErrorNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_error_delete(nint error);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_error_new(byte* message);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_error_message(nint error, Vec* message);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_error_wasm_trace(nint error, Vec* frames);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_byte_vec_delete(Vec* vec);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_byte_vec_new_uninitialized(Vec* vec, nuint size);
}

internal static unsafe partial class TrapNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_trap_new(byte* message, nuint length);
    [LibraryImport(Libwasmtime.Name)] internal static partial byte wasmtime_trap_code(nint trap, byte* code);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_trap_delete(nint trap);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_trap_message(nint trap, Vec* message);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_trap_trace(nint trap, Vec* frames);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_frame_vec_delete(Vec* frames);
    [LibraryImport(Libwasmtime.Name)] internal static partial uint wasm_frame_func_index(nint frame);
    [LibraryImport(Libwasmtime.Name)] internal static partial nuint wasm_frame_module_offset(nint frame);
    [LibraryImport(Libwasmtime.Name)] internal static partial Vec* wasmtime_frame_func_name(nint frame);
    [LibraryImport(Libwasmtime.Name)] internal static partial Vec* wasmtime_frame_module_name(nint frame);
}

internal static unsafe partial class WatNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_wat2wasm(byte* text, nuint length, Vec* wasm);
}
