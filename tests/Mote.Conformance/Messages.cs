// Compares the message that a script expects with the one that came.
namespace Mote.Conformance;

internal static class Messages
{
    /// <summary>
    /// Pairs of what a script may expect and what Mote says instead, where the words of two implementations differ for
    /// the same fault. The two suites themselves use different words in places.
    /// </summary>
    private static readonly (string Expected, string Actual)[] s_same =
    [
        // The words of a fault depend on whether the host or another guest takes the value; Mote has one path for both.
        ("unaligned pointer", "not aligned"),
        ("string content out-of-bounds", "string pointer/length out of bounds of memory"),
        ("list content out-of-bounds", "realloc return: beyond end of memory"),
        ("string content out-of-bounds", "realloc return: beyond end of memory"),
        ("discriminant 2 out of range [0..2)", "invalid variant discriminant: 2 of 2 cases"),
        // Wasmtime lets strings of up to 2 GiB through to realloc, which traps there; the specification's cap is 2^28-1 bytes.
        ("unreachable", "exceeds the limit of 268435455"),
        ("string content out-of-bounds", "exceeds the limit of 268435455"),
        // The text of the engine, one layer below.
        ("uncaught exception propagated out of component", "thrown Wasm exception"),
        // Wasmtime counts what is copied before it asks for memory, and this script's realloc traps.
        ("fuel allocated for hostcalls has been exhausted", "unreachable"),
        // Wasmtime's script does not say of what the end is.
        ("cannot read after being notified that the writable end dropped", "cannot read from stream after being notified that the writable end dropped"),
        ("cannot write after being notified that the readable end dropped", "cannot write to stream after being notified that the readable end dropped"),
        ("cannot write after being notified that the readable end dropped", "cannot write to future after previous write succeeded or readable end dropped"),
        // Mote refuses shared memories before it compares them.
        ("mismatch in the shared flag for memories", "threads must be enabled for shared memories"),
        // core module signatures in two notations
        ("expected: (func)", "expected type `(func)`"),
        ("expected type `(func (param i32))`, found type `(func)`", "expected: (func (param i32)), found: (func)"),
        // a component type in another place of the message
        ("expected primitive, found record", "expected u32, found record"),
    ];

    public static void Check(string expected, string actual, bool trap)
    {
        if (expected.StartsWith("wasm trap: ", StringComparison.Ordinal)) expected = expected["wasm trap: ".Length..];
        if (actual.Contains(expected, StringComparison.Ordinal)) return;
        foreach ((string e, string a) in s_same)
        {
            if (expected.Contains(e, StringComparison.Ordinal) && actual.Contains(a, StringComparison.Ordinal)) return;
        }

        throw new MessageException($"{(trap ? "trapped" : "refused")} with other words: expected \"{expected}\", got \"{actual}\"");
    }
}

/// <summary>The outcome was right, its message was not.</summary>
internal sealed class MessageException(string message) : Exception(message);
