// A descriptor of wasi:filesystem: a file or a folder below a preopened one.
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Files;
using Mote.Runtime;
using DescriptorFlags = Mote.Capabilities.Wasi.Filesystem.IFilesystemTypes.DescriptorFlags;
using ErrorCode = Mote.Capabilities.Wasi.Filesystem.IFilesystemTypes.ErrorCode;
using OpenFlags = Mote.Capabilities.Wasi.Filesystem.IFilesystemTypes.OpenFlags;
using PathFlags = Mote.Capabilities.Wasi.Filesystem.IFilesystemTypes.PathFlags;

namespace Mote.Capabilities.Wasi.Filesystem;

/// <summary>A file or a folder, open.</summary>
internal sealed class FileDescriptor(GuestFiles files, HostFile host, FolderGrant grant, DescriptorFlags syncs) : IFilesystemTypes.IDescriptor, IDisposable
{
    private const DescriptorFlags AllSyncs = DescriptorFlags.FileIntegritySync | DescriptorFlags.DataIntegritySync | DescriptorFlags.RequestedWriteSync;

    public void Dispose() => host.Dispose();

    /// <summary>Whether each write waits for the disk: with the file's data only (true), with all of it (false), or not.</summary>
    private bool? SyncsData => (syncs & DescriptorFlags.FileIntegritySync) != 0 ? false : (syncs & DescriptorFlags.DataIntegritySync) != 0 ? true : null;

    private Result<Unit, ErrorCode> Done(FileError error, string path = "") => FileValues.Done(files.Note(error, grant, path));

    // ---- content ----

    public Result<IStreams.IInputStream, ErrorCode> ReadViaStream(ulong offset)
    {
        if (Content(host.CanRead) is { } e) return Result<IStreams.IInputStream, ErrorCode>.Err(e);
        return Result<IStreams.IInputStream, ErrorCode>.Ok(new FileInput(files, host.Share(), offset));
    }

    public Result<IStreams.IOutputStream, ErrorCode> WriteViaStream(ulong offset) => Output(offset);

    public Result<IStreams.IOutputStream, ErrorCode> AppendViaStream() => Output(null);

    private Result<IStreams.IOutputStream, ErrorCode> Output(ulong? offset)
    {
        if (Content(host.CanWrite) is { } e) return Result<IStreams.IOutputStream, ErrorCode>.Err(e);
        return Result<IStreams.IOutputStream, ErrorCode>.Ok(new FileOutput(files, host.Share(), offset, SyncsData));
    }

    private ErrorCode? Content(bool may) => host.Kind != FileKind.File ? ErrorCode.IsDirectory : may ? null : ErrorCode.BadDescriptor;

    public Result<(ReadOnlyMemory<byte>, bool), ErrorCode> Read(ulong length, ulong offset)
    {
        Memory<byte> buffer = files.Buffer((int)Math.Min(length, InputStream.MaxRead));
        FileResult<int> read = host.Read(buffer.Span, offset);
        if (!read.IsOk) return FileValues.Code(read.Error);
        return ((ReadOnlyMemory<byte>)buffer[..read.Value], read.Value == 0 && length > 0);
    }

    public Result<ulong, ErrorCode> Write(ReadOnlySpan<byte> buffer, ulong offset)
    {
        ulong done = 0;
        do
        {
            int take = Math.Min(buffer.Length, GuestFiles.MaxTransfer);
            FileResult<int> written = host.Write(buffer[..take], offset + done);
            if (!written.IsOk)
            {
                if (done == 0) return FileValues.Code(files.Note(written.Error, grant));
                break;
            }

            done += (uint)written.Value;
            buffer = buffer[written.Value..];
            files.Vm.CheckDeadline();
        }
        while (buffer.Length > 0);
        if (SyncsData is { } dataOnly && files.Sync(host, dataOnly) is not FileError.None and var e) return FileValues.Code(e);
        return done;
    }

    public Result<Unit, ErrorCode> SetSize(ulong size) => Done(host.SetSize(size));

    public Result<Unit, ErrorCode> Advise(ulong offset, ulong length, IFilesystemTypes.Advice advice) => Done(host.Advise(offset, length, FileValues.Advice((uint)advice)));

    public Result<Unit, ErrorCode> SyncData() => Done(files.Sync(host, dataOnly: true));

    public Result<Unit, ErrorCode> Sync() => Done(files.Sync(host, dataOnly: false));

    // ---- what is known about it ----

    public Result<DescriptorFlags, ErrorCode> GetFlags() => syncs
        | (host.CanRead || host.Kind == FileKind.Folder ? DescriptorFlags.Read : 0)
        | (host.CanWrite ? DescriptorFlags.Write : 0)
        | (host.Kind == FileKind.Folder && host.MayChange ? DescriptorFlags.MutateDirectory : 0);

    public new Result<IFilesystemTypes.DescriptorType, ErrorCode> GetType() => FileValues.Type(host.Kind);

    public Result<IFilesystemTypes.DescriptorStat, ErrorCode> Stat() => FileValues.Stat(host.Status());

    public Result<Unit, ErrorCode> SetTimes(IFilesystemTypes.NewTimestamp dataAccessTimestamp, IFilesystemTypes.NewTimestamp dataModificationTimestamp) =>
        Done(host.SetTimes(FileValues.Time(dataAccessTimestamp), FileValues.Time(dataModificationTimestamp)));

    public Result<IFilesystemTypes.MetadataHashValue, ErrorCode> MetadataHash() => FileValues.Hash(host.Status());

    public bool IsSameObject(IFilesystemTypes.IDescriptor other)
    {
        FileResult<FileStatus> a = host.Status(), b = ((FileDescriptor)other).Host.Status();
        return a.IsOk && b.IsOk && (a.Value.Device, a.Value.Inode) == (b.Value.Device, b.Value.Inode);
    }

