// Descriptors in preview 1: what they are, where they are, and what is known about them.
using Mote.Capabilities.Wasi.Filesystem;
using Mote.Components.Abi;
using Mote.Files;

namespace Mote.Capabilities.Wasi.Preview1;

public sealed partial class Preview1Guest
{
    private const int FilestatSize = 64;

    /// <summary>What has a meaning for other descriptors than this one.</summary>
    internal Errno OnStream(uint fd, Errno answer)
    {
        _descriptors.Get(fd);
        return answer;
    }

    internal Errno FdClose(uint fd)
    {
        _descriptors.Close(fd);
        return Errno.Success;
    }

    internal Errno FdRenumber(uint from, uint to)
    {
        _descriptors.Renumber(from, to);
        return Errno.Success;
    }

    internal Errno FdSync(uint fd, bool dataOnly)
    {
        if (_descriptors.Get(fd) is StreamEntry stream)
        {
            if (stream.Output is not { } output) return Errno.Invalid;
            return output.BlockingFlush().IsOk ? Errno.Success : Errno.Io;
        }

        return Errnos.Of(_files.Sync(_descriptors.File(fd, Rights.None, Errno.BadFile).Host, dataOnly));
    }

    internal Errno FdFdstatGet(ref GuestContext m, uint fd, uint result)
    {
        Entry entry = _descriptors.Get(fd);
        m.Block(result, 24).Clear();
        m.StoreU8(result, entry.FileType);
        m.StoreU16(result + 2, (ushort)entry.Flags);
        m.StoreU64(result + 8, (ulong)entry.Rights);
        m.StoreU64(result + 16, (ulong)entry.Inheriting);
        return Errno.Success;
    }

    internal Errno FdFdstatSetFlags(uint fd, uint flags)
    {
        if ((flags & ~(uint)FdFlags.All) != 0) return Errno.Invalid;
        FileEntry file = _descriptors.File(fd, Rights.FdSetFlags, Errno.NotSupported);
        file.Flags = (FdFlags)flags;
        return Errno.Success;
    }

    /// <summary>Rights can be given up, never taken.</summary>
    internal Errno FdFdstatSetRights(uint fd, ulong rights, ulong inheriting)
    {
        Entry entry = _descriptors.Get(fd);
        if (((Rights)rights & ~entry.Rights) != 0 || ((Rights)inheriting & ~entry.Inheriting) != 0) return Errno.NotCapable;
        (entry.Rights, entry.Inheriting) = ((Rights)rights, (Rights)inheriting);
        return Errno.Success;
    }

    internal Errno FdFilestatGet(ref GuestContext m, uint fd, uint result)
    {
        if (_descriptors.Get(fd) is StreamEntry stream)
        {
            m.Block(result, FilestatSize).Clear();
            m.StoreU8(result + 16, stream.FileType);
            return Errno.Success;
        }

        return Filestat(ref m, result, _descriptors.File(fd, Rights.FdStatusGet, Errno.BadFile).Host.Status());
    }

    private static Errno Filestat(ref GuestContext m, uint result, FileResult<FileStatus> status)
    {
        if (!status.IsOk) return Errnos.Of(status.Error);
        FileStatus s = status.Value;
        m.Block(result, FilestatSize).Clear();
        m.StoreU64(result, s.Device);
        m.StoreU64(result + 8, s.Inode);
        m.StoreU8(result + 16, FileTypes.Of(s.Kind));
        m.StoreU64(result + 24, s.Links);
        m.StoreU64(result + 32, s.Size);
        m.StoreU64(result + 40, Nanoseconds(s.Accessed));
        m.StoreU64(result + 48, Nanoseconds(s.Modified));
        m.StoreU64(result + 56, Nanoseconds(s.Changed));
        return Errno.Success;
    }

    /// <summary>No moment before 1970 can be said, and none after 2554.</summary>
    private static ulong Nanoseconds(FileTime t) => t.Seconds < 0 ? 0 : (ulong)UInt128.Min(((UInt128)(ulong)t.Seconds * 1_000_000_000) + t.Nanoseconds, ulong.MaxValue);

    internal Errno FdFilestatSetSize(uint fd, ulong size)
    {
        FileEntry file = _descriptors.Content(fd, Rights.FdSetSize, Errno.Invalid);
        return Errnos.Of(_files.Note(file.Host.SetSize(size), file.Grant));
    }

    internal Errno FdFilestatSetTimes(uint fd, ulong accessed, ulong modified, uint flags)
    {
        FileEntry file = _descriptors.File(fd, Rights.FdSetTimes, Errno.NotSupported);
        return Errnos.Of(_files.Note(file.Host.SetTimes(Time(accessed, flags), Time(modified, flags >> 2)), file.Grant));
    }

    /// <summary>fstflags: for each of the two times a bit for a given one and a bit for now.</summary>
    private static NewFileTime Time(ulong nanoseconds, uint flags) => (flags & 3) switch
    {
        0 => new(NewFileTimeKind.Keep),
        1 => new(NewFileTimeKind.Given, new FileTime((long)(nanoseconds / 1_000_000_000), (uint)(nanoseconds % 1_000_000_000))),
        2 => new(NewFileTimeKind.Now),
        _ => throw new Preview1Exception(Errno.Invalid),
    };

    internal Errno FdAdvise(uint fd, ulong offset, ulong length, uint advice)
    {
        if (advice > 5) return Errno.Invalid;
        FileEntry file = _descriptors.File(fd, Rights.FdAdvise, Errno.IllegalSeek);
        return Errnos.Of(file.Host.Advise(offset, length, FileValues.Advice(advice)));
    }

    internal Errno FdAllocate(uint fd, ulong offset, ulong length)
    {
        FileEntry file = _descriptors.Content(fd, Rights.FdAllocate, Errno.IllegalSeek);
        return Errnos.Of(_files.Note(file.Host.Allocate(offset, length), file.Grant));
    }

    internal Errno FdSeek(ref GuestContext m, uint fd, long offset, uint whence, uint result)
    {
        // To ask where one is takes less than to go elsewhere.
        FileEntry file = _descriptors.Content(fd, whence == 1 && offset == 0 ? Rights.FdTell : Rights.FdSeek, Errno.IllegalSeek);
        Int128 from = 0;
        switch (whence)
        {
            case 0:
                break;
            case 1:
                from = file.Position;
                break;
            case 2:
                FileResult<FileStatus> status = file.Host.Status();
                if (!status.IsOk) return Errnos.Of(status.Error);
                from = status.Value.Size;
                break;
            default:
                return Errno.Invalid;
        }

        Int128 to = from + offset;
        if (to < 0 || to > long.MaxValue) return Errno.Invalid;
        m.StoreU64(result, (ulong)to);
        file.Position = (ulong)to;
        return Errno.Success;
    }

    internal Errno FdTell(ref GuestContext m, uint fd, uint result)
    {
        m.StoreU64(result, _descriptors.Content(fd, Rights.FdTell, Errno.IllegalSeek).Position);
        return Errno.Success;
    }
}
