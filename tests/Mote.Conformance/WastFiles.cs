// Which files a list of paths stands for.
namespace Mote.Conformance;

/// <summary>WAST files of folders, in a fixed order.</summary>
public static class WastFiles
{
    /// <summary>Files as given; folders with everything below them.</summary>
    public static IEnumerable<string> Find(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            if (Directory.Exists(path))
            {
                foreach (string file in Directory.EnumerateFiles(path, "*.wast", SearchOption.AllDirectories).Order(StringComparer.Ordinal)) yield return file;
            }
            else
            {
                yield return path;
            }
        }
    }

    /// <summary>Files that a suite itself lists as not yet implemented: a <c>nyi.txt</c> in a folder above names them.</summary>
    public static bool IsNotYetImplemented(string file)
    {
        for (string? folder = Path.GetDirectoryName(Path.GetFullPath(file)); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string list = Path.Combine(folder, "nyi.txt");
            if (!File.Exists(list)) continue;
            string relative = "./" + Path.GetRelativePath(folder, Path.GetFullPath(file)).Replace('\\', '/');
            return File.ReadLines(list).Any(l => l.Trim() == relative);
        }

        return false;
    }
}
