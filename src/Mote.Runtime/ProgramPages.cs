// Code that only the start needed leaves the process's resident memory.
using System.Globalization;
using System.Runtime.InteropServices;

namespace Mote.Runtime;

/// <summary>The pages of the program and its libraries that are mapped from their files and unchanged.</summary>
/// <remarks>
/// They stay in the system's page cache, which it can use for something else; one that is used again is mapped again with the
/// fifteen around it, which takes about a microsecond while the cache has them.
/// </remarks>
internal static unsafe partial class ProgramPages
{
    private const int DontNeed = 4;

    /// <summary>Unmaps them all. On Linux; elsewhere it does nothing.</summary>
    /// <param name="smaps">What the process has mapped, as in proc_pid_smaps(5).</param>
    /// <returns>Bytes of the address ranges.</returns>
    public static long Unmap(string smaps = "/proc/self/smaps")
    {
        if (!OperatingSystem.IsLinux()) return 0;
        long bytes = 0;
        try
        {
            foreach ((nuint start, nuint end) in Unchanged(File.ReadLines(smaps)))
            {
                // SAFETY: the range is a private mapping of a file that is not writable and of which no page was changed: what
                // is read there afterwards comes from the same file. One that has gone meanwhile, with its library, is an error
                // of the call; no library is ever unloaded here, so nothing else has come in its place.
                if (madvise((void*)start, end - start, DontNeed) == 0) bytes += (long)(end - start);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No /proc, or not ours: the pages stay where they are.
        }

        return bytes;
    }

    /// <summary>The mappings of programs and libraries that cannot be written and of which no page has been.</summary>
    internal static IEnumerable<(nuint Start, nuint End)> Unchanged(IEnumerable<string> smaps)
    {
        (nuint Start, nuint End)? mapping = null;
        foreach (string line in smaps)
        {
            if (line.StartsWith("Anonymous:", StringComparison.Ordinal))
            {
                // Pages of its own, also those that the dynamic linker changed before it took the right to write away.
                if (mapping is { } m && line.AsSpan("Anonymous:".Length).Trim() is "0 kB") yield return m;
                mapping = null;
            }
            else if (Head(line) is { } head)
            {
                mapping = head;
            }
            else if (line.Length > 0 && line[0] is >= '0' and <= '9' or >= 'a' and <= 'f')
            {
                mapping = null;
            }
        }
    }

    /// <summary>start-end perms offset device inode path.</summary>
    private static (nuint Start, nuint End)? Head(string line)
    {
        ReadOnlySpan<char> text = line;
        Span<Range> parts = stackalloc Range[6];
        if (text.Split(parts, ' ', StringSplitOptions.RemoveEmptyEntries) < 6) return null;
        if (text[parts[1]] is not ("r-xp" or "r--p")) return null;
        ReadOnlySpan<char> path = text[parts[5]], range = text[parts[0]];
        if (!path.SequenceEqual(Environment.ProcessPath) && !IsLibrary(path)) return null;
        int dash = range.IndexOf('-');
        if (dash < 0 || !nuint.TryParse(range[..dash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out nuint start) || !nuint.TryParse(range[(dash + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out nuint end) || end <= start) return null;
        return (start, end);
    }

    private static bool IsLibrary(ReadOnlySpan<char> path)
    {
        if (path.IndexOf('/') != 0 || path.EndsWith(" (deleted)")) return false;
        ReadOnlySpan<char> name = path[(path.LastIndexOf('/') + 1)..];
        return name.EndsWith(".so") || name.Contains(".so.", StringComparison.Ordinal);
    }

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint length, int advice);
}
