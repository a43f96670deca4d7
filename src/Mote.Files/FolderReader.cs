// The entries of a folder, read as they are asked for.
using System.Buffers.Binary;
using Mote.Files.Native;
using Mote.Files.Resolution;

namespace Mote.Files;

/// <summary>An entry of a folder.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Inode">Its number on the file system; 0 for the folder above.</param>
/// <param name="Next">Where the entry after it begins, for <see cref="FolderReader.Seek"/>.</param>
public readonly record struct FolderEntry(string Name, FileKind Kind, ulong Inode, long Next);

/// <summary>Reads a folder. . and .. are among its entries. However large the folder, a reader holds 32 KiB.</summary>
public sealed class FolderReader : IDisposable
{
    private const int HeadSize = 19; // of struct linux_dirent64, before the name
    private readonly Descriptor _folder;
    private Action? _closed;
    private readonly byte[] _buffer = new byte[32 * 1024];
    private int _at;
    private int _end;
    private long _next;

    internal FolderReader(Descriptor folder, Action? closed)
    {
        _folder = folder;
        _closed = closed;
    }

    /// <summary>Where the next entry begins; 0 is the first.</summary>
    public long Position => _next;

    /// <summary>Goes to the entry that <see cref="FolderEntry.Next"/> named, or to the first (0).</summary>
    public FileError Seek(long position)
    {
        if (position < 0) return FileError.Invalid;
        if (Linux.Seek(_folder, position, 0) < 0) return Errno.LastError;
        _at = _end = 0;
        _next = position;
        return FileError.None;
    }

    /// <summary>The next entry; null at the end. After a fault of one entry (a name that is no text) the next can be read.</summary>
    public FileResult<FolderEntry?> Read()
    {
        if (_at == _end)
        {
            nint count = Linux.Entries(_folder, _buffer, (nuint)_buffer.Length);
            if (count < 0) return Errno.LastError;
            if (count == 0) return new FileResult<FolderEntry?>(null, FileError.None);
            (_at, _end) = (0, (int)count);
        }

        ReadOnlySpan<byte> entry = _buffer.AsSpan(_at, BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(_at + 16)));
        _at += entry.Length;
        _next = BinaryPrimitives.ReadInt64LittleEndian(entry[8..]);
        ReadOnlySpan<byte> bytes = entry[HeadSize..];
        FileResult<string> name = FolderPath.Text(bytes[..bytes.IndexOf((byte)0)]);
        if (!name.IsOk) return name.Error;
        FileKind kind = Status.KindOfEntry(entry[18]);
        // Not every file system says it here.
        if (kind == FileKind.Unknown && Status.Of(_folder, name.Value) is { IsOk: true } status) kind = status.Value.Kind;
        // The folder above may be outside: its number is nobody's business.
        ulong inode = name.Value == ".." ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(entry);
        return (FolderEntry?)new FolderEntry(name.Value, kind, inode, _next);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _folder.Dispose();
        Interlocked.Exchange(ref _closed, null)?.Invoke();
    }
}
