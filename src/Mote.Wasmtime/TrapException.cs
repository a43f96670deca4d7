// A trap: the guest's code stopped, with why (code, message) and where (wasm backtrace).
using System.Text;
using Mote.Wasmtime.Native;

namespace Mote.Wasmtime;

/// <summary>Why core wasm code trapped (trap.h). Traps that the component layer raises have no code of Wasmtime's.</summary>
public enum TrapCode : byte
{
    /// <summary>The guest used up its stack.</summary>
    StackOverflow = 0,

    /// <summary>A load or store outside the memory.</summary>
    MemoryOutOfBounds = 1,

    /// <summary>A misaligned atomic.</summary>
    HeapMisaligned = 2,

    /// <summary>A table access outside the table.</summary>
    TableOutOfBounds = 3,

    /// <summary>call_indirect of an empty slot.</summary>
    IndirectCallToNull = 4,

    /// <summary>call_indirect with another type.</summary>
    BadSignature = 5,

    /// <summary>Integer overflow.</summary>
    IntegerOverflow = 6,

    /// <summary>Division by zero.</summary>
    IntegerDivisionByZero = 7,

    /// <summary>A float that no integer holds.</summary>
    BadConversionToInteger = 8,

    /// <summary>The unreachable instruction.</summary>
    Unreachable = 9,

    /// <summary>The epoch deadline passed.</summary>
    Interrupt = 10,

    /// <summary>Fuel used up.</summary>
    OutOfFuel = 11,
}

/// <summary>One frame of a wasm backtrace, innermost first.</summary>
/// <param name="Module">The module's name from its name section, if it has one.</param>
/// <param name="Function">The function's name from its name section, if it has one.</param>
/// <param name="FunctionIndex">The function's index in its module.</param>
/// <param name="ModuleOffset">Byte offset of the instruction in the module.</param>
public readonly record struct WasmFrame(string? Module, string? Function, uint FunctionIndex, ulong ModuleOffset)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Module ?? "<module>"}!{Function ?? $"func[{FunctionIndex}]"} +0x{ModuleOffset:x}";
}

/// <summary>
/// The guest trapped. Its store must not run again: memory and handles are in an unknown state. What stopped
/// a host function is the <see cref="Exception.InnerException"/>.
/// </summary>
public sealed class TrapException : WasmtimeException
{
    /// <summary>A trap raised by the host while the guest called it; it has no code and, until it passes through the guest's frames, no backtrace.</summary>
    public TrapException(string message, Exception? inner = null)
        : base(message, inner) => Backtrace = [];

    /// <summary>A trap in other words, with the same backtrace.</summary>
    public TrapException(string message, IReadOnlyList<WasmFrame> backtrace, Exception? inner)
        : base(message, inner) => Backtrace = backtrace;

    internal TrapException(string message, TrapCode? code, IReadOnlyList<WasmFrame> backtrace, Exception? inner)
        : base(message, inner)
    {
        Code = code;
        Backtrace = backtrace;
    }

    /// <summary>Wasmtime's code, null for a trap that the host raised.</summary>
    public TrapCode? Code { get; }

    /// <summary>Where the guest was, innermost frame first.</summary>
    public IReadOnlyList<WasmFrame> Backtrace { get; }

    /// <summary>The message and the backtrace, one frame a line, for people.</summary>
    public string Describe()
    {
        var text = new StringBuilder(Message);
        int depth = 0;
        foreach (WasmFrame frame in Backtrace.Take(64))
        {
            text.Append('\n').Append("  ").Append(depth++.ToString().PadLeft(2)).Append(": ").Append(frame);
        }

        if (Backtrace.Count > 64) text.Append($"\n  … {Backtrace.Count - 64} more frames");
        return text.ToString();
    }

