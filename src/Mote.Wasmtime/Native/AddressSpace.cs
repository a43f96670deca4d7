// Whether this process may reserve as much address space as a pool takes. libwasmtime (50.0.1) ends the process where its
// own reservation is refused, as under `ulimit -v`; this goes when wasm_engine_new_with_config answers with null instead.
using System.Runtime.InteropServices;

namespace Mote.Wasmtime.Native;

internal static partial class AddressSpace
{
    private const int ProtNone = 0, MapPrivate = 2, MapAnonymousLinux = 0x20, MapNoReserveLinux = 0x4000;

    /// <summary>Reserves this many bytes and gives them back.</summary>
    /// <exception cref="WasmtimeException">They are refused.</exception>
    public static void Check(ulong bytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        // SAFETY: a new mapping at a place of the kernel's choice that nothing reads or writes; unmapped at once.
        nint at = Map(0, (nuint)bytes, ProtNone, MapPrivate | MapAnonymousLinux | MapNoReserveLinux, -1, 0);
        if (at == -1) throw new WasmtimeException($"a pool of instances needs {bytes >> 30} GiB of address space, which this process may not have (ulimit -v): use the small-device profile");
        _ = Unmap(at, (nuint)bytes);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
