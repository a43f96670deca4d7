// Gives memory back to the system when a burst is over.
using System.Runtime.InteropServices;

namespace Mote.Runtime;

/// <summary>Gives memory back to the system.</summary>
public static partial class MemoryReturn
{
    /// <summary>Collects what the burst left, returns free pages of both heaps, and unmaps code that may not be needed again: nothing does it soon of itself.</summary>
    public static void Give()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = malloc_trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // A C library without it keeps less to begin with.
        }

        ProgramPages.Unmap();
    }

    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint pad);
}
