// An open file or folder of the host, within a folder that was granted.
using Mote.Files.Native;
using Mote.Files.Resolution;

namespace Mote.Files;

/// <summary>
/// A regular file or a folder. What is below a folder is opened through it, and nothing outside can be. Only files and
/// folders are ever open: a FIFO, a device or a socket is refused, so that no call here waits for another process.
/// </summary>
public sealed partial class HostFile : IDisposable
{
    private readonly Descriptor _fd;
    private readonly PathResolver _resolver;
    private readonly Action? _closed;
    private int _references = 1;

    private HostFile(Descriptor fd, PathResolver resolver, FileKind kind, OpenModes modes, bool mayChange, Action? closed)
    {
        _fd = fd;
        _resolver = resolver;
        Kind = kind;
        CanRead = (modes & OpenModes.Read) != 0;
        CanWrite = (modes & OpenModes.Write) != 0;
        MayChange = mayChange;
        _closed = closed;
    }

    /// <summary>False on systems where no folder can be opened.</summary>
    public static bool IsSupported => Linux.IsHere;

    /// <summary>Descriptors that this process may have open; what guests open takes a part of them.</summary>
    public static int MostDescriptors
    {
        get
        {
            Span<ulong> limits = [1024, 1024];
            if (IsSupported) _ = Linux.GetLimit(7, limits); // RLIMIT_NOFILE
            return (int)Math.Min(limits[0], int.MaxValue);
        }
    }

    /// <summary>A file or a folder.</summary>
    public FileKind Kind { get; }

    /// <summary>Whether content may be read.</summary>
    public bool CanRead { get; }

    /// <summary>Whether content may be written.</summary>
    public bool CanWrite { get; }

    /// <summary>Whether the folder that this was opened through is granted for changes.</summary>
    public bool MayChange { get; }

    /// <summary>Opens a folder by its path on the host. Everything else is opened through such a one.</summary>
    /// <param name="path">The folder; its own links are the operator's and are followed.</param>
    /// <param name="mayChange">Whether anything in it may be changed.</param>
    public static FileResult<HostFile> OpenFolder(string path, bool mayChange) => OpenFolder(path, mayChange, PathResolver.Best);

    internal static FileResult<HostFile> OpenFolder(string path, bool mayChange, PathResolver resolver)
    {
        if (!IsSupported) return FileError.Unsupported;
        int fd = Linux.Open(path, Linux.ReadOnly | Linux.Directory | Linux.CloseOnExec, 0);
        return fd < 0 ? Errno.LastError : new HostFile(new Descriptor(fd), resolver, FileKind.Folder, OpenModes.Read, mayChange, null);
    }

