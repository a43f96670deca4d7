// The files of this project.
namespace Mote.Components.Generator.Tests;

internal static class Repository
{
    public static string Tests { get; } = Path.Combine(FindRoot(), "tests", "Mote.Components.Generator.Tests");

    public static (string Path, string Text) Wit(string name) => ($"{name}/{name}.wit", File.ReadAllText(Path.Combine(Tests, "wit", name, $"{name}.wit")));

    private static string FindRoot()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Mote.slnx"))) return at;
        }

        throw new InvalidOperationException($"no Mote.slnx above {AppContext.BaseDirectory}");
    }
}
