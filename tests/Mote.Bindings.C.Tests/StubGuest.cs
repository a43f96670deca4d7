// A guest that defines every export of a world and does nothing, made from the header alone.
using System.Text;
using System.Text.RegularExpressions;

namespace Mote.Bindings.C.Tests;

internal static partial class StubGuest
{
    /// <summary>Weak definitions of all that begins with exports_: what the glue defines itself wins.</summary>
    public static string Write(string headerName, string header)
    {
        var text = new StringBuilder($"#include \"{headerName}\"\n#pragma clang diagnostic ignored \"-Wunused-parameter\"\n");
        foreach (Match m in Prototype().Matches(header)) text.Append($"__attribute__((weak)) {m.Groups[1].Value} {{ __builtin_trap(); }}\n");
        return text.ToString();
    }

    [GeneratedRegex(@"^((?!static|typedef|#)[\w *]+ \*?exports_\w+\([^;]*\));$", RegexOptions.Multiline)]
    private static partial Regex Prototype();
}
