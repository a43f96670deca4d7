// The projects that `mote new` writes: files of this program's own, in layers that several templates share.
using System.Reflection;
using System.Text;

namespace Mote.Cli;

/// <summary>A kind of project.</summary>
/// <param name="Name">What -t takes.</param>
/// <param name="Description">In a few words.</param>
/// <param name="Layers">Folders of files, the later over the earlier.</param>
/// <param name="Values">What stands for words in them, beside PROJECT.</param>
internal sealed record Template(string Name, string Description, string[] Layers, (string Word, string Value)[] Values)
{
    private const string Root = "templates/";

    /// <summary>All of them, in the order of lists.</summary>
    public static IReadOnlyList<Template> All { get; } =
    [
        new("http-c", "HTTP requests, in C (clang)", ["all", "c", "http-c"], []),
        new("http-js", "HTTP requests, in JavaScript", ["all", "js", "http-js"], [("EXTENSION", "js"), ("DISABLED", "")]),
        new("http-ts", "HTTP requests, in TypeScript", ["all", "js", "http-ts"], [("EXTENSION", "ts"), ("DISABLED", "")]),
        new("mqtt-c", "MQTT messages, in C (clang)", ["all", "c", "mqtt-c"], []),
        new("mqtt-js", "MQTT messages, in JavaScript", ["all", "js", "mqtt-js"], [("EXTENSION", "js"), ("DISABLED", "'http', 'fetch-event'")]),
    ];

    /// <summary>The files of a project: paths in its folder, and text.</summary>
    /// <param name="project">The project's name.</param>
    public IReadOnlyDictionary<string, string> Files(string project)
    {
        Assembly assembly = typeof(Template).Assembly;
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string layer in Layers)
        {
            string prefix = $"{Root}{layer}/";
            foreach (string resource in assembly.GetManifestResourceNames().Where(n => n.StartsWith(prefix, StringComparison.Ordinal)))
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
                string path = resource[prefix.Length..].Replace('\\', '/');
                // A file of that name here would be git's own business.
                files[path == "gitignore" ? ".gitignore" : path] = Fill(reader.ReadToEnd(), project);
            }
        }

        return files;
    }

    private string Fill(string text, string project)
    {
        foreach ((string word, string value) in Values) text = text.Replace(word, value, StringComparison.Ordinal);
        return text.Replace("PROJECT", project, StringComparison.Ordinal);
    }
}
