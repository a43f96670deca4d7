// File-system calls that .NET has no method for.
using System.Runtime.InteropServices;

namespace Mote.Runtime;

internal static partial class Files
{
    /// <summary>Makes a rename in a folder survive a power cut; false where the system refused. Does nothing on Windows, where renames are journaled.</summary>
    public static bool SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows()) return true;
        int fd = Open(path, 0);
        if (fd < 0) return false;
        bool done = Fsync(fd) == 0;
        _ = Close(fd);
        return done;
    }

    /// <summary>Renames a file where there is none of the new name, and never replaces one that another process has made meanwhile.</summary>
    /// <exception cref="IOException">There is one.</exception>
    public static void MoveNew(string from, string to)
    {
        // File.Move looks first and renames then; two processes may both have looked. A link is made or is there.
        if (!OperatingSystem.IsWindows() && Link(from, to) == 0) File.Delete(from);
        else File.Move(from, to, overwrite: false); // also a file system that has no links
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Link(string from, string to);

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
