// A compiled core module.
using System.Text;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>A compiled core module. Safe to use from many threads; outlives the engine object it came from.</summary>
public sealed unsafe class Module : IDisposable
{
    private readonly Handle _handle;

    private Module(nint module) => _handle = new Handle(module);

    internal nint Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle.Value;
        }
    }

    /// <summary>Bytes of machine code and data that are mapped for this module.</summary>
    public long ImageSize
    {
        get
        {
            nint start, end;
            ModuleNative.wasmtime_module_image_range(Pointer, &start, &end);
            return end - start;
        }
    }

    /// <summary>Compiles a core module.</summary>
    /// <exception cref="WasmtimeException">The module is not valid.</exception>
    public static Module Compile(Engine engine, ReadOnlySpan<byte> wasm)
    {
        nint module;
        fixed (byte* p = wasm)
        {
            WasmtimeException.ThrowIfError(ModuleNative.wasmtime_module_new(engine.Pointer, p, (nuint)wasm.Length, &module));
        }

        return new Module(module);
    }

    /// <summary>Machine code in a form that <see cref="Deserialize"/> and <see cref="DeserializeFile"/> take.</summary>
    public byte[] Serialize()
    {
        Vec bytes;
        WasmtimeException.ThrowIfError(ModuleNative.wasmtime_module_serialize(Pointer, &bytes));
        byte[] result = bytes.Bytes.ToArray();
        ErrorNative.wasm_byte_vec_delete(&bytes);
        return result;
    }

    /// <summary>
    /// Loads compiled code from memory. The bytes run as they are: only bytes that this node compiled itself
    /// and authenticated may come here.
    /// </summary>
    public static Module Deserialize(Engine engine, ReadOnlySpan<byte> bytes)
    {
        nint module;
        fixed (byte* p = bytes)
        {
            WasmtimeException.ThrowIfError(ModuleNative.wasmtime_module_deserialize(engine.Pointer, p, (nuint)bytes.Length, &module));
        }

        return new Module(module);
    }

    /// <summary>
    /// Maps compiled code from a file; pages are read when they are run. The file must never change afterwards,
    /// and only a file that this node wrote itself and authenticated may come here.
    /// </summary>
    public static Module DeserializeFile(Engine engine, string path)
    {
        nint module;
        fixed (byte* p = Encoding.UTF8.GetBytes(path + '\0'))
        {
            WasmtimeException.ThrowIfError(ModuleNative.wasmtime_module_deserialize_file(engine.Pointer, p, &module), path);
        }

        return new Module(module);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private sealed class Handle(nint module) : NativeHandle(module)
    {
        protected override void Delete(nint pointer) => ModuleNative.wasmtime_module_delete(pointer);
    }
}
