// The WIT packages that a world uses, as files: other languages' toolchains read the whole of them from deps/.
using System.Text;
using System.Text.RegularExpressions;
using Mote.Capabilities;

namespace Mote.Cli;

/// <summary>Writes hosted packages beside a world.</summary>
internal static partial class WitPackages
{
    private const string Mark = "// Written by `mote bindings wit`; do not edit.\n";

    /// <summary>The packages that texts refer to, and those that these refer to, in the versions that are asked for.</summary>
    /// <param name="texts">The user's own WIT files: path and text.</param>
    /// <param name="known">Packages (with version) that the user has files of.</param>
    /// <returns>A path below deps/ and the text of each.</returns>
    /// <exception cref="CliException">One is not hosted here.</exception>
    public static IReadOnlyDictionary<string, string> For(IEnumerable<(string Path, string Text)> texts, IReadOnlySet<string> known)
    {
        (string Name, Version? Version, string Full, string Text)[] hosted = [.. HostedWit.Files().Select(f => Describe(f.Text))];
        var found = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var seen = new HashSet<string>();
        var waiting = new Queue<(string Path, string Text)>(texts);
        while (waiting.TryDequeue(out (string Path, string Text) file))
        {
            foreach ((string name, string version, int line) in References(file.Text))
            {
                string full = version.Length > 0 ? $"{name}@{version}" : name;
                if (known.Contains(full) || !seen.Add(full)) continue;
                string text = hosted.FirstOrDefault(h => h.Full == full).Text
                    ?? Older(hosted, name, version)
                    ?? throw new CliException(ExitCode.BadInput, $"{file.Path}:{line}: `{full}` is not hosted here, and there is no file of it below deps/; hosted are {string.Join(", ", hosted.Select(h => h.Full))}");
                found[$"{full.Replace(':', '-').Replace('@', '-')}/package.wit"] = Mark + text;
                waiting.Enqueue((full, text));
            }
        }

        return found;
    }

    /// <summary>Writes the packages of the world in a folder below its deps/, and takes away what was written there before and is not needed.</summary>
    /// <returns>The packages' folders.</returns>
    public static IReadOnlyCollection<string> Write(string folder)
    {
        (string Path, string Text)[] own = [.. Directory.EnumerateFiles(folder, "*.wit").Order(StringComparer.Ordinal).Select(f => (f, File.ReadAllText(f)))];
        if (own.Length == 0) throw new CliException(ExitCode.NoInput, $"{folder}: there are no .wit files here");
        string deps = Path.Combine(folder, "deps");
        (string Path, string Text)[] there = Directory.Exists(deps) ? [.. Directory.EnumerateFiles(deps, "*.wit", SearchOption.AllDirectories).Select(f => (f, File.ReadAllText(f)))] : [];
        (string Path, string Text)[] users = [.. own.Concat(there.Where(f => !f.Text.StartsWith(Mark, StringComparison.Ordinal)))];
        IReadOnlyDictionary<string, string> packages = For(users, users.Select(f => Describe(f.Text).Full).ToHashSet());
        foreach ((string path, _) in there.Where(f => f.Text.StartsWith(Mark, StringComparison.Ordinal)))
        {
            if (packages.ContainsKey(Path.GetRelativePath(deps, path).Replace('\\', '/'))) continue;
            File.Delete(path);
            string holder = Path.GetDirectoryName(path)!;
            if (!Directory.EnumerateFileSystemEntries(holder).Any()) Directory.Delete(holder);
        }

        foreach ((string path, string text) in packages)
        {
            string file = Path.Combine(deps, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            // What is the same stays as old as it is: builds look at that.
            if (!File.Exists(file) || File.ReadAllText(file) != text) File.WriteAllText(file, text);
        }

        return [.. packages.Keys.Select(p => p.Split('/')[0])];
    }

    private static (string Name, Version? Version, string Full, string Text) Describe(string text)
    {
        Match m = PackagePattern().Match(text);
        return (m.Groups[1].Value, Version.TryParse(m.Groups[2].Value, out Version? v) ? v : null, m.Groups[1].Value + (m.Groups[2].Length > 0 ? $"@{m.Groups[2].Value}" : ""), text);
    }

    private static IEnumerable<(string Name, string Version, int Line)> References(string text)
    {
        string[] lines = text.Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            int comment = lines[i].IndexOf("//", StringComparison.Ordinal);
            foreach (Match m in ReferencePattern().Matches(comment < 0 ? lines[i] : lines[i][..comment])) yield return (m.Groups[1].Value, m.Groups[2].Value, i + 1);
        }
    }

    /// <summary>A package in an older compatible version than the hosted one: what came later is left out, and what it refers to is of that version too.</summary>
    private static string? Older((string Name, Version? Version, string Full, string Text)[] hosted, string name, string version)
    {
        if (!Version.TryParse(version, out Version? wanted)) return null;
        (_, Version? have, _, string text) = hosted.FirstOrDefault(h => h.Name == name && h.Version is { } v && v.Major == wanted.Major && v.Minor == wanted.Minor && v >= wanted);
        if (have is null) return null;
        text = WithoutLater(text, wanted);
        return text.Replace($"@{have}", $"@{wanted}", StringComparison.Ordinal);
    }

    private static string WithoutLater(string text, Version wanted)
    {
        var kept = new StringBuilder();
        int at = 0;
        foreach (Match m in GatePattern().Matches(text))
        {
            if (m.Index < at || !Version.TryParse(m.Groups[2].Value, out Version? v) || v <= wanted) continue;
            kept.Append(text, at, m.Index - at);
            // A later deprecation is not said yet; a later item is not there yet.
            at = m.Groups[1].Value == "deprecated" ? m.Index + m.Length : EndOfItem(text, m.Index + m.Length);
        }

        return kept.Append(text, at, text.Length - at).ToString();
    }

    /// <summary>After the semicolon or the closing brace of the item that begins here.</summary>
    private static int EndOfItem(string text, int at)
    {
        int depth = 0;
        for (; at < text.Length; at++)
        {
            if (text[at] == '/' && at + 1 < text.Length && text[at + 1] == '/')
            {
                while (at < text.Length && text[at] != '\n') at++;
                continue;
            }

            if (text[at] == '{') depth++;
            else if (text[at] == '}' && --depth <= 0) return depth < 0 ? at : at + 1;
            else if ((text[at] is ';' or ',') && depth == 0 && !InParentheses(text, at)) return at + 1;
        }

        return at;
    }

    private static bool InParentheses(string text, int at)
    {
        int open = 0;
        for (int i = at - 1; i >= 0 && text[i] is not (';' or '{' or '}'); i--)
        {
            if (text[i] is ')' or '>') open--;
            if (text[i] is '(' or '<') open++;
        }

        return open > 0;
    }

    [GeneratedRegex(@"^\s*package\s+([a-z0-9-]+:[a-z0-9-]+)(?:@([^;\s]+))?\s*;", RegexOptions.Multiline)]
    private static partial Regex PackagePattern();

    [GeneratedRegex(@"(?<![\w-])([a-z][a-z0-9-]*:[a-z][a-z0-9-]*)/[a-z][a-z0-9-]*(?:@([0-9A-Za-z.+-]*[0-9A-Za-z]))?")]
    private static partial Regex ReferencePattern();

    [GeneratedRegex(@"@(since|deprecated)\(version = ([0-9.]+)\)")]
    private static partial Regex GatePattern();
}
