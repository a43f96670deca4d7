// Files and folders that nobody but this program's user may read, from their first byte on.
namespace Mote.Runtime;

/// <summary>Makes what only this user may read. On Windows, what the folder's rights say.</summary>
public static class PrivateFile
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>A new file, in place of one of the name that is there: the rights of that one would stay.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public static FileStream Replace(string path)
    {
        File.Delete(path);
        return Create(path);
    }

    /// <summary>A new file.</summary>
    /// <exception cref="IOException">It cannot be made, or there is one.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder cannot be written.</exception>
    public static FileStream Create(string path)
    {
        // Without a buffer of its own: what is written is in the file, and its position is how much that is.
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = Mode;
        return new FileStream(path, options);
    }

    /// <summary>Makes a folder, and those above it where they are not there; one that is there stays as it is.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, Mode | UnixFileMode.UserExecute);
    }

    /// <summary>Whether nobody else may read a file.</summary>
    public static bool Is(string path) => OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & ~Mode) == 0;
}
