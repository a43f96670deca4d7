// The text format as libwasmtime reads it, with the older forms that some suites still use.
using System.Runtime.InteropServices;
using Mote.Wasmtime;

namespace Mote.Conformance;

internal static partial class TextFormat
{
    private static readonly Lazy<bool> s_lenient = new(AllowOlderForms);

    public static byte[] ToWasm(byte[] text)
    {
        _ = s_lenient.Value;
        return Wat.ToWasm(text);
    }

    /// <summary>
    /// Inline export references without <c>core</c> are an older form. The parser's switch for it is read once, from
    /// the C environment, which .NET's does not write to.
    /// </summary>
    private static bool AllowOlderForms() => !OperatingSystem.IsWindows() && SetEnv("WAST_STRICT_COMPONENT_INDICES", "0", 1) == 0;

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);
}
