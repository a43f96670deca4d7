// config.h: engine configuration.
using System.Runtime.InteropServices;

namespace Mote.Wasmtime.Native;

internal static unsafe partial class ConfigNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasm_config_new();
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasm_config_delete(nint config);

    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_epoch_interruption_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_max_wasm_stack_set(nint config, nuint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_wasm_threads_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_shared_memory_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_wasm_tail_call_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_wasm_function_references_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_wasm_gc_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_wasm_relaxed_simd_deterministic_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_wasm_multi_memory_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_wasm_memory64_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_wasm_exceptions_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_parallel_compilation_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_cranelift_nan_canonicalization_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_cranelift_opt_level_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_memory_may_move_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_memory_reservation_set(nint config, ulong value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_memory_guard_size_set(nint config, ulong value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_memory_reservation_for_growth_set(nint config, ulong value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_memory_init_cow_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_native_unwind_info_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_signals_based_traps_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_config_concurrency_support_set(nint config, byte value);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_config_target_set(nint config, byte* target);

    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_pooling_allocation_config_new();
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_delete(nint pool);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_max_unused_warm_slots_set(nint pool, uint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_decommit_batch_size_set(nint pool, nuint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(nint pool, nuint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_table_keep_resident_set(nint pool, nuint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_total_memories_set(nint pool, uint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_total_tables_set(nint pool, uint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_total_stacks_set(nint pool, uint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_total_core_instances_set(nint pool, uint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_max_core_instance_size_set(nint pool, nuint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_max_tables_per_module_set(nint pool, uint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_table_elements_set(nint pool, nuint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_max_memories_per_module_set(nint pool, uint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_max_memory_size_set(nint pool, nuint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_config_total_gc_heaps_set(nint pool, uint value);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_pooling_allocation_strategy_set(nint config, nint pool);
}
