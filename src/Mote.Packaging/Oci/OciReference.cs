// The name of an artifact: HOST[:PORT]/PATH, with a tag, a digest or both behind it. The grammar is that of
// distribution/reference, but that the registry is always named.
using System.Globalization;
using System.Net;

namespace Mote.Packaging.Oci;

/// <summary>An artifact in a registry.</summary>
/// <param name="Host">The registry, with its port where one was named.</param>
/// <param name="Repository">The path below it.</param>
/// <param name="Tag">The tag; null for none.</param>
/// <param name="Digest">The SHA-256 of its manifest, 64 digits in lower case; null where it is not pinned.</param>
public sealed record OciReference(string Host, string Repository, string? Tag, string? Digest)
{
    /// <summary>How the one kind of digest begins.</summary>
    public const string DigestPrefix = "sha256:";

    private const int MaxHost = 255, MaxLabel = 63, MaxRepository = 255, MaxTag = 128, DigestDigits = 64;
    private const string Form = "HOST/PATH@sha256:DIGEST or HOST/PATH:TAG";

    /// <summary>The same artifact by its digest, which never names another.</summary>
    public OciReference Pinned(string digest) => this with { Tag = null, Digest = digest };

    /// <summary>As it is written.</summary>
    public override string ToString() => $"{Host}/{Repository}{(Tag is null ? "" : $":{Tag}")}{(Digest is null ? "" : $"@{DigestPrefix}{Digest}")}";

    /// <summary>Whether a text can be meant as a reference, and not as a file: it names a registry, and a tag or a digest.</summary>
    public static bool Resembles(string text)
    {
        int slash = text.IndexOf('/');
        return slash > 0 && !text.StartsWith('.') && text.AsSpan(0, slash) is var host && (host is "localhost" || host.ContainsAny('.', ':')) && text.AsSpan(slash).ContainsAny('@', ':');
    }

    /// <summary>Reads a reference.</summary>
    /// <param name="text">The reference.</param>
    /// <param name="fault">What is wrong with it, for the end of a line; null where nothing is.</param>
    /// <returns>Null where something is.</returns>
    public static OciReference? Parse(string text, out string? fault)
    {
        ArgumentNullException.ThrowIfNull(text);
        fault = null;
        if (text.Contains("://", StringComparison.Ordinal)) return Fail($"a reference has no scheme in front of it: write {Form}", out fault);
        int at = text.IndexOf('@');
        string? digest = at < 0 ? null : text[(at + 1)..];
        string name = at < 0 ? text : text[..at];
        int slash = name.IndexOf('/');
        if (slash <= 0) return Fail($"a reference begins with its registry: {Form}", out fault);
        string host = name[..slash], repository = name[(slash + 1)..];
        int colon = repository.LastIndexOf(':');
        string? tag = colon < 0 ? null : repository[(colon + 1)..];
        if (colon >= 0) repository = repository[..colon];

        if (digest is not null && DigestFault(digest) is { } bad) return Fail(bad, out fault);
        if (HostFault(host) is { } noHost) return Fail(noHost, out fault);
        if (repository.Length is 0 or > MaxRepository) return Fail($"the path behind the registry has 1 to {MaxRepository} characters, found {repository.Length}", out fault);
        if (!repository.Split('/').All(IsComponent)) return Fail($"the path behind the registry has lower-case letters and digits, with `.`, `_`, `__` or dashes between them, and `/` between its parts, found \"{repository}\"", out fault);
        if (tag is not null && !IsTag(tag)) return Fail($"a tag has 1 to {MaxTag} letters, digits, `_`, `.` and `-`, and begins with no `.` and no `-`, found \"{tag}\"", out fault);
        if (tag is null && digest is null) return Fail($"it has neither a digest nor a tag: {Form}", out fault);
        return new OciReference(host, repository, tag, digest?[DigestPrefix.Length..]);
    }

    /// <summary>What is wrong with a registry's name; null where nothing is.</summary>
    internal static string? HostFault(string host)
    {
        const string What = "a registry is a host with a dot or a port in it, such as registry.example.com or 10.0.0.5:5000";
        if (host.Length > MaxHost) return What;
        int end = host.StartsWith('[') ? host.IndexOf(']') + 1 : host.IndexOf(':') is var c and >= 0 ? c : host.Length;
        if (end <= 0) return What;
        string name = host[..end], port = host[end..];
        bool isAddress = name[0] == '[';
        bool isName = isAddress ? !name.Contains('%') && IPAddress.TryParse(name.AsSpan(1, name.Length - 2), out _) : name.Split('.').All(IsLabel);
        if (!isName) return $"{What}, found \"{host}\"";
        if (port.Length > 0 && !(port.Length is >= 2 and <= 6 && port[0] == ':' && port[1..].All(char.IsAsciiDigit) && int.Parse(port[1..], CultureInfo.InvariantCulture) is >= 1 and <= 65535)) return $"the port of a registry is a number from 1 to 65535, found \"{host}\"";
        if (!Uri.TryCreate($"https://{host}/", UriKind.Absolute, out _)) return $"{What}, found \"{host}\"";
        return isAddress || port.Length > 0 || name == "localhost" || name.Contains('.') ? null : $"{What}, found \"{host}\"";
    }

    /// <summary>The digits of a digest; null where it is none.</summary>
    internal static string? DigestOf(string text) =>
        text.StartsWith(DigestPrefix, StringComparison.Ordinal) && text.Length == DigestPrefix.Length + DigestDigits && text.AsSpan(DigestPrefix.Length).IndexOfAnyExcept("0123456789abcdef") < 0 ? text[DigestPrefix.Length..] : null;

    /// <summary>What is wrong with a digest; null where nothing is.</summary>
    internal static string? DigestFault(string digest)
    {
        if (digest.StartsWith("sha512:", StringComparison.Ordinal)) return "digests are SHA-256 here, and this one is SHA-512";
        return DigestOf(digest) is not null
            ? null : $"a digest is \"{DigestPrefix}\" and {DigestDigits} digits in lower case, found \"{(digest.Length > 100 ? $"{digest[..100]}…" : digest)}\"";
    }

    /// <summary>Whether a registry is on this machine.</summary>
    internal static bool IsLoopback(string host)
    {
        string name = host.StartsWith('[') ? host[1..Math.Max(1, host.IndexOf(']'))] : host.Split(':')[0];
        return name is "localhost" || (IPAddress.TryParse(name, out IPAddress? address) && IPAddress.IsLoopback(address));
    }

    private static bool IsLabel(string label) => label.Length is > 0 and <= MaxLabel && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static bool IsTag(string tag) => tag.Length is > 0 and <= MaxTag && tag[0] is not ('.' or '-') && tag.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    /// <summary>Letters and digits, and between them one dot, one or two underscores, or any number of dashes.</summary>
    private static bool IsComponent(string text)
    {
        int i = 0;
        while (true)
        {
            int start = i;
            while (i < text.Length && (char.IsAsciiLetterLower(text[i]) || char.IsAsciiDigit(text[i]))) i++;
            if (i == start) return false;
            if (i == text.Length) return true;
            char separator = text[i];
            int first = i;
            while (i < text.Length && text[i] == separator) i++;
            if (!(separator switch { '.' => i - first == 1, '_' => i - first <= 2, '-' => true, _ => false })) return false;
        }
    }

    private static OciReference? Fail(string what, out string fault)
    {
        fault = what;
        return null;
    }
}
