// The files under src/.
namespace Mote.Architecture.Tests;

internal static class Sources
{
    /// <summary>The folder that has the solution.</summary>
    public static string Root { get; } = FindRoot();

    public static string Src => Path.Combine(Root, "src");

    /// <summary>Every C# file that somebody wrote, with its path below src.</summary>
    public static IEnumerable<(string Path, string Text)> Files(string project = "") =>
        from file in Directory.EnumerateFiles(Path.Combine(Src, project), "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        let path = Path.GetRelativePath(Src, file).Replace('\\', '/')
        where !path.Split('/').Any(p => p is "obj" or "bin")
        select (path, File.ReadAllText(file));

    private static string FindRoot()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Mote.slnx"))) return at;
        }

        throw new InvalidOperationException($"no Mote.slnx above {AppContext.BaseDirectory}");
    }
}
