// statx: the status of a file in a layout that is the same on every processor.
using System.Buffers.Binary;

namespace Mote.Files.Native;

internal static class Status
{
    private const uint BasicStats = 0x7ff;
    private const int Size = 256;

    /// <summary>Of an open descriptor (a path-only one, too).</summary>
    public static FileResult<FileStatus> Of(Descriptor fd) => At(fd, "", Linux.AtEmptyPath);

    /// <summary>Of a single name in a folder; a link there is not followed.</summary>
    public static FileResult<FileStatus> Of(Descriptor folder, string name) => At(folder, name, Linux.AtSymlinkNoFollow);

    private static FileResult<FileStatus> At(Descriptor fd, string name, int flags)
    {
        Span<byte> b = stackalloc byte[Size];
        if (Linux.Statx(fd, name, flags | Linux.AtNoAutomount, BasicStats, b) != 0) return Errno.LastError;
        return new FileStatus(
            Kind(BinaryPrimitives.ReadUInt16LittleEndian(b[28..])),
            ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(b[136..]) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(b[140..]),
            BinaryPrimitives.ReadUInt64LittleEndian(b[32..]),
            BinaryPrimitives.ReadUInt32LittleEndian(b[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(b[40..]),
            Time(b[64..]),
            Time(b[112..]),
            Time(b[96..]));
    }

    private static FileTime Time(ReadOnlySpan<byte> b) => new(BinaryPrimitives.ReadInt64LittleEndian(b), BinaryPrimitives.ReadUInt32LittleEndian(b[8..]));

    private static FileKind Kind(ushort mode) => (mode & 0xf000) switch
    {
        0x1000 => FileKind.Fifo,
        0x2000 => FileKind.CharacterDevice,
        0x4000 => FileKind.Folder,
        0x6000 => FileKind.BlockDevice,
        0x8000 => FileKind.File,
        0xa000 => FileKind.Link,
        0xc000 => FileKind.Socket,
        _ => FileKind.Unknown,
    };

    /// <summary>Of a directory entry's type (DT_…).</summary>
    public static FileKind KindOfEntry(byte type) => type == 0 ? FileKind.Unknown : Kind((ushort)(type << 12));
}
