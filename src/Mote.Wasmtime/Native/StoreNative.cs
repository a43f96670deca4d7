// store.h, instance.h, memory.h, table.h, global.h, tag.h, func.h, linker.h: what lives in a store.
using System.Runtime.InteropServices;

namespace Mote.Wasmtime.Native;

internal static unsafe partial class StoreNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_store_new(nint engine, nint data, nint finalizer);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_store_context(nint store);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_store_limiter(nint store, long memorySize, long tableElements, long instances, long tables, long memories);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_store_epoch_deadline_callback(nint store, delegate* unmanaged<nint, nint, ulong*, byte*, nint> callback, nint data, nint finalizer);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_store_delete(nint store);

    // SuppressGCTransition: these read or write one field of the store and return; no wasm, no callback, no lock.
    [LibraryImport(Libwasmtime.Name), SuppressGCTransition] internal static partial nint wasmtime_context_get_data(nint context);
    [LibraryImport(Libwasmtime.Name), SuppressGCTransition] internal static partial void wasmtime_context_set_epoch_deadline(nint context, ulong ticks);
    [LibraryImport(Libwasmtime.Name), SuppressGCTransition] internal static partial nint wasmtime_caller_context(nint caller);
}

internal static unsafe partial class InstanceNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_instance_new(nint context, nint module, ExternHandle* imports, nuint count, InstanceHandle* instance, nint* trap);
    [LibraryImport(Libwasmtime.Name)] internal static partial byte wasmtime_instance_export_get(nint context, InstanceHandle* instance, byte* name, nuint length, ExternHandle* item);
    [LibraryImport(Libwasmtime.Name)] internal static partial byte wasmtime_instance_export_nth(nint context, InstanceHandle* instance, nuint index, byte** name, nuint* length, ExternHandle* item);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_instance_pre_delete(nint pre);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_instance_pre_instantiate(nint pre, nint context, InstanceHandle* instance, nint* trap);
}

internal static unsafe partial class MemoryNative
{
    // SuppressGCTransition: each reads the memory's base or length; no wasm, no callback, no lock.
    [LibraryImport(Libwasmtime.Name), SuppressGCTransition] internal static partial byte* wasmtime_memory_data(nint context, ItemHandle* memory);
    [LibraryImport(Libwasmtime.Name), SuppressGCTransition] internal static partial nuint wasmtime_memory_data_size(nint context, ItemHandle* memory);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_memory_grow(nint context, ItemHandle* memory, ulong delta, ulong* previous);
}

internal static unsafe partial class FuncNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_func_new_unchecked(nint context, nint type, delegate* unmanaged<nint, nint, ValRaw*, nuint, nint> callback, nint env, delegate* unmanaged<nint, void> finalizer, FuncHandle* func);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_func_call_unchecked(nint context, FuncHandle* func, ValRaw* argsAndResults, nuint length, nint* trap);

    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasm_valtype_new(byte kind);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_valtype_vec_new(Vec* vec, nuint size, nint* types);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasm_functype_new(Vec* parameters, Vec* results);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_functype_delete(nint type);
}

internal static unsafe partial class GlobalNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_global_get(nint context, GlobalHandle* global, ValHandle* value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_val_unroot(ValHandle* value);
}

internal static unsafe partial class TableNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial byte wasmtime_table_get(nint context, ItemHandle* table, ulong index, ValHandle* value);
    [LibraryImport(Libwasmtime.Name)] internal static partial ulong wasmtime_table_size(nint context, ItemHandle* table);
}

internal static unsafe partial class LinkerNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_linker_new(nint engine);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_linker_delete(nint linker);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_linker_define_func_unchecked(nint linker, byte* module, nuint moduleLength, byte* name, nuint nameLength, nint type, delegate* unmanaged<nint, nint, ValRaw*, nuint, nint> callback, nint env, delegate* unmanaged<nint, void> finalizer);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_linker_define_unknown_imports_as_traps(nint linker, nint module);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_linker_instantiate_pre(nint linker, nint module, nint* pre);
    [LibraryImport(Libwasmtime.Name)] internal static partial byte wasmtime_linker_get(nint linker, nint context, byte* module, nuint moduleLength, byte* name, nuint nameLength, ExternHandle* item);
}
