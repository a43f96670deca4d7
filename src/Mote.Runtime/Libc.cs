// Which C library this process runs on: `mote doctor` tells it, since libwasmtime is built for glibc.
using System.Runtime.InteropServices;

namespace Mote.Runtime;

/// <summary>The C library.</summary>
public static partial class Libc
{
    /// <summary>glibc's version, such as 2.36; null for another library or another system.</summary>
    public static string? GlibcVersion()
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            return Marshal.PtrToStringUTF8(Version());
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "gnu_get_libc_version")]
    private static partial nint Version();
}
