// What a preview-1 descriptor can stand for: a standard stream, a file or a folder.
using Mote.Capabilities.Wasi.Io;
using Mote.Files;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Preview1;

/// <summary>What all descriptors have.</summary>
internal abstract class Entry(Rights rights, Rights inheriting) : IDisposable
{
    public Rights Rights { get; set; } = rights;

    public Rights Inheriting { get; set; } = inheriting;

    public FdFlags Flags { get; set; }

    public abstract byte FileType { get; }

    public virtual void Dispose()
    {
    }
}

/// <summary>A standard stream.</summary>
internal sealed class StreamEntry(InputStream? input, OutputStream? output, bool isTerminal)
    : Entry((input is null ? Rights.FdWrite : Rights.FdRead) | Rights.FdStatusGet | Rights.FdSetFlags | Rights.FdSync | Rights.FdDataSync | Rights.FdAdvise | Rights.Poll, Rights.None)
{
    public InputStream? Input => input;

    public OutputStream? Output => output;

    public override byte FileType => isTerminal ? FileTypes.CharacterDevice : FileTypes.Unknown;
}

/// <summary>A file or a folder.</summary>
/// <param name="host">It, owned.</param>
/// <param name="grant">What it is below.</param>
/// <param name="rights">What may be done with it.</param>
/// <param name="inheriting">What may be done with what is opened through it.</param>
/// <param name="preopen">The name under which the guest begins with it; null for others.</param>
internal sealed class FileEntry(HostFile host, FolderGrant grant, Rights rights, Rights inheriting, string? preopen = null) : Entry(rights, inheriting)
{
    private FolderReader? _reader;

    public HostFile Host => host;

    public FolderGrant Grant => grant;

    public string? Preopen => preopen;

    public bool IsFolder => host.Kind == FileKind.Folder;

    /// <summary>Where the next read or write begins.</summary>
    public ulong Position { get; set; }

    public override byte FileType => FileTypes.Of(host.Kind);

    /// <summary>Reads its entries; the reader lives as long as the descriptor.</summary>
    public FileResult<FolderReader> Reader(Func<HostFile, FileResult<FolderReader>> open)
    {
        if (_reader is not null) return _reader;
        FileResult<FolderReader> opened = open(host);
        _reader = opened.Value;
        return opened;
    }

    public override void Dispose()
    {
        _reader?.Dispose();
        host.Dispose();
    }
}

internal static class FileTypes
{
    public const byte Unknown = 0, BlockDevice = 1, CharacterDevice = 2, Directory = 3, RegularFile = 4, SocketStream = 6, SymbolicLink = 7;

    public static byte Of(FileKind kind) => kind switch
    {
        FileKind.BlockDevice => BlockDevice,
        FileKind.CharacterDevice => CharacterDevice,
        FileKind.Folder => Directory,
        FileKind.File => RegularFile,
        FileKind.Link => SymbolicLink,
        FileKind.Socket => SocketStream,
        _ => Unknown,
    };
}