    private HostFile Host => host;

    // ---- what is below a folder ----

    public Result<IFilesystemTypes.IDescriptor, ErrorCode> OpenAt(PathFlags pathFlags, string path, OpenFlags openFlags, DescriptorFlags flags)
    {
        OpenModes modes = If((flags & DescriptorFlags.Read) != 0, OpenModes.Read) | If((flags & DescriptorFlags.Write) != 0, OpenModes.Write)
            | If((openFlags & OpenFlags.Create) != 0, OpenModes.Create) | If((openFlags & OpenFlags.Exclusive) != 0, OpenModes.Exclusive)
            | If((openFlags & OpenFlags.Truncate) != 0, OpenModes.Truncate) | If((openFlags & OpenFlags.Directory) != 0, OpenModes.Folder)
            | If(Follows(pathFlags), OpenModes.Follow);
        FileResult<HostFile> opened = files.Open(host, grant, path, modes);
        if (!opened.IsOk) return Result<IFilesystemTypes.IDescriptor, ErrorCode>.Err(FileValues.Code(opened.Error));
        return Result<IFilesystemTypes.IDescriptor, ErrorCode>.Ok(new FileDescriptor(files, opened.Value, grant, flags & AllSyncs));

        static OpenModes If(bool wanted, OpenModes mode) => wanted ? mode : OpenModes.None;
    }

    public Result<IFilesystemTypes.IDirectoryEntryStream, ErrorCode> ReadDirectory()
    {
        FileResult<FolderReader> reader = files.Entries(host);
        if (!reader.IsOk) return Result<IFilesystemTypes.IDirectoryEntryStream, ErrorCode>.Err(FileValues.Code(reader.Error));
        return Result<IFilesystemTypes.IDirectoryEntryStream, ErrorCode>.Ok(new EntryStream(reader.Value));
    }

    public Result<IFilesystemTypes.DescriptorStat, ErrorCode> StatAt(PathFlags pathFlags, string path) => FileValues.Stat(StatusAt(pathFlags, path));

    public Result<IFilesystemTypes.MetadataHashValue, ErrorCode> MetadataHashAt(PathFlags pathFlags, string path) => FileValues.Hash(StatusAt(pathFlags, path));

    private FileResult<FileStatus> StatusAt(PathFlags pathFlags, string path)
    {
        FileResult<FileStatus> status = host.Status(path, Follows(pathFlags));
        files.Note(status.Error, grant, path);
        return status;
    }

    public Result<Unit, ErrorCode> SetTimesAt(PathFlags pathFlags, string path, IFilesystemTypes.NewTimestamp dataAccessTimestamp, IFilesystemTypes.NewTimestamp dataModificationTimestamp) =>
        Done(host.SetTimes(path, Follows(pathFlags), FileValues.Time(dataAccessTimestamp), FileValues.Time(dataModificationTimestamp)), path);

    public Result<Unit, ErrorCode> CreateDirectoryAt(string path) => Done(host.MakeFolder(path), path);

    public Result<Unit, ErrorCode> RemoveDirectoryAt(string path) => Done(host.RemoveFolder(path), path);

    public Result<Unit, ErrorCode> UnlinkFileAt(string path) => Done(host.Unlink(path), path);

    public Result<Unit, ErrorCode> SymlinkAt(string oldPath, string newPath) => Done(host.MakeLink(oldPath, newPath), newPath);

    public Result<string, ErrorCode> ReadlinkAt(string path)
    {
        FileResult<string> target = host.ReadLink(path);
        files.Note(target.Error, grant, path);
        return target.IsOk ? Result<string, ErrorCode>.Ok(target.Value) : FileValues.Code(target.Error);
    }

    /// <summary>A link cannot be followed and named in one step, so following is refused (as other hosts do).</summary>
    public Result<Unit, ErrorCode> LinkAt(PathFlags oldPathFlags, string oldPath, IFilesystemTypes.IDescriptor newDescriptor, string newPath)
    {
        if (Follows(oldPathFlags)) return ErrorCode.Invalid;
        var to = (FileDescriptor)newDescriptor;
        return Both(to, host.Link(oldPath, to.Host, newPath), oldPath, newPath);
    }

    public Result<Unit, ErrorCode> RenameAt(string oldPath, IFilesystemTypes.IDescriptor newDescriptor, string newPath)
    {
        var to = (FileDescriptor)newDescriptor;
        return Both(to, host.Rename(oldPath, to.Host, newPath), oldPath, newPath);
    }

    private Result<Unit, ErrorCode> Both(FileDescriptor to, FileError error, string oldPath, string newPath)
    {
        files.Note(error, host.MayChange ? to.Grant : grant, $"{oldPath}/{newPath}");
        return FileValues.Done(error);
    }

    private FolderGrant Grant => grant;

    private static bool Follows(PathFlags flags) => (flags & PathFlags.SymlinkFollow) != 0;
}

/// <summary>The entries of a folder, . and .. left out.</summary>
internal sealed class EntryStream(FolderReader reader) : IFilesystemTypes.IDirectoryEntryStream, IDisposable
{
    public Result<IFilesystemTypes.DirectoryEntry?, ErrorCode> ReadDirectoryEntry()
    {
        while (true)
        {
            FileResult<FolderEntry?> read = reader.Read();
            if (!read.IsOk) return FileValues.Code(read.Error);
            if (read.Value is not { } entry) return Result<IFilesystemTypes.DirectoryEntry?, ErrorCode>.Ok(null);
            if (entry.Name is not ("." or "..")) return new IFilesystemTypes.DirectoryEntry(FileValues.Type(entry.Kind), entry.Name);
        }
    }

    public void Dispose() => reader.Dispose();
}
