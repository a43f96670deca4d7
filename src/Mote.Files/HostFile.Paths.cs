// What is done with a path below a folder.
using Mote.Files.Native;
using Mote.Files.Resolution;

namespace Mote.Files;

public sealed partial class HostFile
{
    /// <summary>Opens a file or a folder.</summary>
    /// <param name="path">Relative, and staying inside.</param>
    /// <param name="modes">How.</param>
    /// <param name="closed">Called when the last user has closed it.</param>
    public FileResult<HostFile> Open(string path, OpenModes modes, Action? closed = null)
    {
        if (Below() is not FileError.None and var e) return e;
        if ((modes & OpenModes.Folder) != 0 && (modes & (OpenModes.Create | OpenModes.Exclusive | OpenModes.Truncate)) != 0) return FileError.Invalid;
        if (!MayChange && (modes & (OpenModes.Write | OpenModes.Create | OpenModes.Truncate)) != 0) return FileError.ReadOnly;
        int flags = Access(modes) | Linux.NoControl
            | Linux.NonBlocking // what could make the call itself wait: a FIFO whose other end nobody has
            | If(OpenModes.Create, Linux.Create) | If(OpenModes.Exclusive, Linux.Exclusive) | If(OpenModes.Truncate, Linux.Truncate) | If(OpenModes.Folder, Linux.Directory)
            | ((modes & OpenModes.Follow) == 0 ? Linux.NoFollow : 0);
        FileResult<Descriptor> opened = _resolver.Resolve(_fd, path, flags, (modes & OpenModes.Create) != 0 ? 0x1b6u : 0); // rw-rw-rw-, less the umask
        if (!opened.IsOk) return opened.Error;
        FileResult<FileStatus> status = Native.Status.Of(opened.Value);
        if (status is { IsOk: true, Value.Kind: FileKind.File or FileKind.Folder }) return new HostFile(opened.Value, _resolver, status.Value.Kind, modes, MayChange, closed);
        opened.Value.Dispose();
        return status.IsOk ? FileError.NotPermitted : status.Error;

        int If(OpenModes mode, int flag) => (modes & mode) != 0 ? flag : 0;
    }

    private static int Access(OpenModes modes) => (modes & (OpenModes.Read | OpenModes.Write)) switch
    {
        OpenModes.Write => Linux.WriteOnly,
        OpenModes.Read | OpenModes.Write => Linux.ReadWrite,
        _ => Linux.ReadOnly,
    };

    /// <summary>What is known about what a path names.</summary>
    public FileResult<FileStatus> Status(string path, bool follow)
    {
        FileResult<Descriptor> opened = Named(path, follow);
        if (!opened.IsOk) return opened.Error;
        using Descriptor fd = opened.Value;
        return Native.Status.Of(fd);
    }

    /// <summary>Sets the times of what a path names.</summary>
    public FileError SetTimes(string path, bool follow, NewFileTime accessed, NewFileTime modified)
    {
        if (!MayChange) return FileError.ReadOnly;
        if (!TryTimes(accessed, modified, out long[] times)) return FileError.Invalid;
        FileResult<Descriptor> opened = Named(path, follow);
        if (!opened.IsOk) return opened.Error;
        using Descriptor fd = opened.Value;
        if (Linux.SetTimesAt(fd, "", times, Linux.AtEmptyPath) == 0) return FileError.None;
        if (Errno.Last != Errno.Invalid) return Errno.LastError;
        // Before Linux 5.8 a descriptor alone was not enough.
        if (!follow) return Change(path, FileError.Invalid, FileError.Invalid, at => Done(Linux.SetTimesAt(at.Folder, at.Name, times, Linux.AtSymlinkNoFollow)));
        FileResult<HostFile> file = Open(path, OpenModes.Read | OpenModes.Follow);
        if (!file.IsOk) return file.Error;
        using HostFile reopened = file.Value;
        return reopened.SetTimes(accessed, modified);
    }

    /// <summary>Makes a folder.</summary>
    public FileError MakeFolder(string path) =>
        Change(path, FileError.Exist, FileError.Exist, static at => Done(Linux.MakeFolderAt(at.Folder, at.Name, 0x1ff))); // rwxrwxrwx, less the umask

    /// <summary>Removes an empty folder.</summary>
    public FileError RemoveFolder(string path) =>
        Change(path, FileError.Invalid, FileError.NotEmpty, static at => Done(Linux.UnlinkAt(at.Folder, at.Name, Linux.AtRemoveDirectory)));

