// [component.NAME.files]: the app's own files that a component reads. They are a part of the app, and so below its folder
// and never written; what the operator's machine has is granted under [component.NAME.grants].
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Packaging;

internal static class AppFiles
{
    private const string Forms = "`files` is a list like [\"data\", { source = \"assets\", destination = \"/\" }], or a table [component.NAME.files] with lines like \"/\" = \"assets\"";

    /// <summary>files = ["data", { source = "assets", destination = "/" }], or a table of "/destination" = "source".</summary>
    /// <param name="component">The component's table.</param>
    /// <param name="folder">The app's folder.</param>
    /// <param name="granted">Folders that are granted: no two may be at one path.</param>
    public static List<FolderGrant> Read(TomlTable component, string folder, IReadOnlyList<FolderGrant> granted)
    {
        var all = new List<FolderGrant>();
        switch (component.Get("files"))
        {
            case null:
                break;
            case TomlTable table:
                foreach ((string destination, TomlNode node) in table.Values) Add(node, node is TomlString s ? s.Value : throw node.Error(Forms), destination);
                break;
            case TomlList list:
                foreach (TomlNode node in list.Items)
                {
                    switch (node)
                    {
                        case TomlString s:
                            if (s.Value.AsSpan().ContainsAny('*', '?')) throw node.Error($"`files` names folders, and `{s.Value}` is a pattern: name the folder that has the files");
                            Add(node, s.Value, "/" + s.Value.Trim('/').Replace("./", "", StringComparison.Ordinal));
                            break;
                        case TomlTable t:
                            Add(t, t.Required("source", "\"assets\""), t.Required("destination", "\"/\""));
                            t.RejectUnknown("`files`");
                            break;
                        default:
                            throw node.Error(Forms);
                    }
                }

                break;
            case { } other:
                throw other.Error(Forms);
        }

        return all;

        void Add(TomlNode at, string source, string destination)
        {
            if (source.Length == 0 || source.Contains('\0')) throw at.Error($"`files`: the path of a folder is needed, found \"{source}\"");
            string host = Path.TrimEndingDirectorySeparator(Path.GetFullPath(Path.Combine(folder, source)));
            if (host != folder && !host.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw at.Error($"`files` are the app's own, below its folder, and `{source}` is not: grant it with files = [{{ host = \"{source}\", guest = \"{destination}\" }}] under grants");
            }

            if (!Directory.Exists(host)) throw at.Error($"`files`: {(File.Exists(host) ? "this is no folder" : "there is no folder")} {host}");
            if (!destination.StartsWith('/')) throw at.Error($"`files`: where the component sees a folder begins with a slash, found \"{destination}\"");
            if (FileGrants.GuestFault(destination) is { } fault) throw at.Error(fault.Replace("`guest`", "the destination", StringComparison.Ordinal));
            if (all.Concat(granted).Any(f => f.Guest == destination)) throw at.Error($"two folders are at \"{destination}\": give each a destination of its own");
            if (all.Count + granted.Count == FileGrants.Max) throw at.Error($"a component has at most {FileGrants.Max} folders");
            all.Add(new FolderGrant(host, destination, Writable: false));
        }
    }
}
