// Folders in preview 1: those that the program begins with, and what is in them.
using System.Text;
using Mote.Components.Abi;
using Mote.Files;

namespace Mote.Capabilities.Wasi.Preview1;

public sealed partial class Preview1Guest
{
    private const uint EntryHead = 24;

    internal Errno FdPrestatGet(ref GuestContext m, uint fd, uint result)
    {
        if (_descriptors.Get(fd) is not FileEntry { Preopen: { } name }) return Errno.BadFile;
        m.StoreU32(result, 0); // a folder: there is no other kind
        m.StoreU32(result + 4, (uint)Encoding.UTF8.GetByteCount(name));
        return Errno.Success;
    }

    internal Errno FdPrestatDirName(ref GuestContext m, uint fd, uint buffer, uint room)
    {
        if (_descriptors.Get(fd) is not FileEntry { Preopen: { } name }) return Errno.BadFile;
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length > room) return Errno.NameTooLong;
        bytes.CopyTo(m.Block(buffer, (uint)bytes.Length));
        return Errno.Success;
    }

    /// <summary>
    /// Fills a buffer with entries from a cookie on: the number that the entry before it had as its next. The last entry
    /// is cut where the buffer ends; a buffer that is not full says that there are no more.
    /// </summary>
    internal Errno FdReaddir(ref GuestContext m, uint fd, uint buffer, uint room, ulong cookie, uint result)
    {
        FileEntry folder = _descriptors.Folder(fd, Rights.FdReadDir);
        m.Block(buffer, room);
        FileResult<FolderReader> opened = folder.Reader(_files.Entries);
        if (!opened.IsOk) return Errnos.Of(opened.Error);
        FolderReader reader = opened.Value;
        // From the start it is read anew: entries that were made since are to be seen.
        if (cookie > long.MaxValue) return Errno.Invalid;
        if ((cookie == 0 || reader.Position != (long)cookie) && reader.Seek((long)cookie) is not FileError.None and var e) return Errnos.Of(e);
        uint used = 0;
        while (used < room)
        {
            FileResult<FolderEntry?> read = reader.Read();
            if (read.Error == FileError.IllegalByteSequence) continue; // a name that no guest could say
            if (!read.IsOk) return Errnos.Of(read.Error);
            if (read.Value is not { } entry) break;
            used += Put(m.Block(buffer + used, room - used), entry);
            _vm.CheckDeadline();
        }

        m.StoreU32(result, used);
        return Errno.Success;
    }

    private static uint Put(Span<byte> room, FolderEntry entry)
    {
        byte[] name = Encoding.UTF8.GetBytes(entry.Name);
        var whole = new byte[EntryHead + name.Length];
        BitConverter.TryWriteBytes(whole, entry.Next);
        BitConverter.TryWriteBytes(whole.AsSpan(8), entry.Inode);
        BitConverter.TryWriteBytes(whole.AsSpan(16), name.Length);
        whole[20] = FileTypes.Of(entry.Kind);
        name.CopyTo(whole, EntryHead);
        int count = Math.Min(room.Length, whole.Length);
        whole.AsSpan(0, count).CopyTo(room);
        return (uint)count;
    }
}
