// What is known about a file without reading it.
namespace Mote.Files;

/// <summary>What kind of thing a name stands for. The order is that of wasi:filesystem's descriptor-type.</summary>
public enum FileKind : byte
{
    /// <summary>Something else.</summary>
    Unknown,

    /// <summary>A disk.</summary>
    BlockDevice,

    /// <summary>A terminal, for example.</summary>
    CharacterDevice,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A named pipe.</summary>
    Fifo,

    /// <summary>A symbolic link.</summary>
    Link,

    /// <summary>A file with content.</summary>
    File,

    /// <summary>A Unix socket.</summary>
    Socket,
}

/// <summary>A moment.</summary>
/// <param name="Seconds">Since 1970; negative before.</param>
/// <param name="Nanoseconds">0 to 999,999,999.</param>
public readonly record struct FileTime(long Seconds, uint Nanoseconds);

/// <summary>A moment that a file is to have.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Time">The moment, where it is given.</param>
public readonly record struct NewFileTime(NewFileTimeKind Kind, FileTime Time = default);

/// <summary>How a moment is set.</summary>
public enum NewFileTimeKind : byte
{
    /// <summary>It stays as it is.</summary>
    Keep,

    /// <summary>The moment of the call.</summary>
    Now,

    /// <summary>A given one.</summary>
    Given,
}

/// <summary>What is known about a file.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Device">The file system that it is on.</param>
/// <param name="Inode">Its number there: with <paramref name="Device"/>, its identity.</param>
/// <param name="Links">Names that it has.</param>
/// <param name="Size">Bytes of its content.</param>
/// <param name="Accessed">When it was last read, as far as the file system says.</param>
/// <param name="Modified">When its content last changed.</param>
/// <param name="Changed">When anything about it last changed.</param>
public readonly record struct FileStatus(FileKind Kind, ulong Device, ulong Inode, ulong Links, ulong Size, FileTime Accessed, FileTime Modified, FileTime Changed);

/// <summary>How a file is to be opened.</summary>
[Flags]
public enum OpenModes
{
    /// <summary>An existing file or folder, of which only its status is asked.</summary>
    None = 0,

    /// <summary>Its content will be read.</summary>
    Read = 1,

    /// <summary>Its content will be written.</summary>
    Write = 2,

    /// <summary>It is made where it does not exist.</summary>
    Create = 4,

    /// <summary>With <see cref="Create"/>: it must not exist.</summary>
    Exclusive = 8,

    /// <summary>Its content is dropped.</summary>
    Truncate = 16,

    /// <summary>It must be a folder.</summary>
    Folder = 32,

    /// <summary>A symbolic link at the end of the path is followed.</summary>
    Follow = 64,
}
