// Pipes to child processes that carry much. Nothing where there is no Linux.
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mote.Runtime;

/// <summary>What the kernel does with pipes.</summary>
public static partial class Pipes
{
    /// <summary>The most that the system lets anybody have (`/proc/sys/fs/pipe-max-size`).</summary>
    private const int LargeBytes = 1 << 20;

    private const int SetPipeSize = 1031; // F_SETPIPE_SZ

    /// <summary>Gives a pipe 1 MiB in place of 64 KiB: fewer wake-ups of both sides. Where it may not be, it stays as it is.</summary>
    public static void Widen(SafePipeHandle pipe)
    {
        if (OperatingSystem.IsLinux()) _ = fcntl(pipe, SetPipeSize, LargeBytes);
    }

    [LibraryImport("libc")]
    private static partial int fcntl(SafePipeHandle fd, int command, int argument);
}
