// The one SafeHandle shape used here: a pointer that libwasmtime gave us and that we delete once.
using System.Runtime.InteropServices;

namespace Mote.Wasmtime.Native;

internal abstract class NativeHandle : SafeHandle
{
    protected NativeHandle(nint pointer)
        : base(0, ownsHandle: true) => SetHandle(pointer);

    public override bool IsInvalid => handle == 0;

    /// <summary>The pointer, valid while this handle is not closed.</summary>
    internal nint Value => handle;

    protected abstract void Delete(nint pointer);

    protected override bool ReleaseHandle()
    {
        Delete(handle);
        return true;
    }
}
