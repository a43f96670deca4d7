// What a process may use at most: setrlimit(2), by which worker processes limit themselves before they touch what they do
// not trust, and prlimit(2) for programs of others.
using System.Runtime.InteropServices;

namespace Mote.Runtime;

/// <summary>Limits of a process. They hold for good, and nothing happens where the system has none.</summary>
public static unsafe partial class ProcessLimit
{
    private const int CpuResource = 0, FileResource = 1, DataResource = 2, CoreResource = 4;

    /// <summary>Most seconds of processor time; the system ends the process (SIGXCPU) when they are over.</summary>
    public static void CpuSeconds(long seconds) => Set(CpuResource, seconds);

    /// <summary>Most bytes of memory of its own that can be written (RLIMIT_DATA): an allocation above it fails.</summary>
    public static void Data(long bytes) => Set(DataResource, bytes);

    /// <summary>Most bytes of each file that it writes; the system ends the process (SIGXFSZ) when it writes more.</summary>
    public static void FileSize(long bytes) => Set(FileResource, bytes);

    /// <summary>
    /// Leaves no image of its memory when it crashes, nor do those that it starts: also not with a program that takes dumps
    /// (`core_pattern` with a pipe), for which core(5) has 1 as the limit that says so.
    /// </summary>
    public static void NoCore() => Set(CoreResource, 1);

    /// <summary>The same as <see cref="Data"/>, of a child.</summary>
    public static void DataOf(int processId, long bytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        // SAFETY: as in Set; the old limit is not asked for.
        ulong* limit = stackalloc ulong[2] { (ulong)bytes, (ulong)bytes };
        _ = prlimit64(processId, DataResource, limit, null);
    }

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

    [LibraryImport("libc")]
    private static partial int prlimit64(int pid, int resource, ulong* limit, void* old);
}
