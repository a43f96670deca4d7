// The system calls: Linux with glibc, x86-64 and arm64. Layouts that differ between the two are avoided (statx, not stat).
using System.Runtime.InteropServices;

namespace Mote.Files.Native;

/// <summary>What openat2 is given (linux/openat2.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OpenHow
{
    public ulong Flags;
    public ulong Mode;
    public ulong Resolve;
}

/// <summary>Bytes to write (struct iovec).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoVector
{
    public nint Base;
    public nuint Length;
}

internal static partial class Linux
{
    /// <summary>Nothing else here is called where this is false: folders, through which all is opened, ask first.</summary>
    public static bool IsHere => OperatingSystem.IsLinux();

    // The same on both processors…
    public const int ReadOnly = 0, WriteOnly = 1, ReadWrite = 2, Create = 0x40, Exclusive = 0x80, NoControl = 0x100, Truncate = 0x200, NonBlocking = 0x800, CloseOnExec = 0x80000, PathOnly = 0x200000;

    // … and not.
    public static int Directory => IsArm64 ? 0x4000 : 0x10000;

    public static int NoFollow => IsArm64 ? 0x8000 : 0x20000;

    public const ulong ResolveNoMagicLinks = 2, ResolveBeneath = 8;

    public const int AtSymlinkNoFollow = 0x100, AtRemoveDirectory = 0x200, AtNoAutomount = 0x800, AtEmptyPath = 0x1000;

    public const long TimeNow = (1L << 30) - 1, TimeOmit = (1L << 30) - 2;

    public const int WriteAppend = 0x10; // RWF_APPEND

    private const int NumberOfOpenAt2 = 437; // on every processor

    private static bool IsArm64 => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    public static nint OpenAt2(Descriptor folder, string path, in OpenHow how) => SystemCall(NumberOfOpenAt2, folder, path, how, 24);

    // glibc has no function for openat2. The C declaration takes a variable number of arguments; on Linux, integers and
    // pointers are passed to such a function as to any other.
    [LibraryImport("libc", EntryPoint = "syscall", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial nint SystemCall(nint number, Descriptor folder, string path, in OpenHow how, nint size);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int Open(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "openat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int OpenAt(Descriptor folder, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    public static partial int GetLimit(int resource, Span<ulong> limits);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int Statx(Descriptor folder, string path, int flags, uint mask, Span<byte> buffer);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint ReadAt(Descriptor fd, Span<byte> buffer, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint WriteAt(Descriptor fd, ReadOnlySpan<byte> buffer, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwritev2", SetLastError = true)]
    public static partial nint WriteVectors(Descriptor fd, in IoVector vectors, int count, long offset, int flags);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(Descriptor fd, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int SetLength(Descriptor fd, long length);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    public static partial int Allocate(Descriptor fd, int mode, long offset, long length);

    /// <summary>Gives the error number itself.</summary>
    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    public static partial int Advise(Descriptor fd, long offset, long length, int advice);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int Sync(Descriptor fd);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int SyncData(Descriptor fd);

    /// <summary>Two timespecs (seconds, nanoseconds).</summary>
    [LibraryImport("libc", EntryPoint = "futimens", SetLastError = true)]
    public static partial int SetTimes(Descriptor fd, ReadOnlySpan<long> times);

    [LibraryImport("libc", EntryPoint = "utimensat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int SetTimesAt(Descriptor folder, string path, ReadOnlySpan<long> times, int flags);

    [LibraryImport("libc", EntryPoint = "getdents64", SetLastError = true)]
    public static partial nint Entries(Descriptor folder, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "readlinkat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial nint ReadLinkAt(Descriptor folder, string path, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "mkdirat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int MakeFolderAt(Descriptor folder, string path, uint mode);

    [LibraryImport("libc", EntryPoint = "unlinkat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int UnlinkAt(Descriptor folder, string path, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int RenameAt(Descriptor oldFolder, string oldPath, Descriptor newFolder, string newPath);

    [LibraryImport("libc", EntryPoint = "linkat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int LinkAt(Descriptor oldFolder, string oldPath, Descriptor newFolder, string newPath, int flags);

    [LibraryImport("libc", EntryPoint = "symlinkat", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int SymlinkAt(string target, Descriptor folder, string path);
}