    /// <summary>Takes a <c>wasm_trap_t</c> and deletes it.</summary>
    internal static unsafe TrapException Take(nint trap, Exception? pending)
    {
        byte code;
        bool hasCode = TrapNative.wasmtime_trap_code(trap, &code) != 0;
        Vec message;
        TrapNative.wasm_trap_message(trap, &message);
        string text = Clean(WasmtimeException.TakeString(&message));
        Vec frames;
        TrapNative.wasm_trap_trace(trap, &frames);
        IReadOnlyList<WasmFrame> backtrace = TakeFrames(&frames);
        TrapNative.wasm_trap_delete(trap);
        return pending is null ? new TrapException(text, hasCode ? (TrapCode)code : null, backtrace, null) : Raised(pending, backtrace);
    }

    /// <summary>
    /// Takes a <c>wasmtime_error_t</c> and deletes it. It is a trap where the host raised it or guest frames are in it;
    /// otherwise null, and <paramref name="message"/> says what Wasmtime refused.
    /// </summary>
    internal static unsafe TrapException? TakeError(nint error, Exception? pending, out string message)
    {
        Vec frames;
        ErrorNative.wasmtime_error_wasm_trace(error, &frames);
        IReadOnlyList<WasmFrame> backtrace = TakeFrames(&frames);
        message = Clean(TakeMessage(error));
        return pending is not null ? Raised(pending, backtrace) : backtrace.Count > 0 ? new TrapException(message, null, backtrace, null) : null;
    }

    /// <summary>A trap that began in the host: the host's words, where the guest was, and the host's exception as the cause.</summary>
    private static TrapException Raised(Exception pending, IReadOnlyList<WasmFrame> backtrace) => pending switch
    {
        TrapException { Backtrace.Count: 0 } t => new TrapException(t.Message, t.Code, backtrace, t.InnerException),
        // It has come through frames of the guest before, and what was taken then shows all of them.
        TrapException t => t,
        _ => new TrapException(pending.Message, null, backtrace, pending),
    };

    /// <summary>
    /// Wasmtime's message repeats the backtrace before the reason; the reason alone is the message here. Where there are
    /// several ("0: memory fault at …", "1: wasm trap: …") the last is what happened, and the rest is detail that only
    /// some ways of noticing it give.
    /// </summary>
    private static string Clean(string message)
    {
        const string Caused = "Caused by:";
        int at = message.LastIndexOf(Caused, StringComparison.Ordinal);
        string reason = at >= 0 ? message[(at + Caused.Length)..] : message;
        string[] causes = [.. reason.Trim().Split('\n').Select((line, i) => Cause(line.Trim(), i))];
        return at < 0 || causes.Length == 1 || !reason.TrimStart().StartsWith("0: ", StringComparison.Ordinal) ? string.Join('\n', causes)
            : $"{causes[^1]} ({string.Join(", ", causes[..^1])})";

        static string Cause(string line, int number)
        {
            string prefix = $"{number}: ", kind = "wasm trap: ";
            if (line.StartsWith(prefix, StringComparison.Ordinal)) line = line[prefix.Length..];
            return line.StartsWith(kind, StringComparison.Ordinal) ? line[kind.Length..] : line;
        }
    }

    internal static unsafe IReadOnlyList<WasmFrame> TakeFrames(Vec* frames)
    {
        int count = (int)frames->Size;
        var result = new WasmFrame[count];
        nint* data = (nint*)frames->Data;
        for (int i = 0; i < count; i++)
        {
            Vec* module = TrapNative.wasmtime_frame_module_name(data[i]);
            Vec* function = TrapNative.wasmtime_frame_func_name(data[i]);
            result[i] = new WasmFrame(
                module is null ? null : Encoding.UTF8.GetString(module->Bytes),
                function is null ? null : Encoding.UTF8.GetString(function->Bytes),
                TrapNative.wasm_frame_func_index(data[i]),
                TrapNative.wasm_frame_module_offset(data[i]));
        }

        TrapNative.wasm_frame_vec_delete(frames);
        return result;
    }
}
