// Semantic versions (semver.org 2.0.0) and which of them stand for one another.
using System.Globalization;

namespace Mote.Components.Types;

/// <summary>A semantic version.</summary>
internal sealed record SemVer(ulong Major, ulong Minor, ulong Patch, string Pre, string Build) : IComparable<SemVer>
{
    /// <summary>
    /// Versions with the same track stand for one another: the major version, or the minor one below 1.0, or the
    /// patch below 0.1. A pre-release stands only for itself.
    /// </summary>
    public string Track =>
        Pre.Length > 0 ? $"{Major}.{Minor}.{Patch}-{Pre}"
        : Major > 0 ? $"{Major}"
        : Minor > 0 ? $"0.{Minor}"
        : $"0.0.{Patch}";

    /// <summary>Parses, or says what is wrong.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SemVer version, out string error)
    {
        version = null!;
        if (text.IsEmpty)
        {
            error = "empty string, expected a semver version";
            return false;
        }

        ReadOnlySpan<char> rest = text;
        if (!Number(ref rest, "major", last: false, out ulong major, out error)
            || !Number(ref rest, "minor", last: false, out ulong minor, out error)
            || !Number(ref rest, "patch", last: true, out ulong patch, out error))
        {
            return false;
        }

        string pre = "", build = "";
        if (!rest.IsEmpty && rest[0] == '-' && !Identifiers(ref rest, "pre-release identifier", out pre, out error)) return false;
        if (!rest.IsEmpty && rest[0] == '+' && !Identifiers(ref rest, "build metadata", out build, out error)) return false;
        if (!rest.IsEmpty)
        {
            error = $"unexpected character '{rest[0]}' after {(build.Length > 0 ? "build metadata" : pre.Length > 0 ? "pre-release identifier" : "patch version number")}";
            return false;
        }

        version = new SemVer(major, minor, patch, pre, build);
        return true;
    }

    private static bool Number(ref ReadOnlySpan<char> rest, string what, bool last, out ulong value, out string error)
    {
        value = 0;
        int digits = 0;
        while (digits < rest.Length && char.IsAsciiDigit(rest[digits])) digits++;
        if (digits == 0)
        {
            error = rest.IsEmpty ? $"unexpected end of input while parsing {what} version number" : $"unexpected character '{rest[0]}' while parsing {what} version number";
            return false;
        }

        if (digits > 1 && rest[0] == '0')
        {
            error = $"invalid leading zero in {what} version number";
            return false;
        }

        if (!ulong.TryParse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out value))
        {
            error = $"value of {what} version number exceeds 18446744073709551615";
            return false;
        }

        rest = rest[digits..];
        error = "";
        if (last) return true;
        if (rest.IsEmpty)
        {
            error = $"unexpected end of input while parsing {what} version number";
            return false;
        }

        if (rest[0] != '.')
        {
            error = $"unexpected character '{rest[0]}' after {what} version number";
            return false;
        }

        rest = rest[1..];
        return true;
    }

    private static bool Identifiers(ref ReadOnlySpan<char> rest, string what, out string identifiers, out string error)
    {
        int end = 1;
        while (end < rest.Length && (char.IsAsciiLetterOrDigit(rest[end]) || rest[end] is '-' or '.')) end++;
        identifiers = rest[1..end].ToString();
        rest = rest[end..];
        foreach (string segment in identifiers.Split('.'))
        {
            if (segment.Length == 0)
            {
                error = $"empty identifier segment in {what}";
                return false;
            }

            if (what[0] == 'p' && segment.Length > 1 && segment[0] == '0' && segment.All(char.IsAsciiDigit))
            {
                error = $"invalid leading zero in {what}";
                return false;
            }
        }

        error = "";
        return true;
    }

    /// <summary>Precedence of semver.org, item 11; build metadata does not count.</summary>
    public int CompareTo(SemVer? other)
    {
        if (other is null) return 1;
        int c = (Major, Minor, Patch).CompareTo((other.Major, other.Minor, other.Patch));
        if (c != 0) return c;
        if (Pre.Length == 0 || other.Pre.Length == 0) return other.Pre.Length.CompareTo(Pre.Length);
        string[] a = Pre.Split('.'), b = other.Pre.Split('.');
        for (int i = 0; i < Math.Min(a.Length, b.Length); i++)
        {
            bool na = ulong.TryParse(a[i], NumberStyles.None, CultureInfo.InvariantCulture, out ulong x);
            bool nb = ulong.TryParse(b[i], NumberStyles.None, CultureInfo.InvariantCulture, out ulong y);
            c = na && nb ? x.CompareTo(y) : na ? -1 : nb ? 1 : string.CompareOrdinal(a[i], b[i]);
            if (c != 0) return c;
        }

        return a.Length.CompareTo(b.Length);
    }

    public override string ToString() => $"{Major}.{Minor}.{Patch}{(Pre.Length > 0 ? $"-{Pre}" : "")}{(Build.Length > 0 ? $"+{Build}" : "")}";
}