    /// <summary>Removes a name that is no folder's.</summary>
    public FileError Unlink(string path) =>
        Change(path, FileError.IsDirectory, FileError.IsDirectory, static at => Done(Linux.UnlinkAt(at.Folder, at.NameForFolder, 0)));

    /// <summary>Makes a symbolic link. What it says is kept as it is; only a path that begins at the root is refused.</summary>
    public FileError MakeLink(string target, string path)
    {
        if (target.StartsWith('/')) return FileError.NotPermitted;
        if (target.Contains('\0')) return FileError.Invalid;
        return Change(path, FileError.Exist, FileError.Exist, at => Done(Linux.SymlinkAt(target, at.Folder, at.NameForFolder)));
    }

    /// <summary>What a symbolic link says. One that begins at the root is not told: it is a path of the host.</summary>
    public FileResult<string> ReadLink(string path)
    {
        if (Below() is not FileError.None and var e) return e;
        FileResult<Descriptor> opened = Named(path, follow: false);
        if (!opened.IsOk) return opened.Error;
        using Descriptor fd = opened.Value;
        FileResult<FileStatus> status = Native.Status.Of(fd);
        if (!status.IsOk) return status.Error;
        if (status.Value.Kind != FileKind.Link) return FileError.Invalid;
        FileResult<string> target = FolderPath.ReadLink(fd, "");
        return target.IsOk && target.Value.StartsWith('/') ? FileError.NotPermitted : target;
    }

    /// <summary>Gives a file one more name. A link at the end of the old path is not followed: the link itself gets the name.</summary>
    public FileError Link(string oldPath, HostFile newFolder, string newPath)
    {
        // A name in a folder that may be changed would make a file writable that is granted for reading.
        if (!MayChange || !newFolder.MayChange) return FileError.ReadOnly;
        return Change(oldPath, FileError.NotPermitted, FileError.NotPermitted, from => newFolder.Change(newPath, FileError.Exist, FileError.Exist, to =>
        {
            if (!from.EndsWithSlash) return Done(Linux.LinkAt(from.Folder, from.Name, to.Folder, to.NameForFolder, 0));
            FileResult<FileStatus> status = Status(oldPath, follow: true);
            return status.IsOk ? FileError.NotPermitted : status.Error; // a folder has one name
        }));
    }

    /// <summary>Moves or renames, replacing a file of the new name.</summary>
    public FileError Rename(string oldPath, HostFile newFolder, string newPath)
    {
        if (!MayChange || !newFolder.MayChange) return FileError.ReadOnly;
        return Change(oldPath, FileError.Busy, FileError.Busy, from => newFolder.Change(newPath, FileError.Busy, FileError.Busy, to =>
            Done(Linux.RenameAt(from.Folder, from.NameForFolder, to.Folder, to.NameForFolder))));
    }

    /// <summary>Reads a folder's entries.</summary>
    /// <param name="closed">Called when the reader is closed.</param>
    public FileResult<FolderReader> Entries(Action? closed = null)
    {
        if (Below() is not FileError.None and var e) return e;
        // A descriptor of its own: the place in the folder belongs to it.
        FileResult<Descriptor> opened = _resolver.Resolve(_fd, ".", Linux.ReadOnly | Linux.Directory);
        return opened.IsOk ? new FolderReader(opened.Value, closed) : opened.Error;
    }

    private FileError Below() => Kind == FileKind.Folder ? FileError.None : FileError.NotDirectory;

    /// <summary>A descriptor that stands for a name, and can neither read nor write.</summary>
    private FileResult<Descriptor> Named(string path, bool follow) =>
        Below() is not FileError.None and var e ? e : _resolver.Resolve(_fd, path, Linux.PathOnly | (follow ? 0 : Linux.NoFollow));

    private FileError Change(string path, FileError dot, FileError dotDot, Func<FolderPath, FileError> change)
    {
        if (Below() is not FileError.None and var e) return e;
        if (!MayChange) return FileError.ReadOnly;
        FileResult<FolderPath> at = FolderPath.Split(_resolver, _fd, path, dot, dotDot);
        if (!at.IsOk) return at.Error;
        using FolderPath found = at.Value;
        return change(found);
    }

    private static FileError Done(int result) => result == 0 ? FileError.None : Errno.LastError;
}
