// Text format to binary, for tests and tools.
using System.Text;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>The WebAssembly text format, of modules and of components.</summary>
public static unsafe class Wat
{
    /// <summary>Translates text to binary.</summary>
    /// <exception cref="WasmtimeException">The text is not well-formed; the message has line and column.</exception>
    public static byte[] ToWasm(string text) => ToWasm(Encoding.UTF8.GetBytes(text));

    /// <summary>Translates UTF-8 text to binary.</summary>
    /// <exception cref="WasmtimeException">The text is not well-formed; the message has line and column.</exception>
    public static byte[] ToWasm(ReadOnlySpan<byte> text)
    {
        Vec wasm;
        fixed (byte* t = text)
        {
            WasmtimeException.ThrowIfError(WatNative.wasmtime_wat2wasm(t, (nuint)text.Length, &wasm));
        }

        byte[] result = wasm.Bytes.ToArray();
        ErrorNative.wasm_byte_vec_delete(&wasm);
        return result;
    }
}
