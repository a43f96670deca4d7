// Linux's error numbers, which are the same on x86-64 and arm64.
using System.Runtime.InteropServices;

namespace Mote.Files.Native;

internal static class Errno
{
    public const int NoEntry = 2, Interrupted = 4, Again = 11, Exists = 17, CrossDevice = 18, NotDirectory = 20, Invalid = 22, Loop = 40, NoSystemCall = 38, NotPermitted = 1;

    /// <summary>Of the call just made.</summary>
    public static int Last => Marshal.GetLastPInvokeError();

    /// <summary>The fault of the call just made.</summary>
    public static FileError LastError => Error(Last);

    public static FileError Error(int errno) => errno switch
    {
        0 => FileError.None,
        1 => FileError.NotPermitted,
        2 => FileError.NoEntry,
        4 => FileError.Interrupted,
        5 => FileError.Io,
        6 => FileError.NoSuchDevice,
        9 => FileError.BadDescriptor,
        11 => FileError.WouldBlock,
        12 => FileError.InsufficientMemory,
        13 => FileError.Access,
        16 => FileError.Busy,
        17 => FileError.Exist,
        18 => FileError.CrossDevice,
        19 => FileError.NoDevice,
        20 => FileError.NotDirectory,
        21 => FileError.IsDirectory,
        22 => FileError.Invalid,
        23 or 24 => FileError.TooManyOpen,
        25 => FileError.NoTty,
        26 => FileError.TextFileBusy,
        27 => FileError.FileTooLarge,
        28 => FileError.InsufficientSpace,
        29 => FileError.InvalidSeek,
        30 => FileError.ReadOnly,
        31 => FileError.TooManyLinks,
        32 => FileError.Pipe,
        35 => FileError.Deadlock,
        36 => FileError.NameTooLong,
        37 => FileError.NoLock,
        38 or 95 => FileError.Unsupported,
        39 => FileError.NotEmpty,
        40 => FileError.Loop,
        75 => FileError.Overflow,
        84 => FileError.IllegalByteSequence,
        90 => FileError.MessageSize,
        114 => FileError.Already,
        115 => FileError.InProgress,
        122 => FileError.Quota,
        131 => FileError.NotRecoverable,
        _ => FileError.Io,
    };
}
