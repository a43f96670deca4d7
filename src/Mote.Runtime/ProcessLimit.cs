// What a process may use at most, which it says of itself: worker processes do before they touch what they do not trust.
using System.Runtime.InteropServices;

namespace Mote.Runtime;

/// <summary>Limits of this process, by setrlimit(2). They hold for good, and nothing happens where the system has none.</summary>
public static unsafe partial class ProcessLimit
{
    private const int CpuResource = 0, FileResource = 1, DataResource = 2, CoreResource = 4;

    /// <summary>Most seconds of processor time; the system ends the process (SIGXCPU) when they are over.</summary>
    public static void CpuSeconds(long seconds) => Set(CpuResource, seconds);

    /// <summary>Most bytes of memory of its own that can be written (RLIMIT_DATA): an allocation above it fails.</summary>
    public static void Data(long bytes) => Set(DataResource, bytes);

    /// <summary>Most bytes of each file that it writes; the system ends the process (SIGXFSZ) when it writes more.</summary>
    public static void FileSize(long bytes) => Set(FileResource, bytes);

    /// <summary>Leaves no image of its memory when it crashes.</summary>
    public static void NoCore() => Set(CoreResource, 0);

    /// <summary>Where it fails, the parent's clock still holds.</summary>
    private static void Set(int resource, long value)
    {
        if (!OperatingSystem.IsLinux()) return;
        // SAFETY: struct rlimit is two 64-bit numbers on every Linux that .NET runs on, soft limit first; it is only read.
        ulong* limit = stackalloc ulong[2] { (ulong)value, (ulong)value };
        _ = setrlimit(resource, limit);
    }

    [LibraryImport("libc")]
    private static partial int setrlimit(int resource, ulong* limit);
}
