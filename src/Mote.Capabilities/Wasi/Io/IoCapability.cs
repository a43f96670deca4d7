// wasi:io: the interfaces have no authority of their own; what is behind a stream was granted where the stream came from.
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Io;

/// <summary>Hosts wasi:io.</summary>
public sealed class IoCapability : Capability<IoGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IIoErrors.Define(linker, Guest);
        IPoll.Define(linker, Guest);
        IStreams.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override IoGuest Prepare(MicroVm vm) => new(vm);
}

/// <summary>wasi:io for one instance.</summary>
public sealed class IoGuest(MicroVm vm) : IIoErrors, IPoll, IStreams
{
    /// <inheritdoc/>
    public ReadOnlyMemory<uint> Poll(IPoll.IPollable[] @in) => Pollable.WaitAny(vm, @in);
}

/// <summary>An error of a stream.</summary>
public class IoError(string message) : IIoErrors.IError
{
    /// <inheritdoc/>
    public string ToDebugString() => message;
}

/// <summary>A stream is broken; the guest is told by the error of what it did.</summary>
public sealed class StreamFailure(IoError error) : Exception(error.ToDebugString())
{
    /// <summary>What the guest gets.</summary>
    public IoError Error { get; } = error;
}
