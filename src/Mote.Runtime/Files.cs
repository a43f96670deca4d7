// File-system calls that .NET has no method for.
using System.Runtime.InteropServices;

namespace Mote.Runtime;

internal static partial class Files
{
    /// <summary>Makes a rename in a folder survive a power cut. Does nothing on Windows, where renames are journaled.</summary>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        int fd = Open(path, 0);
        if (fd < 0) return;
        _ = Fsync(fd);
        _ = Close(fd);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int fd);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int fd);

    /// <summary>Writes a new file and waits until it is on disk.</summary>
    public static void WriteSynced(string path, ReadOnlySpan<byte> content)
    {
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
        stream.Write(content);
        stream.Flush(flushToDisk: true);
    }
}
