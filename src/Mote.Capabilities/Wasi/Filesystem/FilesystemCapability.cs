// wasi:filesystem: the folders that were granted, and what is below them. Without a grant there are no preopened folders,
// so a guest can never come by a descriptor.
using Mote.Capabilities.Wasi.Io;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Filesystem;

/// <summary>Hosts wasi:filesystem.</summary>
public sealed class FilesystemCapability : Capability<FilesystemGuest>
{
    private readonly FileBudget _budget = new();

    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IFilesystemTypes.Define(linker, Guest);
        IPreopens.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override FilesystemGuest Prepare(MicroVm vm) => new(new GuestFiles(vm, _budget));
}

/// <summary>wasi:filesystem for one instance.</summary>
public sealed class FilesystemGuest(GuestFiles files) : IFilesystemTypes, IPreopens, IDisposable
{
    /// <summary>The instance's files, which preview-1 shares.</summary>
    internal GuestFiles Files => files;

    /// <inheritdoc/>
    public (IFilesystemTypes.IDescriptor, string)[] GetDirectories() =>
        [.. files.Preopens.Select(p => ((IFilesystemTypes.IDescriptor)new FileDescriptor(files, p.Folder.Share(), p.Grant, default), p.Grant.Guest))];

    /// <inheritdoc/>
    public IFilesystemTypes.ErrorCode? FilesystemErrorCode(IIoErrors.IError err) => (err as FileIoError)?.Code;

    /// <inheritdoc/>
    public void Dispose() => files.Dispose();
}
