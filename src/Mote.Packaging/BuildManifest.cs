// [component.NAME.build]: how a component is made. Read without the rest of the manifest, which may name what is not
// there before a build: folders that are granted, variables that have no value.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>How a component is built.</summary>
/// <param name="Commands">Shell commands, one after the other.</param>
/// <param name="Folder">Where they run, absolute.</param>
/// <param name="Watch">Patterns of files, from <paramref name="Folder"/>, that it is built from.</param>
/// <param name="Line">Where it is in the manifest.</param>
public sealed record BuildManifest(IReadOnlyList<string> Commands, string Folder, IReadOnlyList<string> Watch, int Line)
{
    /// <summary>The commands as one would type them.</summary>
    public string Command => string.Join(" && ", Commands);

    /// <summary>[component.NAME.build] of a component's table; null where there is none.</summary>
    internal static BuildManifest? Read(TomlTable component, string folder)
    {
        if (component.Table("build") is not { } b) return null;
        string[] commands = b.Get("command") is TomlList ? b.Strings("command") : [b.Required("command", "\"make\"")];
        if (commands.Length == 0 || commands.Any(string.IsNullOrWhiteSpace)) throw b.Values["command"].Error("`command` is a shell command or a list of them, and one is empty");
        string[] watch = b.Strings("watch");
        foreach (string pattern in watch)
        {
            if (FilePattern.Fault(pattern) is { } fault) throw b.Values["watch"].Error(fault);
        }

        var build = new BuildManifest(commands, b.Path("workdir", folder, b.String("workdir") ?? "."), watch, b.Line);
        b.RejectUnknown("[component.….build]");
        return build;
    }
}

/// <summary>A component that can be built.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Source">The file that its build makes, absolute.</param>
/// <param name="Build">How; null where the manifest does not say.</param>
public sealed record BuildTarget(string Name, string Source, BuildManifest? Build);

/// <summary>What a build needs of a manifest.</summary>
/// <param name="File">The manifest, absolute.</param>
/// <param name="App">The app's name.</param>
/// <param name="Targets">Its components.</param>
public sealed record BuildPlan(string File, string App, IReadOnlyList<BuildTarget> Targets)
{
    /// <summary>Reads a manifest as far as builds go.</summary>
    /// <param name="path">The file, or the folder it is in.</param>
    /// <exception cref="ConfigException">It has a fault.</exception>
    public static BuildPlan Load(string path)
    {
        string file = AppManifest.FileOf(path);
        string folder = Path.GetDirectoryName(file)!;
        TomlTable root = TomlTable.Load(file);
        string app = root.Table("app")?.String("name") ?? throw root.Error("`[app]` with a `name` is missing: add [app] with name = \"my-app\"");
        var targets = new List<BuildTarget>();
        if (root.Table("component") is { } components)
        {
            foreach (string name in components.Values.Keys.ToArray())
            {
                TomlTable c = components.Table(name)!;
                targets.Add(new BuildTarget(name, c.Path("source", folder, c.Required("source", "\"filter.wasm\"")), BuildManifest.Read(c, folder)));
            }
        }

        return new BuildPlan(file, app, targets);
    }
}
