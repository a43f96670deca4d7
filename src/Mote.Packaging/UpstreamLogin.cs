// Who a node is to an upstream over HTTP: a bearer token, or a user and a password.
using System.Text;
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>Credentials of an upstream over HTTP.</summary>
/// <param name="User">The user of Basic authentication; null where <paramref name="Secret"/> is a bearer token.</param>
/// <param name="Secret">The token or the password.</param>
public sealed record UpstreamLogin(string? User, SecretSource Secret)
{
    /// <summary>The scheme and the value of an Authorization header.</summary>
    /// <exception cref="IOException">The secret cannot be read, or cannot be in a header.</exception>
    public (string Scheme, string Value) Header()
    {
        string secret = Secret.Value();
        if (User is not null) return ("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{secret}")));
        return secret.All(c => c is > ' ' and < '\x7f') ? ("Bearer", secret) : throw new IOException("the token has characters that no header may have: it is one word of ASCII");
    }

    /// <summary>What stands in a URL; null where nothing does.</summary>
    public static UpstreamLogin? OfUrl(Uri url)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (url.UserInfo.Length == 0) return null;
        string[] parts = url.UserInfo.Split(':', 2);
        return new UpstreamLogin(Uri.UnescapeDataString(parts[0]), SecretSource.Of(parts.Length == 2 ? Uri.UnescapeDataString(parts[1]) : ""));
    }

    /// <summary>`token`, or `user` and `password`, or what stands in the URL.</summary>
    internal static UpstreamLogin? Read(TomlTable table, string folder, Uri url)
    {
        Func<string, string?> environment = Environment.GetEnvironmentVariable;
        SecretSource? token = SecretSource.Read(table, "token", folder, environment), password = SecretSource.Read(table, "password", folder, environment);
        string? user = table.String("user");
        if (OfUrl(url) is { } inUrl)
        {
            if (token is not null || user is not null || password is not null) throw table.Error("the user is in `url` already: leave `token`, `user` and `password` out, or take it out of the URL");
            return inUrl;
        }

        if (token is not null && (user ?? (object?)password) is not null) throw table.Values["token"].Error("a node has a `token`, or a `user` and a `password`, and this one has both");
        if (user is null != password is null) throw table.Error($"`user` and `password` come together: `{(user is null ? "user" : "password")}` is missing");
        if (user?.Contains(':', StringComparison.Ordinal) == true) throw table.Values["user"].Error("a `user` has no colon: it stands between user and password (RFC 7617)");
        var login = token is not null ? new UpstreamLogin(null, token) : user is not null ? new UpstreamLogin(user, password!) : null;
        try
        {
            login?.Header();
            return login;
        }
        catch (IOException e)
        {
            throw table.Values["token"].Error($"`token`: {e.Message}");
        }
    }
}
