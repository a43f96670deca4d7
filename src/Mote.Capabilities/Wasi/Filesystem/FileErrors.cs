// Faults of files as wasi:filesystem says them.
using System.Security.Cryptography;
using Mote.Capabilities.Wasi.Clocks;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Files;
using ErrorCode = Mote.Capabilities.Wasi.Filesystem.IFilesystemTypes.ErrorCode;

namespace Mote.Capabilities.Wasi.Filesystem;

/// <summary>A stream's error that came from a file.</summary>
internal sealed class FileIoError(FileError error) : IoError(error.ToString())
{
    public ErrorCode Code { get; } = FileValues.Code(error);
}

/// <summary>From what Mote.Files says to what the interface says, and back.</summary>
internal static class FileValues
{
    private static readonly byte[] s_secret = RandomNumberGenerator.GetBytes(16);

    /// <summary>The interface has no code for too many open files: as with its handles, there is no room for one more.</summary>
    public static ErrorCode Code(FileError error) => error == FileError.TooManyOpen ? ErrorCode.InsufficientMemory : (ErrorCode)(error - 1);

    public static Result<Unit, ErrorCode> Done(FileError error) => error == FileError.None ? default(Unit) : Code(error);

    public static IFilesystemTypes.DescriptorType Type(FileKind kind) => (IFilesystemTypes.DescriptorType)kind;

    public static Result<IFilesystemTypes.DescriptorStat, ErrorCode> Stat(FileResult<FileStatus> status)
    {
        if (!status.IsOk) return Code(status.Error);
        FileStatus s = status.Value;
        return new IFilesystemTypes.DescriptorStat(Type(s.Kind), s.Links, s.Size, Time(s.Accessed), Time(s.Modified), Time(s.Changed));
    }

    /// <summary>A datetime has no moment before 1970.</summary>
    private static IWallClock.Datetime? Time(FileTime t) => t.Seconds < 0 ? null : new IWallClock.Datetime((ulong)t.Seconds, t.Nanoseconds);

    public static NewFileTime Time(IFilesystemTypes.NewTimestamp t) => t switch
    {
        IFilesystemTypes.NewTimestamp.Now => new(NewFileTimeKind.Now),
        IFilesystemTypes.NewTimestamp.Timestamp { Value: var v } => new(NewFileTimeKind.Given, new FileTime((long)Math.Min(v.Seconds, long.MaxValue), v.Nanoseconds)),
        _ => new(NewFileTimeKind.Keep),
    };

    /// <summary>
    /// A number that two names of the same file share and that tells nothing of the host. It is of the file's identity
    /// alone: programs behind preview-1's adapter see it as the inode, which does not change when a file is written.
    /// </summary>
    public static Result<IFilesystemTypes.MetadataHashValue, ErrorCode> Hash(FileResult<FileStatus> status)
    {
        if (!status.IsOk) return Code(status.Error);
        Span<byte> input = stackalloc byte[32], hash = stackalloc byte[32];
        s_secret.CopyTo(input);
        BitConverter.TryWriteBytes(input[16..], status.Value.Device);
        BitConverter.TryWriteBytes(input[24..], status.Value.Inode);
        SHA256.HashData(input, hash);
        return new IFilesystemTypes.MetadataHashValue(BitConverter.ToUInt64(hash), BitConverter.ToUInt64(hash[8..]));
    }

    /// <summary>POSIX's number of an advice; preview-1 has the same order as the interface.</summary>
    public static int Advice(uint advice) => advice switch { 1 => 2, 2 => 1, _ => (int)advice };
}
