// Which files an app is made of, and which of them have changed. Looked at again and again: that works on every file
// system, and however an editor saves.
using Mote.Packaging;

namespace Mote.Cli.Building;

/// <summary>What a file looks like from outside.</summary>
internal readonly record struct FileStamp(DateTime Written, long Length);

/// <summary>The files of a build, as they were when they were looked at.</summary>
internal sealed class SourceFiles
{
    /// <summary>Most files of one component.</summary>
    public const int Max = 20_000;

    /// <summary>What others write, by the hundreds: never looked into.</summary>
    private static readonly string[] s_never = ["node_modules", ".git", ".mote"];

    /// <summary>Where builds write; not looked into unless a pattern says so.</summary>
    private static readonly string[] s_artifacts = ["build", "target", "dist", "bin", "obj", "artifacts", "__pycache__"];

    private SourceFiles(Dictionary<string, FileStamp> files, bool isWhole)
    {
        Files = files;
        IsWhole = isWhole;
    }

    /// <summary>By absolute path.</summary>
    public IReadOnlyDictionary<string, FileStamp> Files { get; }

    /// <summary>False where there were more than <see cref="Max"/>.</summary>
    public bool IsWhole { get; }

    /// <summary>Looks at the files that a component is built from.</summary>
    /// <param name="target">The component. Without a build that is its file alone; without `watch`, all below its folder but what builds write.</param>
    public static SourceFiles Of(BuildTarget target)
    {
        var files = new Dictionary<string, FileStamp>();
        bool isWhole = true;
        if (target.Build is not { } build)
        {
            Add(files, new FileInfo(target.Source));
        }
        else
        {
            FilePattern[] patterns = [.. build.Watch.Select(w => new FilePattern(w))];
            isWhole = Walk(files, new DirectoryInfo(build.Folder), "", patterns, target.Source);
        }

        return new SourceFiles(files, isWhole);
    }

    /// <summary>Looks at single files; those that are not there are told apart from those that are.</summary>
    public static SourceFiles Of(IEnumerable<string> paths)
    {
        var files = new Dictionary<string, FileStamp>();
        foreach (string path in paths) Add(files, new FileInfo(path));
        return new SourceFiles(files, true);
    }

    /// <summary>Files that are new, gone or different, in order.</summary>
    public IReadOnlyList<string> ChangedSince(SourceFiles before) =>
        [.. Files.Where(f => !before.Files.TryGetValue(f.Key, out FileStamp was) || was != f.Value).Select(f => f.Key)
            .Concat(before.Files.Keys.Where(f => !Files.ContainsKey(f))).Order(StringComparer.Ordinal)];

    private static bool Walk(Dictionary<string, FileStamp> into, DirectoryInfo folder, string path, FilePattern[] patterns, string source)
    {
        FileSystemInfo[] entries;
        try
        {
            entries = folder.GetFileSystemInfos();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true; // gone meanwhile, or not ours to read: then it is no source either
        }

        foreach (FileSystemInfo entry in entries)
        {
            string at = path + entry.Name;
            if (entry is DirectoryInfo below)
            {
                // A link may lead round in a circle, or out of the project.
                if (s_never.Contains(entry.Name) || entry.LinkTarget is not null) continue;
                if (patterns.Length == 0 && (s_artifacts.Contains(entry.Name) || entry.Name.StartsWith('.'))) continue;
                if (!Walk(into, below, at + "/", patterns, source)) return false;
            }
            else if (patterns.Length > 0 ? patterns.Any(p => p.Matches(at)) : !entry.Name.StartsWith('.') && !entry.Name.EndsWith(".wasm", StringComparison.Ordinal))
            {
                if (entry.FullName == source) continue; // what the build makes
                if (into.Count == Max) return false;
                Add(into, (FileInfo)entry);
            }
        }

        return true;
    }

    private static void Add(Dictionary<string, FileStamp> into, FileInfo file)
    {
        try
        {
            if (file.Exists) into[file.FullName] = new FileStamp(file.LastWriteTimeUtc, file.Length);
        }
        catch (IOException)
        {
            // Gone between two looks.
        }
    }
}
