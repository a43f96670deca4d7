// Limits that the kernel holds a process to: setrlimit(2) and prlimit(2). Nothing where there is no Linux.
using System.Runtime.InteropServices;

namespace Mote.Runtime;

/// <summary>Limits of this process and of its children.</summary>
public static partial class ResourceLimits
{
    internal const int CpuSeconds = 0, Data = 2, Core = 4;

    /// <summary>
    /// No dump of this process or of those that it starts is written from now on, also not by a program that takes dumps
    /// (`core_pattern` with a pipe): core(5) has 1 as the limit that says so. What was in memory stays there.
    /// </summary>
    public static void ForbidCoreDumps() => Set(Core, 1);

    /// <summary>Limits a child's memory (RLIMIT_DATA): allocations beyond it fail there.</summary>
    /// <param name="processId">The child.</param>
    /// <param name="bytes">Most bytes.</param>
    public static unsafe void LimitMemory(int processId, long bytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        // SAFETY: as in Set; the old limit is not asked for.
        ulong* limit = stackalloc ulong[2] { (ulong)bytes, (ulong)bytes };
        _ = prlimit64(processId, Data, limit, null);
    }

    /// <summary>Sets a limit of this process. Where it fails, whoever started the process has a clock of its own.</summary>
    internal static unsafe void Set(int resource, long value)
    {
        if (!OperatingSystem.IsLinux()) return;
        // SAFETY: struct rlimit is two 64-bit numbers on every Linux that .NET runs on, soft limit first; it is only read.
        ulong* limit = stackalloc ulong[2] { (ulong)value, (ulong)value };
        _ = setrlimit(resource, limit);
    }

    [LibraryImport("libc")]
    private static unsafe partial int setrlimit(int resource, ulong* limit);

    [LibraryImport("libc")]
    private static unsafe partial int prlimit64(int pid, int resource, ulong* limit, void* old);
}
