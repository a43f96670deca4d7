// --dir HOST::GUEST[:ro]: folders of the host for a program.
using System.CommandLine;
using Mote.Packaging;
using Mote.Runtime;

namespace Mote.Cli.Commands;

internal static class DirOption
{
    private const string Name = "--dir";
    private const string ReadOnly = ":ro";
    private const string Separator = "::";

    public static Option<string[]> Make() => new(Name)
    {
        Description = "A folder that the program sees as GUEST (/ where it is not said), with :ro for reading only; may be repeated. It sees no others.",
        HelpName = "HOST[::GUEST][:ro]",
        DefaultValueFactory = _ => [],
        Validators =
        {
            r =>
            {
                var guests = new HashSet<string>();
                if (r.Tokens.Count > FileGrants.Max) r.AddError($"{Name} may be given {FileGrants.Max} times");
                foreach (var t in r.Tokens)
                {
                    if (Fault(t.Value) is { } fault) r.AddError($"{Name} {t.Value}: {fault}");
                    else if (!guests.Add(Parse(t.Value).Guest)) r.AddError($"{Name} {t.Value}: another folder is at `{Parse(t.Value).Guest}` already");
                }
            },
        },
    };

    public static IReadOnlyList<FolderGrant> Grants(string[] values) => [.. values.Select(Parse)];

    private static string? Fault(string value)
    {
        FolderGrant grant = Parse(value);
        if (grant.Host.Length == 0) return "the folder's name is empty; write HOST::GUEST";
        if (FileGrants.GuestFault(grant.Guest) is { } fault) return fault.Replace("`guest`", "GUEST", StringComparison.Ordinal);
        return Directory.Exists(grant.Host) ? null : File.Exists(grant.Host) ? "this is a file; only folders can be given" : "there is no such folder";
    }

    /// <summary>HOST may have single colons in it; GUEST begins at the last two.</summary>
    private static FolderGrant Parse(string value)
    {
        bool readOnly = value.EndsWith(ReadOnly, StringComparison.Ordinal);
        if (readOnly) value = value[..^ReadOnly.Length];
        int at = value.LastIndexOf(Separator, StringComparison.Ordinal);
        string host = at < 0 ? value : value[..at], guest = at < 0 ? "/" : value[(at + Separator.Length)..];
        return new FolderGrant(host.Length == 0 ? "" : Path.GetFullPath(host), guest, !readOnly);
    }
}
