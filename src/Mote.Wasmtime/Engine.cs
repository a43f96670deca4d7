// An engine: the compiler, the allocator and the epoch that every store made from it shares.
using System.Text;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>Compiles modules and makes stores. Safe to use from many threads.</summary>
public sealed unsafe class Engine : IDisposable
{
    /// <summary>What Wasmtime reserves for a memory where nothing else is said, and around it, at most.</summary>
    private const ulong PerMemory = 4UL << 30, PerMemoryGuard = 2UL << 30;

    private readonly Handle _handle;

    /// <summary>Makes an engine.</summary>
    /// <exception cref="WasmtimeException">The options contradict each other, or the reservations failed.</exception>
    public Engine(EngineOptions options)
    {
        Options = options;
        if (options.Pooling is { } pool) AddressSpace.Check(pool.TotalMemories * (Math.Max(pool.MaxMemorySize, options.MemoryReservation ?? PerMemory) + PerMemoryGuard));
        nint config = ConfigNative.wasm_config_new();
        try
        {
            Apply(config, options);
        }
        catch
        {
            ConfigNative.wasm_config_delete(config);
            throw;
        }

        nint engine = EngineNative.wasm_engine_new_with_config(config); // takes the config, also where it fails
        if (engine == 0) throw new WasmtimeException("the engine could not be made with these options (large address-space reservations may be forbidden here: try the small-device profile).");
        _handle = new Handle(engine);
    }

    /// <summary>The options this engine was made with.</summary>
    public EngineOptions Options { get; }

    internal nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle.Value;
        }
    }

    /// <summary>One tick for every store of this engine; a store whose deadline this passes traps at its next check.</summary>
    public void IncrementEpoch() => EngineNative.wasmtime_engine_increment_epoch(Pointer);

    /// <summary>Checks a core module without compiling it; null when it is valid, else Wasmtime's reason.</summary>
    public string? Validate(ReadOnlySpan<byte> wasm)
    {
        fixed (byte* p = wasm)
        {
            nint error = ModuleNative.wasmtime_module_validate(Pointer, p, (nuint)wasm.Length);
            return error == 0 ? null : WasmtimeException.TakeMessage(error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static void Apply(nint config, EngineOptions o)
    {
        ConfigNative.wasmtime_config_epoch_interruption_set(config, B(o.EpochInterruption));
        ConfigNative.wasmtime_config_max_wasm_stack_set(config, (nuint)o.MaxWasmStack);
        // Shared memories escape the store's limits, so threads stay off.
        ConfigNative.wasmtime_config_wasm_threads_set(config, 0);
        ConfigNative.wasmtime_config_shared_memory_set(config, 0);
        ConfigNative.wasmtime_config_wasm_relaxed_simd_deterministic_set(config, B(o.NanCanonicalization));
        ConfigNative.wasmtime_config_wasm_function_references_set(config, B(o.Gc));
        ConfigNative.wasmtime_config_wasm_gc_set(config, B(o.Gc));
        ConfigNative.wasmtime_config_wasm_exceptions_set(config, B(o.Exceptions));
        ConfigNative.wasmtime_config_wasm_multi_memory_set(config, B(o.MultiMemory));
        ConfigNative.wasmtime_config_wasm_memory64_set(config, B(o.Memory64));
        ConfigNative.wasmtime_config_parallel_compilation_set(config, B(o.ParallelCompilation));
        ConfigNative.wasmtime_config_cranelift_nan_canonicalization_set(config, B(o.NanCanonicalization));
        ConfigNative.wasmtime_config_cranelift_opt_level_set(config, (byte)o.Optimization);
        ConfigNative.wasmtime_config_memory_init_cow_set(config, B(o.MemoryInitCow));
        ConfigNative.wasmtime_config_signals_based_traps_set(config, B(o.SignalsBasedTraps));
        // Wasmtime's own task machinery belongs to its component layer, which is not used: every store is cheaper without it.
        ConfigNative.wasmtime_config_concurrency_support_set(config, 0);
        if (o.MemoryReservation is { } reservation) ConfigNative.wasmtime_config_memory_reservation_set(config, reservation);
        if (o.MemoryGuardSize is { } guard) ConfigNative.wasmtime_config_memory_guard_size_set(config, guard);
        if (o.MemoryReservationForGrowth is { } growth) ConfigNative.wasmtime_config_memory_reservation_for_growth_set(config, growth);
        if (o.Target is { } target)
        {
            fixed (byte* t = Encoding.UTF8.GetBytes(target + '\0'))
            {
                WasmtimeException.ThrowIfError(ConfigNative.wasmtime_config_target_set(config, t), "target");
            }
        }

        if (o.Pooling is { } p) ApplyPooling(config, p);
    }

    private static void ApplyPooling(nint config, PoolingOptions p)
    {
        nint pool = ConfigNative.wasmtime_pooling_allocation_config_new();
        ConfigNative.wasmtime_pooling_allocation_config_total_core_instances_set(pool, p.TotalCoreInstances);
        ConfigNative.wasmtime_pooling_allocation_config_total_memories_set(pool, p.TotalMemories);
        ConfigNative.wasmtime_pooling_allocation_config_total_tables_set(pool, p.TotalTables);
        ConfigNative.wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, p.TotalGcHeaps);
        // No fiber ever runs: managed code must not stand on one.
        ConfigNative.wasmtime_pooling_allocation_config_total_stacks_set(pool, 0);
        ConfigNative.wasmtime_pooling_allocation_config_max_memory_size_set(pool, (nuint)p.MaxMemorySize);
        ConfigNative.wasmtime_pooling_allocation_config_table_elements_set(pool, (nuint)p.TableElements);
        ConfigNative.wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, p.MaxMemoriesPerModule);
        ConfigNative.wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, p.MaxTablesPerModule);
        ConfigNative.wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, (nuint)p.MaxCoreInstanceSize);
        ConfigNative.wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, (nuint)p.MemoryKeepResident);
        ConfigNative.wasmtime_pooling_allocation_config_table_keep_resident_set(pool, (nuint)p.TableKeepResident);
        ConfigNative.wasmtime_pooling_allocation_config_max_unused_warm_slots_set(pool, p.MaxUnusedWarmSlots);
        ConfigNative.wasmtime_pooling_allocation_config_decommit_batch_size_set(pool, (nuint)p.DecommitBatchSize);
        ConfigNative.wasmtime_pooling_allocation_strategy_set(config, pool); // copies
        ConfigNative.wasmtime_pooling_allocation_config_delete(pool);
    }

    private static byte B(bool value) => value ? (byte)1 : (byte)0;

    private sealed class Handle(nint engine) : NativeHandle(engine)
    {
        protected override void Delete(nint pointer) => EngineNative.wasm_engine_delete(pointer);
    }
}
