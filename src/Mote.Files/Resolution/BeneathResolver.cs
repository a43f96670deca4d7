// The kernel walks the path (openat2, Linux 5.6), and refuses by itself whatever would leave the folder.
using Mote.Files.Native;

namespace Mote.Files.Resolution;

internal sealed class BeneathResolver : PathResolver
{
    /// <summary>How often a walk that met a rename is tried again before we walk ourselves.</summary>
    private const int Tries = 16;

    private readonly WalkingResolver _walk = new();

    /// <summary>False where the kernel is older, or a filter of system calls denies it.</summary>
    public static bool IsThere
    {
        get
        {
            if (!Linux.IsHere) return false;
            int root = Linux.Open("/", Linux.PathOnly | Linux.CloseOnExec, 0);
            if (root < 0) return false;
            using var folder = new Descriptor(root);
            nint fd = Linux.OpenAt2(folder, ".", How(Linux.PathOnly, 0));
            if (fd < 0) return false;
            _ = Linux.Close((int)fd);
            return true;
        }
    }

    private static OpenHow How(int flags, uint mode) =>
        new() { Flags = (uint)(flags | Linux.CloseOnExec), Mode = mode, Resolve = Linux.ResolveBeneath | Linux.ResolveNoMagicLinks };

    internal override FileResult<Descriptor> Open(Descriptor folder, string path, int flags, uint mode)
    {
        OpenHow how = How(flags, mode);
        for (int i = 0; i < Tries; i++)
        {
            nint fd = Linux.OpenAt2(folder, path, how);
            if (fd >= 0) return new Descriptor((int)fd);
            switch (Errno.Last)
            {
                case Errno.CrossDevice:
                    return FileError.NotPermitted; // the path leads out
                case Errno.Again: // somebody renamed on the way, and the kernel cannot say whether .. is still inside
                case Errno.Interrupted:
                    continue;
                case int e:
                    return Errno.Error(e);
            }
        }

        return _walk.Open(folder, path, flags, mode);
    }
}
