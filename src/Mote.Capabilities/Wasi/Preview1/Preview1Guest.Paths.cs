// Paths in preview 1: relative to a descriptor of a folder, and never out of it.
using System.Text;
using Mote.Components.Abi;
using Mote.Files;

namespace Mote.Capabilities.Wasi.Preview1;

public sealed partial class Preview1Guest
{
    private const uint MaxPath = 4096;
    private const uint Follow = 1;
    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    private static string Path(ref GuestContext m, uint at, uint length)
    {
        ReadOnlySpan<byte> bytes = m.Block(at, length);
        if (length > MaxPath) throw new Preview1Exception(Errno.NameTooLong);
        try
        {
            return s_strict.GetString(bytes);
        }
        catch (ArgumentException)
        {
            throw new Preview1Exception(Errno.IllegalByteSequence);
        }
    }

    private static bool Follows(uint lookup) => lookup <= Follow ? lookup == Follow : throw new Preview1Exception(Errno.Invalid);

    private Errno Done(FileEntry folder, FileError error, string path) => Errnos.Of(_files.Note(error, folder.Grant, path));

    internal Errno PathOpen(ref GuestContext m, uint fd, uint lookup, uint at, uint length, uint open, ulong rights, uint flags, uint result)
    {
        string path = Path(ref m, at, length);
        if (open > 15 || (flags & ~(uint)FdFlags.All) != 0) return Errno.Invalid;
        FileEntry folder = _descriptors.Folder(fd, Rights.PathOpen | If(open, 1, Rights.PathCreateFile) | If(open, 8, Rights.PathSetSize));
        m.CheckRange(result, 4, 1);
        Rights asked = (Rights)rights & folder.Inheriting;
        OpenModes modes = (Follows(lookup) ? OpenModes.Follow : 0)
            | ((asked & Rights.FdRead) != 0 ? OpenModes.Read : 0) | ((asked & Rights.FdWrite) != 0 ? OpenModes.Write : 0)
            | If(open, 1, OpenModes.Create) | If(open, 2, OpenModes.Folder) | If(open, 4, OpenModes.Exclusive) | If(open, 8, OpenModes.Truncate);
        FileResult<HostFile> opened = _files.Open(folder.Host, folder.Grant, path, modes);
        if (!opened.IsOk) return Errnos.Of(opened.Error);
        // Reading and writing must be asked for. All else comes with the kind, as far as the folder passes it on: programs
        // exist that ask for less than they use, and it is only to themselves that rights are a promise.
        Rights given = opened.Value.Kind == FileKind.Folder ? Rights.Folder : (Rights.File & ~(Rights.FdRead | Rights.FdWrite)) | (asked & (Rights.FdRead | Rights.FdWrite));
        var entry = new FileEntry(opened.Value, folder.Grant, given & folder.Inheriting, opened.Value.Kind == FileKind.Folder ? folder.Inheriting : Rights.None) { Flags = (FdFlags)flags };
        m.StoreU32(result, _descriptors.Add(entry));
        return Errno.Success;

        static T If<T>(uint flags, uint flag, T then)
            where T : struct => (flags & flag) != 0 ? then : default;
    }

    internal Errno PathCreateDirectory(ref GuestContext m, uint fd, uint at, uint length)
    {
        string path = Path(ref m, at, length);
        FileEntry folder = _descriptors.Folder(fd, Rights.PathCreateDirectory);
        return Done(folder, folder.Host.MakeFolder(path), path);
    }

    internal Errno PathRemoveDirectory(ref GuestContext m, uint fd, uint at, uint length)
    {
        string path = Path(ref m, at, length);
        FileEntry folder = _descriptors.Folder(fd, Rights.PathRemoveDirectory);
        return Done(folder, folder.Host.RemoveFolder(path), path);
    }

    internal Errno PathUnlinkFile(ref GuestContext m, uint fd, uint at, uint length)
    {
        string path = Path(ref m, at, length);
        FileEntry folder = _descriptors.Folder(fd, Rights.PathUnlinkFile);
        return Done(folder, folder.Host.Unlink(path), path);
    }

    internal Errno PathFilestatGet(ref GuestContext m, uint fd, uint lookup, uint at, uint length, uint result)
    {
        string path = Path(ref m, at, length);
        FileEntry folder = _descriptors.Folder(fd, Rights.PathStatusGet);
        FileResult<FileStatus> status = folder.Host.Status(path, Follows(lookup));
        return status.IsOk ? Filestat(ref m, result, status) : Done(folder, status.Error, path);
    }

    internal Errno PathFilestatSetTimes(ref GuestContext m, uint fd, uint lookup, uint at, uint length, ulong accessed, ulong modified, uint flags)
    {
        string path = Path(ref m, at, length);
        FileEntry folder = _descriptors.Folder(fd, Rights.PathSetTimes);
        return Done(folder, folder.Host.SetTimes(path, Follows(lookup), Time(accessed, flags), Time(modified, flags >> 2)), path);
    }

    internal Errno PathLink(ref GuestContext m, uint fd, uint lookup, uint oldAt, uint oldLength, uint newFd, uint newAt, uint newLength)
    {
        string from = Path(ref m, oldAt, oldLength), to = Path(ref m, newAt, newLength);
        FileEntry source = _descriptors.Folder(fd, Rights.PathLinkSource), target = _descriptors.Folder(newFd, Rights.PathLinkTarget);
        if (Follows(lookup)) return Errno.Invalid; // it cannot be followed and named in one step
        return Done(source.Host.MayChange ? target : source, source.Host.Link(from, target.Host, to), $"{from}/{to}");
    }

    internal Errno PathRename(ref GuestContext m, uint fd, uint oldAt, uint oldLength, uint newFd, uint newAt, uint newLength)
    {
        string from = Path(ref m, oldAt, oldLength), to = Path(ref m, newAt, newLength);
        FileEntry source = _descriptors.Folder(fd, Rights.PathRenameSource), target = _descriptors.Folder(newFd, Rights.PathRenameTarget);
        return Done(source.Host.MayChange ? target : source, source.Host.Rename(from, target.Host, to), $"{from}/{to}");
    }

    internal Errno PathSymlink(ref GuestContext m, uint oldAt, uint oldLength, uint fd, uint newAt, uint newLength)
    {
        string target = Path(ref m, oldAt, oldLength), path = Path(ref m, newAt, newLength);
        FileEntry folder = _descriptors.Folder(fd, Rights.PathSymlink);
        return Done(folder, folder.Host.MakeLink(target, path), path);
    }

    /// <summary>What does not fit into the buffer is left out, as POSIX has it.</summary>
    internal Errno PathReadlink(ref GuestContext m, uint fd, uint at, uint length, uint buffer, uint room, uint result)
    {
        string path = Path(ref m, at, length);
        FileEntry folder = _descriptors.Folder(fd, Rights.PathReadLink);
        FileResult<string> target = folder.Host.ReadLink(path);
        if (!target.IsOk) return Done(folder, target.Error, path);
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(target.Value);
        int count = (int)Math.Min(room, (uint)bytes.Length);
        bytes[..count].CopyTo(m.Block(buffer, (uint)count));
        m.StoreU32(result, (uint)count);
        return Errno.Success;
    }
}
