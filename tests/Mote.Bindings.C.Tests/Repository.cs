// Where things are, and WIT files read as the tools would.
using Mote.Wit;

namespace Mote.Bindings.C.Tests;

internal static class Repository
{
    /// <summary>The folder that has the solution.</summary>
    public static string Root { get; } = FindRoot();

    public static string Tests => Path.Combine(Root, "tests", "Mote.Bindings.C.Tests");

    /// <summary>A new, empty folder for what a test makes; it is not removed, so that it can be looked at.</summary>
    public static string Scratch(string name)
    {
        string folder = Path.Combine(Root, "artifacts", "c-bindings-tests", name);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>All WIT files below a folder.</summary>
    public static WitResolve Resolve(params string[] folders) =>
        WitResolver.Resolve(folders.SelectMany(f => Directory.EnumerateFiles(f, "*.wit", SearchOption.AllDirectories)).Order(StringComparer.Ordinal).Select(f => (f, File.ReadAllText(f))));

    private static string FindRoot()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Mote.slnx"))) return at;
        }

        throw new InvalidOperationException($"no Mote.slnx above {AppContext.BaseDirectory}");
    }
}
