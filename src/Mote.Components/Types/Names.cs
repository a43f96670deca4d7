// Names of imports and exports (Explainer.md, "Import and Export Definitions", "Name Uniqueness").
namespace Mote.Components.Types;

/// <summary>The forms of an extern name.</summary>
internal enum NameKind
{
    /// <summary>A label.</summary>
    Label,

    /// <summary>[constructor]R.</summary>
    Constructor,

    /// <summary>[method]R.f.</summary>
    Method,

    /// <summary>[static]R.f.</summary>
    Static,

    /// <summary>namespace:package/interface@version.</summary>
    Interface,
}

/// <summary>A parsed extern name.</summary>
/// <param name="Kind">Its form.</param>
/// <param name="Text">As written.</param>
/// <param name="Resource">Of a constructor, method or static: the resource's label.</param>
/// <param name="Member">Of a method or static: the function's label.</param>
/// <param name="Version">Of an interface: the version as written, null for none.</param>
internal sealed record ParsedName(NameKind Kind, string Text, string Resource = "", string Member = "", string? Version = null)
{
    /// <summary>Of an interface: everything before the version.</summary>
    public string Unversioned => Version is null ? Text : Text[..(Text.Length - Version.Length - 1)];

    /// <summary>Two names of one scope must differ in this (strong uniqueness).</summary>
    public string UniqueKey => Kind switch
    {
        NameKind.Constructor => "[constructor]" + Resource.ToLowerInvariant(),
        NameKind.Method or NameKind.Static when Resource.Equals(Member, StringComparison.OrdinalIgnoreCase) => Resource.ToLowerInvariant(),
        NameKind.Method or NameKind.Static => $"{Resource}.{Member}".ToLowerInvariant(),
        NameKind.Interface => Version is null ? Unversioned.ToLowerInvariant() : $"{Unversioned.ToLowerInvariant()}@{Version}",
        _ => Text.ToLowerInvariant(),
    };

    /// <summary>
    /// The name with its version reduced to the track of versions that stand for one another, so that compatible
    /// names are equal strings: <c>wasi:io/streams@0.2.3</c> gives <c>wasi:io/streams@0.2</c>.
    /// </summary>
    public string Compatible => Version is not null && SemVer.TryParse(Version, out SemVer v, out _) ? $"{Unversioned}@{v.Track}" : Text;
}

internal static class Names
{
    /// <summary>Parses an extern name, or says what is wrong with it.</summary>
    public static bool TryParse(string text, bool canonicalVersions, out ParsedName name, out string error)
    {
        name = null!;
        if (text.StartsWith("[constructor]", StringComparison.Ordinal))
        {
            string resource = text["[constructor]".Length..];
            if (!Kebab(resource, out error)) return false;
            name = new ParsedName(NameKind.Constructor, text, resource);
            return true;
        }

        bool method = text.StartsWith("[method]", StringComparison.Ordinal);
        if (method || text.StartsWith("[static]", StringComparison.Ordinal))
        {
            string rest = text["[method]".Length..]; // both prefixes are 8 long
            int dot = rest.IndexOf('.');
            if (dot < 0)
            {
                error = "failed to find `.` character";
                return false;
            }

            string resource = rest[..dot], member = rest[(dot + 1)..];
            if (!Kebab(resource, out error) || !Kebab(member, out error)) return false;
            name = new ParsedName(method ? NameKind.Method : NameKind.Static, text, resource, member);
            return true;
        }

        return text.Contains(':') ? Interface(text, canonicalVersions, out name, out error) : Label(text, out name, out error);
    }

    private static bool Label(string text, out ParsedName name, out string error)
    {
        name = new ParsedName(NameKind.Label, text);
        return Kebab(text, out error);
    }

    private static bool Interface(string text, bool canonicalVersions, out ParsedName name, out string error)
    {
        name = null!;
        int colon = text.IndexOf(':');
        if (!LowercaseKebab(text[..colon], out error)) return false;
        string rest = text[(colon + 1)..];
        int end = rest.AsSpan().IndexOfAny('/', '@', ':');
        string package = end < 0 ? rest : rest[..end];
        if (!LowercaseKebab(package, out error)) return false;
        rest = end < 0 ? "" : rest[end..];
        if (rest.Length == 0 || rest[0] != '/')
        {
            error = "expected `/` after package name";
            return false;
        }

        rest = rest[1..];
        end = rest.AsSpan().IndexOfAny('/', '@');
        string projection = end < 0 ? rest : rest[..end];
        if (!Kebab(projection, out error)) return false;
        rest = end < 0 ? "" : rest[end..];
        string? version = null;
        if (rest.Length > 0 && rest[0] == '@')
        {
            version = rest[1..];
            if (!(canonicalVersions && IsCanonicalVersion(version)) && !SemVer.TryParse(version, out _, out string why))
            {
                error = $"`{version}` is not a valid semver: {why}";
                return false;
            }

            rest = "";
        }

        if (rest.Length > 0)
        {
            error = $"trailing characters found: `{rest}`";
            return false;
        }

        name = new ParsedName(NameKind.Interface, text, Version: version);
        return true;
    }

    /// <summary>1, 0.2 or 0.0.3: a version cut off after its first number that is not zero.</summary>
    public static bool IsCanonicalVersion(string version)
    {
        if (version == "0.0.0") return true;
        string number = version.StartsWith("0.0.", StringComparison.Ordinal) ? version[4..] : version.StartsWith("0.", StringComparison.Ordinal) ? version[2..] : version;
        return number.Length > 0 && number[0] is >= '1' and <= '9' && number.All(char.IsAsciiDigit);
    }

    private static bool Kebab(string text, out string error)
    {
        error = IsKebab(text) ? "" : $"`{text}` is not in kebab case";
        return error.Length == 0;
    }

    private static bool LowercaseKebab(string text, out string error)
    {
        if (!Kebab(text, out error)) return false;
        if (text.Any(char.IsAsciiLetterUpper)) error = $"`{text}` is not in kebab case: namespaces and packages are lowercase";
        return error.Length == 0;
    }

    /// <summary>Words of lowercase letters or acronyms of capitals, joined by dashes; the first begins with a letter.</summary>
    public static bool IsKebab(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || !char.IsAsciiLetter(text[0])) return false;
        bool lower = false, upper = false, empty = true;
        foreach (char c in text)
        {
            if (c == '-')
            {
                if (empty) return false;
                lower = upper = false;
                empty = true;
            }
            else
            {
                lower |= char.IsAsciiLetterLower(c);
                upper |= char.IsAsciiLetterUpper(c);
                if (!char.IsAsciiLetterOrDigit(c) || (lower && upper)) return false;
                empty = false;
            }
        }

        return !empty;
    }
}
