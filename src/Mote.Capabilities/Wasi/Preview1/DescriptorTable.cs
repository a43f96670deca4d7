// The descriptors of one preview-1 program: small numbers, the lowest free one first, as programs expect of POSIX.
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Filesystem;
using Mote.Files;

namespace Mote.Capabilities.Wasi.Preview1;

/// <summary>A bounded table: 0 to 2 are the standard streams, then come the granted folders.</summary>
internal sealed class DescriptorTable
{
    private const int Max = FileBudget.PerInstance + 128;
    private readonly List<Entry?> _entries;

    public DescriptorTable(StandardStreams streams, GuestFiles files)
    {
        _entries = [new StreamEntry(streams.Input, null, streams.InputIsTerminal), new StreamEntry(null, streams.Output, streams.OutputIsTerminal), new StreamEntry(null, streams.Error, streams.ErrorIsTerminal)];
        foreach (Preopen p in files.Preopens) _entries.Add(new FileEntry(p.Folder.Share(), p.Grant, Rights.Folder, Rights.Folder | Rights.File, p.Grant.Guest));
    }

    /// <exception cref="Preview1Exception">There is none.</exception>
    public Entry Get(uint fd) => fd < _entries.Count && _entries[(int)fd] is { } e ? e : throw new Preview1Exception(Errno.BadFile);

    /// <summary>A file or a folder that has a right.</summary>
    /// <exception cref="Preview1Exception">It is something else, or has it no longer.</exception>
    public FileEntry File(uint fd, Rights right, Errno otherwise)
    {
        if (Get(fd) is not FileEntry file) throw new Preview1Exception(otherwise);
        return (file.Rights & right) == right ? file : throw new Preview1Exception(Errno.NotCapable);
    }

    /// <summary>A file's content. A folder has none.</summary>
    /// <exception cref="Preview1Exception">It is something else, or may not.</exception>
    public FileEntry Content(uint fd, Rights right, Errno otherwise)
    {
        if (Get(fd) is FileEntry { IsFolder: true }) throw new Preview1Exception(Errno.IsDirectory);
        return File(fd, right, otherwise);
    }

    /// <summary>A folder that has a right.</summary>
    /// <exception cref="Preview1Exception">It is something else, or has it no longer.</exception>
    public FileEntry Folder(uint fd, Rights right)
    {
        FileEntry folder = File(fd, Rights.None, Errno.NotDirectory);
        if (!folder.IsFolder) throw new Preview1Exception(Errno.NotDirectory);
        return (folder.Rights & right) == right ? folder : throw new Preview1Exception(Errno.NotCapable);
    }

    public uint Add(Entry entry)
    {
        int free = _entries.IndexOf(null);
        if (free >= 0)
        {
            _entries[free] = entry;
            return (uint)free;
        }

        if (_entries.Count >= Max)
        {
            entry.Dispose();
            throw new Preview1Exception(Errno.TooManyOpen);
        }

        _entries.Add(entry);
        return (uint)_entries.Count - 1;
    }

    public void Close(uint fd)
    {
        Get(fd).Dispose();
        _entries[(int)fd] = null;
    }

    public void Renumber(uint from, uint to)
    {
        Entry moved = Get(from), replaced = Get(to);
        if (from == to) return;
        replaced.Dispose();
        _entries[(int)to] = moved;
        _entries[(int)from] = null;
    }
}
