// How many files guests may have open at once, and how many calls may wait for a disk.
using Mote.Files;

namespace Mote.Capabilities.Wasi.Filesystem;

/// <summary>Bounds that all instances of a node share.</summary>
public sealed class FileBudget
{
    /// <summary>Files and folders that one instance may have open.</summary>
    public const int PerInstance = 1024;

    private const int MaxSyncs = 64;

    // Half of what the process may have: sockets, databases and compiled code need descriptors, too.
    private readonly int _most = Math.Max(64, HostFile.MostDescriptors / 2);
    private int _open;

    /// <summary>A permit for each wait for a disk. A disk that hangs takes these and no more threads.</summary>
    internal SemaphoreSlim Syncs { get; } = new(MaxSyncs);

    /// <summary>One more file; false where there are as many as may be.</summary>
    internal bool TryTake()
    {
        if (Interlocked.Increment(ref _open) <= _most) return true;
        Interlocked.Decrement(ref _open);
        return false;
    }

    /// <summary>One file less.</summary>
    internal void Return() => Interlocked.Decrement(ref _open);
}
