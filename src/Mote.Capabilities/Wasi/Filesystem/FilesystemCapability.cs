// wasi:filesystem without any grant: there are no preopened folders, so a guest can never come by a descriptor.
using Mote.Capabilities.Wasi.Clocks;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Filesystem;

/// <summary>wasi:filesystem/types.</summary>
[WitHost("wasi:filesystem/types@0.2.12")]
public partial interface IFilesystemTypes;

/// <summary>wasi:filesystem/preopens.</summary>
[WitHost("wasi:filesystem/preopens@0.2.12")]
public partial interface IPreopens;

/// <summary>Hosts wasi:filesystem.</summary>
public sealed class FilesystemCapability : Capability<FilesystemGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IFilesystemTypes.Define(linker, Guest);
        IPreopens.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override FilesystemGuest Prepare(MicroVm vm) => new();
}

/// <summary>wasi:filesystem for one instance.</summary>
public sealed class FilesystemGuest : IFilesystemTypes, IPreopens
{
    /// <inheritdoc/>
    public (IFilesystemTypes.IDescriptor, string)[] GetDirectories() => [];

    /// <inheritdoc/>
    public IFilesystemTypes.ErrorCode? FilesystemErrorCode(IIoErrors.IError err) => null;
}
