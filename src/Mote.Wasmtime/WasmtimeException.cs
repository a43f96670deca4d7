// Errors: what libwasmtime refused (WasmtimeException) and what a guest did (TrapException).
using System.Text;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>libwasmtime refused something: an invalid module, a link mismatch, options that cannot be.</summary>
public class WasmtimeException : Exception
{
    /// <summary>An error with Wasmtime's words.</summary>
    public WasmtimeException(string message)
        : base(message)
    {
    }

    /// <summary>An error with Wasmtime's words and its cause.</summary>
    public WasmtimeException(string message, Exception? inner)
        : base(message, inner)
    {
    }

    /// <summary>Takes a <c>wasmtime_error_t</c>: deletes it and throws, unless it is null.</summary>
    internal static void ThrowIfError(nint error, string? what = null)
    {
        if (error == 0) return;
        string message = TakeMessage(error);
        throw new WasmtimeException(what is null ? message : $"{what}: {message}");
    }

    internal static unsafe string TakeMessage(nint error)
    {
        Vec message;
        ErrorNative.wasmtime_error_message(error, &message);
        string text = TakeString(&message);
        ErrorNative.wasmtime_error_delete(error);
        return text;
    }

    internal static unsafe string TakeString(Vec* vec)
    {
        string text = Encoding.UTF8.GetString(vec->Bytes).TrimEnd('\0');
        ErrorNative.wasm_byte_vec_delete(vec);
        return text;
    }
}
