// The grant `files`: folders of the host that a component may use.
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Packaging;

/// <summary>Folders that are granted, in the manifest and on the command line.</summary>
public static class FileGrants
{
    /// <summary>Most folders of one component: each is an open descriptor of every instance that uses files.</summary>
    public const int Max = 64;

    private const string Form = "{ host = \"assets\", guest = \"/\", write = false }";

    /// <summary>files = [{ host = "assets", guest = "/", write = false }]</summary>
    internal static List<FolderGrant> Read(TomlTable grants, string folder)
    {
        var all = new List<FolderGrant>();
        if (grants.Get("files") is { } node and not TomlList) throw node.Error($"`files` is a list of folders: files = [{Form}]");
        if (grants.Get("files") is TomlList list && list.Items.FirstOrDefault(i => i is not TomlTable) is { } other)
        {
            throw other.Error($"`files` is a list of folders like {Form}, found {other.Kind} in it");
        }

        foreach (TomlTable t in grants.Tables("files"))
        {
            string host = t.Path("host", folder, t.Required("host", "\"assets\""));
            if (!Directory.Exists(host)) throw t.Values["host"].Error($"`host`: {(File.Exists(host) ? "this is no folder" : "there is no folder")} {host}");
            string guest = t.String("guest") ?? "/";
            if (GuestFault(guest) is { } fault) throw t.Values["guest"].Error(fault);
            if (!guest.StartsWith('/')) throw t.Values["guest"].Error($"`guest` begins with a slash, found \"{guest}\"");
            if (all.Any(a => a.Guest == guest)) throw t.Error($"two folders are at \"{guest}\": give each a `guest` of its own");
            if (all.Count == Max) throw t.Error($"a component has at most {Max} folders");
            all.Add(new FolderGrant(host, guest, t.Boolean("write") ?? false));
            t.RejectUnknown("`files`");
        }

        return all;
    }

    /// <summary>What is wrong with a guest's path; null where nothing is.</summary>
    public static string? GuestFault(string guest) =>
        guest.Length == 0 ? "`guest` is the path under which the component sees the folder, and it is empty"
        : guest.Contains('\0') ? "`guest` has no NUL character"
        : guest.Length > 1024 ? "`guest` has at most 1024 characters"
        : guest.Split('/') is var parts && (parts.Contains("..") || (guest.StartsWith('/') && parts.Contains("."))) ? $"`guest` has no . or .. in it, found \"{guest}\""
        : guest.Length > 1 && guest.EndsWith('/') ? $"`guest` ends without a slash, found \"{guest}\""
        : guest.Contains("//", StringComparison.Ordinal) ? $"`guest` has one slash between names, found \"{guest}\"" : null;
}
