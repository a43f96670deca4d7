// Why something with a file did not work: names and order are those of wasi:filesystem's error-code, which are POSIX's.
namespace Mote.Files;

/// <summary>A fault, or none. The order is that of wasi:filesystem/types.error-code, one later.</summary>
public enum FileError : byte
{
    /// <summary>It worked.</summary>
    None,

    /// <summary>EACCES.</summary>
    Access,

    /// <summary>EAGAIN.</summary>
    WouldBlock,

    /// <summary>EALREADY.</summary>
    Already,

    /// <summary>EBADF.</summary>
    BadDescriptor,

    /// <summary>EBUSY.</summary>
    Busy,

    /// <summary>EDEADLK.</summary>
    Deadlock,

    /// <summary>EDQUOT.</summary>
    Quota,

    /// <summary>EEXIST.</summary>
    Exist,

    /// <summary>EFBIG.</summary>
    FileTooLarge,

    /// <summary>EILSEQ.</summary>
    IllegalByteSequence,

    /// <summary>EINPROGRESS.</summary>
    InProgress,

    /// <summary>EINTR.</summary>
    Interrupted,

    /// <summary>EINVAL.</summary>
    Invalid,

    /// <summary>EIO, and what has no name here.</summary>
    Io,

    /// <summary>EISDIR.</summary>
    IsDirectory,

    /// <summary>ELOOP.</summary>
    Loop,

    /// <summary>EMLINK.</summary>
    TooManyLinks,

    /// <summary>EMSGSIZE.</summary>
    MessageSize,

    /// <summary>ENAMETOOLONG.</summary>
    NameTooLong,

    /// <summary>ENODEV.</summary>
    NoDevice,

    /// <summary>ENOENT.</summary>
    NoEntry,

    /// <summary>ENOLCK.</summary>
    NoLock,

    /// <summary>ENOMEM.</summary>
    InsufficientMemory,

    /// <summary>ENOSPC.</summary>
    InsufficientSpace,

    /// <summary>ENOTDIR.</summary>
    NotDirectory,

    /// <summary>ENOTEMPTY.</summary>
    NotEmpty,

    /// <summary>ENOTRECOVERABLE.</summary>
    NotRecoverable,

    /// <summary>ENOTSUP, ENOSYS.</summary>
    Unsupported,

    /// <summary>ENOTTY.</summary>
    NoTty,

    /// <summary>ENXIO.</summary>
    NoSuchDevice,

    /// <summary>EOVERFLOW.</summary>
    Overflow,

    /// <summary>EPERM; also a path that leads out of the folder.</summary>
    NotPermitted,

    /// <summary>EPIPE.</summary>
    Pipe,

    /// <summary>EROFS; also a change in a folder that is granted for reading.</summary>
    ReadOnly,

    /// <summary>ESPIPE.</summary>
    InvalidSeek,

    /// <summary>ETXTBSY.</summary>
    TextFileBusy,

    /// <summary>EXDEV.</summary>
    CrossDevice,

    /// <summary>EMFILE, ENFILE: the process, or the guest, has as many files open as it may. error-code has no name for it.</summary>
    TooManyOpen,
}

/// <summary>A value, or why there is none.</summary>
/// <param name="Value">The value; the default where there is none.</param>
/// <param name="Error">Why there is none.</param>
public readonly record struct FileResult<T>(T Value, FileError Error)
{
    /// <summary>True where there is a value.</summary>
    public bool IsOk => Error == FileError.None;

    /// <summary>A value.</summary>
    public static implicit operator FileResult<T>(T value) => new(value, FileError.None);

    /// <summary>A fault.</summary>
    public static implicit operator FileResult<T>(FileError error) => new(default!, error);
}
