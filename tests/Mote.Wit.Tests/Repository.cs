// The WIT files of the repository.
namespace Mote.Wit.Tests;

internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The interfaces that Mote hosts.</summary>
    public static List<(string Path, string Text)> Hosted => Read(Path.Combine(Root, "wit"));

    /// <summary>Every WIT file of the repository, those of tests and samples too, by folder of packages.</summary>
    public static IEnumerable<(string Path, string Text)> All =>
        new[] { "wit", "tests", "samples" }.Select(f => Path.Combine(Root, f)).Where(Directory.Exists).SelectMany(Read);

    private static List<(string Path, string Text)> Read(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.wit", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(f => (Path.GetRelativePath(Root, f), File.ReadAllText(f)))];

    private static string FindRoot()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Mote.slnx"))) return at;
        }

        throw new InvalidOperationException($"no Mote.slnx above {AppContext.BaseDirectory}");
    }
}