    /// <summary>One more user of the same open file; each disposes of it.</summary>
    public HostFile Share()
    {
        Interlocked.Increment(ref _references);
        return this;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _references) != 0) return;
        _fd.Dispose();
        _closed?.Invoke();
    }

    /// <summary>Closes it for all its users.</summary>
    public void Close()
    {
        if (Interlocked.Exchange(ref _references, 0) <= 0) return;
        _fd.Dispose();
        _closed?.Invoke();
    }

    /// <summary>What is known about it.</summary>
    public FileResult<FileStatus> Status() => Native.Status.Of(_fd);

    /// <summary>Reads at a place; 0 at the end.</summary>
    public FileResult<int> Read(Span<byte> buffer, ulong offset)
    {
        if (Content(CanRead) is not FileError.None and var e) return e;
        if (offset > long.MaxValue) return FileError.Invalid;
        if (buffer.IsEmpty) return 0;
        while (true)
        {
            nint n = Linux.ReadAt(_fd, buffer, (nuint)buffer.Length, (long)offset);
            if (n >= 0) return (int)n;
            if (Errno.Last != Errno.Interrupted) return Errno.LastError;
        }
    }

    /// <summary>Writes at a place; gives how many bytes, which may be fewer.</summary>
    public FileResult<int> Write(ReadOnlySpan<byte> bytes, ulong offset)
    {
        if (Content(CanWrite) is not FileError.None and var e) return e;
        if (offset > long.MaxValue) return FileError.Invalid;
        if (bytes.IsEmpty) return 0;
        while (true)
        {
            nint n = Linux.WriteAt(_fd, bytes, (nuint)bytes.Length, (long)offset);
            if (n >= 0) return (int)n;
            if (Errno.Last != Errno.Interrupted) return Errno.LastError;
        }
    }

    /// <summary>Writes at the end, wherever that is by then; gives how many bytes, and where the end is after them.</summary>
    public unsafe FileResult<(int Count, ulong End)> Append(ReadOnlySpan<byte> bytes)
    {
        if (Content(CanWrite) is not FileError.None and var e) return e;
        // SAFETY: the bytes are pinned for as long as the call takes, and the vector names exactly them.
        fixed (byte* at = bytes)
        {
            var vector = new IoVector { Base = (nint)at, Length = (nuint)bytes.Length };
            while (true)
            {
                // Place -1 is the descriptor's own, which the call leaves behind what it wrote.
                nint n = Linux.WriteVectors(_fd, vector, 1, -1, Linux.WriteAppend);
                if (n >= 0) return ((int)n, (ulong)Linux.Seek(_fd, 0, 1));
                if (Errno.Last != Errno.Interrupted) return Errno.LastError;
            }
        }
    }

    /// <summary>Cuts it, or fills it up with zeros.</summary>
    public FileError SetSize(ulong size)
    {
        if (Content(CanWrite) is not FileError.None and var e) return e;
        if (size > long.MaxValue) return FileError.FileTooLarge;
        while (Linux.SetLength(_fd, (long)size) != 0)
        {
            if (Errno.Last != Errno.Interrupted) return Errno.LastError;
        }

        return FileError.None;
    }

    /// <summary>Makes room on disk, and the file at least that long.</summary>
    public FileError Allocate(ulong offset, ulong length)
    {
        if (Content(CanWrite) is not FileError.None and var e) return e;
        if (offset > long.MaxValue || length > long.MaxValue - offset) return FileError.FileTooLarge;
        while (Linux.Allocate(_fd, 0, (long)offset, (long)length) != 0)
        {
            if (Errno.Last != Errno.Interrupted) return Errno.LastError;
        }

        return FileError.None;
    }

    /// <summary>Tells the system how it will be used. Advice is POSIX's: normal, random, sequential, will-need, dont-need, no-reuse.</summary>
    public FileError Advise(ulong offset, ulong length, int advice)
    {
        if (Kind != FileKind.File) return FileError.BadDescriptor;
        return offset > long.MaxValue || length > long.MaxValue ? FileError.Invalid : Errno.Error(Linux.Advise(_fd, (long)offset, (long)length, advice));
    }

    /// <summary>Sets its times.</summary>
    public FileError SetTimes(NewFileTime accessed, NewFileTime modified)
    {
        if (!MayChange) return FileError.ReadOnly;
        if (!TryTimes(accessed, modified, out long[] times)) return FileError.Invalid;
        return Linux.SetTimes(_fd, times) == 0 ? FileError.None : Errno.LastError;
    }

    /// <summary>Waits until everything is on disk. It cannot be cancelled: who has a deadline calls it on another thread.</summary>
    /// <param name="dataOnly">Not what is known about the file, unless its content cannot be found without.</param>
    public FileError Sync(bool dataOnly) => (dataOnly ? Linux.SyncData(_fd) : Linux.Sync(_fd)) == 0 ? FileError.None : Errno.LastError;

    private FileError Content(bool may) => Kind != FileKind.File ? FileError.IsDirectory : may ? FileError.None : FileError.BadDescriptor;

    private static bool TryTimes(NewFileTime accessed, NewFileTime modified, out long[] times)
    {
        times = new long[4];
        return Put(accessed, times.AsSpan(0, 2)) && Put(modified, times.AsSpan(2, 2));

        static bool Put(NewFileTime time, Span<long> at)
        {
            (at[0], at[1]) = time.Kind switch
            {
                NewFileTimeKind.Keep => (0L, Linux.TimeOmit),
                NewFileTimeKind.Now => (0L, Linux.TimeNow),
                _ => (time.Time.Seconds, (long)time.Time.Nanoseconds),
            };
            return time.Kind != NewFileTimeKind.Given || time.Time.Nanoseconds < 1_000_000_000;
        }
    }
}
