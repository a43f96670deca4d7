// An open descriptor of the system, closed once.
using Microsoft.Win32.SafeHandles;

namespace Mote.Files.Native;

/// <summary>Owns a descriptor; calls that are under way keep it open.</summary>
internal sealed class Descriptor : SafeHandleMinusOneIsInvalid
{
    public Descriptor(int fd)
        : base(ownsHandle: true) => SetHandle(fd);

    protected override bool ReleaseHandle() => Linux.Close((int)handle) == 0;
}
