// Who one is at an address, as URLs say it before the host (`mqtt://user:password@host`): for nobody to read. Every line
// that is written goes through here, by SecretValues and by ConfigException.
namespace Mote.Packaging;

/// <summary>Takes user, password and token out of URLs.</summary>
public static class UrlUserInfo
{
    /// <summary>A text whose URLs have no user information; all else is as it was.</summary>
    public static string Mask(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int next = text.IndexOf("://", StringComparison.Ordinal);
        if (next < 0 || text.IndexOf('@', next) < 0) return text;
        var masked = new System.Text.StringBuilder(text.Length);
        int done = 0;
        for (; next >= 0; next = text.IndexOf("://", done, StringComparison.Ordinal))
        {
            int start = next + 3;
            ReadOnlySpan<char> rest = text.AsSpan(start);
            int end = rest.IndexOfAny(" \t\r\n\"<>`");
            if (end >= 0) rest = rest[..end];
            masked.Append(text, done, start - done);
            int user = Length(rest);
            if (user > 0) masked.Append(SecretValues.Mark);
            done = start + user;
        }

        return masked.Append(text, done, text.Length - done).ToString();
    }

    /// <summary>
    /// What stands where an address should be, and need not be one: without all that stands before its last @. Error messages
    /// quote it so, since nobody can say where the password ends in what is no URL.
    /// </summary>
    public static string MaskAddress(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int at = text.LastIndexOf('@');
        if (at < 0) return text;
        int scheme = text.IndexOf("://", StringComparison.Ordinal);
        return string.Concat(scheme >= 0 && scheme < at ? text.AsSpan(0, scheme + 3) : "", SecretValues.Mark, text.AsSpan(at));
    }

    /// <summary>A URL for people.</summary>
    public static string Show(Uri url)
    {
        ArgumentNullException.ThrowIfNull(url);
        // Not by looking for the user information in the text: a URL's text has other escapes than it.
        return url.IsAbsoluteUri && url.UserInfo.Length > 0 ? new UriBuilder(url) { UserName = "", Password = "" }.Uri.ToString() : url.ToString();
    }

    /// <summary>What a URL says that nobody is to read: the password; where there is none, the user, which is a token then.</summary>
    internal static IEnumerable<string> SecretsOf(Uri url)
    {
        if (url.UserInfo.Length == 0) yield break;
        string[] parts = url.UserInfo.Split(':', 2);
        yield return parts is [_, { Length: > 0 }] ? parts[1] : parts[0];
        yield return Uri.UnescapeDataString(parts is [_, { Length: > 0 }] ? parts[1] : parts[0]);
    }

    /// <summary>How much of what stands behind a scheme is user information and its @; 0 for nothing.</summary>
    private static int Length(ReadOnlySpan<char> rest)
    {
        int last = rest.LastIndexOf('@');
        if (last < 0) return 0;
        int slash = rest.IndexOfAny('/', '?', '#');
        ReadOnlySpan<char> authority = slash < 0 ? rest : rest[..slash];
        int at = authority.LastIndexOf('@');
        if (at >= 0) return at;
        // An @ in a path; or a password with a slash in it, where what stands behind the colon is no port.
        int colon = authority.LastIndexOf(':');
        return colon >= 0 && authority[(colon + 1)..].ContainsAnyExceptInRange('0', '9') && !authority.StartsWith('[') ? last : 0;
    }
}
