// module.h: compile, serialize, deserialize.
using System.Runtime.InteropServices;

namespace Mote.Wasmtime.Native;

internal static unsafe partial class ModuleNative
{
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_module_new(nint engine, byte* wasm, nuint length, nint* module);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_module_delete(nint module);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_module_validate(nint engine, byte* wasm, nuint length);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_module_serialize(nint module, Vec* bytes);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_module_deserialize(nint engine, byte* bytes, nuint length, nint* module);
    [LibraryImport(Libwasmtime.Name)] internal static partial nint wasmtime_module_deserialize_file(nint engine, byte* path, nint* module);
    [LibraryImport(Libwasmtime.Name)] internal static partial void wasmtime_module_image_range(nint module, nint* start, nint* end);
}
