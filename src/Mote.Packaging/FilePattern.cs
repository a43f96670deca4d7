// Patterns of files, as in `watch`: * within a name, ** for any folders, ? for one character.
namespace Mote.Packaging;

/// <summary>A pattern like src/**/*.js. Slashes are / everywhere.</summary>
public sealed class FilePattern
{
    private const int MaxLength = 1000;

    private readonly string[] _parts;

    /// <summary>Reads a pattern that has no <see cref="Fault"/>.</summary>
    public FilePattern(string pattern)
    {
        if (Fault(pattern) is { } fault) throw new ArgumentException(fault, nameof(pattern));
        // `src/**` is every file below src, which ** alone, being folders, would not be.
        if (pattern.EndsWith("**", StringComparison.Ordinal)) pattern += "/*";
        _parts = [.. pattern.Split('/').Where(p => p is not ("." or ""))];
    }

    /// <summary>What is wrong with a pattern; null where nothing is.</summary>
    public static string? Fault(string pattern) =>
        pattern.Length is 0 or > MaxLength ? $"a pattern of `watch` has 1 to {MaxLength} characters"
        : pattern.StartsWith('/') || pattern.Contains('\\') ? $"a pattern of `watch` is a path from the build's folder, with slashes like /, found \"{pattern}\""
        : pattern.Split('/').Contains("..") ? $"a pattern of `watch` stays in the build's folder, found \"{pattern}\""
        : pattern.Split('/').Any(p => p != "**" && p.Contains("**", StringComparison.Ordinal)) ? $"`**` stands alone between slashes, found \"{pattern}\"" : null;

    /// <summary>Whether a path, from the folder that the pattern is of, fits.</summary>
    public bool Matches(string path) => Matches(_parts, path.Split('/'));

    /// <summary>
    /// Dynamic programming over both, from the end: time is the product of their lengths, whatever the pattern.
    /// </summary>
    private static bool Matches(ReadOnlySpan<string> pattern, ReadOnlySpan<string> path)
    {
        var after = new bool[path.Length + 1]; // what the rest of the pattern says of the path from each place
        after[^1] = true;
        for (int p = pattern.Length - 1; p >= 0; p--)
        {
            var now = new bool[path.Length + 1];
            if (pattern[p] == "**") now[^1] = after[^1];
            for (int i = path.Length - 1; i >= 0; i--)
            {
                now[i] = pattern[p] == "**" ? after[i] || now[i + 1] : after[i + 1] && MatchesName(pattern[p], path[i]);
            }

            after = now;
        }

        return after[0];
    }

    private static bool MatchesName(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        int p = 0, n = 0, star = -1, tried = 0;
        while (n < name.Length)
        {
            if (p < pattern.Length && (pattern[p] == '?' || (pattern[p] == name[n] && pattern[p] != '*')))
            {
                p++;
                n++;
            }
            else if (p < pattern.Length && pattern[p] == '*')
            {
                star = p++;
                tried = n;
            }
            else if (star >= 0)
            {
                // The last star takes one character more.
                p = star + 1;
                n = ++tried;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*') p++;
        return p == pattern.Length;
    }
}
