// The node's data folder has what all apps keep, and the node's keys. No app is given it, or a folder that it is in.
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Node;

internal static class OwnFolder
{
    /// <summary>Links that are followed to find where a path leads.</summary>
    private const int MostLinks = 40;

    /// <summary>Looks at the folders that apps are granted, and at those whose files they serve.</summary>
    /// <param name="apps">The apps of the node.</param>
    /// <param name="data">The node's data folder.</param>
    /// <exception cref="ConfigException">One of them is the data folder, in it, or around it.</exception>
    public static void Check(IReadOnlyList<AppManifest> apps, string data)
    {
        string own = Real(data);
        foreach (AppManifest app in apps)
        {
            foreach (ComponentManifest c in app.Components)
            {
                foreach (FolderGrant f in c.Grants.Files) Refuse(f.Host, app, c.Line, $"component `{c.Name}`");
            }

            foreach (HttpTriggerManifest t in app.HttpTriggers)
            {
                if (t.Static is { } folder) Refuse(folder.Folder, app, t.Line, $"route `{t.Route}`");
            }
        }

        void Refuse(string folder, AppManifest app, int line, string who)
        {
            string real = Real(folder);
            if (!IsIn(own, real) && !IsIn(real, own)) return;
            throw new ConfigException(app.File, line, $"{who} would have the folder {folder}, and with it the node's own data folder {data}, which has the keys of the node and what all apps keep: name a folder beside it, or give the node another with `data` under [node] of node.toml");
        }
    }

    private static bool IsIn(string path, string folder) => path == folder || path.StartsWith(folder.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    /// <summary>Where a path leads when all links in it are followed.</summary>
    private static string Real(string path)
    {
        string root = Path.GetPathRoot(Path.GetFullPath(path))!, real = root;
        var parts = new Stack<string>(Parts(Path.GetFullPath(path)[root.Length..]));
        for (int links = 0; parts.TryPop(out string? part);)
        {
            string next = Path.Combine(real, part);
            if (links < MostLinks && new DirectoryInfo(next).LinkTarget is { } target)
            {
                links++;
                string to = Path.GetFullPath(target, real);
                foreach (string p in Parts(to[root.Length..])) parts.Push(p);
                real = root;
            }
            else
            {
                real = next;
            }
        }

        return real;
    }

    /// <summary>The last part first.</summary>
    private static IEnumerable<string> Parts(string path) => path.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse();
}
