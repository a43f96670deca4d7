// [nats] in node.toml: where NATS is, and who this node is there.
using Mote.Packaging.Toml;

namespace Mote.Packaging.Nats;

/// <summary>A connection to NATS; nothing of NATS is used where node.toml has no [nats].</summary>
/// <param name="Urls">Its servers, without user and password; one that answers is used.</param>
public sealed record NatsConfig(IReadOnlyList<Uri> Urls)
{
    /// <summary>The file of credentials (a JWT and its seed, as `nsc` writes them); null for none.</summary>
    public string? Credentials { get; init; }

    /// <summary>The file with the seed of an nkey; null for none.</summary>
    public string? NKey { get; init; }

    /// <summary>The user; null for none.</summary>
    public string? User { get; init; }

    /// <summary>The user's password, or a token where there is no user; null for none.</summary>
    public string? Password { get; init; }

    /// <summary>Certificates of the authorities that the servers' are checked with; null for the system's.</summary>
    public string? Authority { get; init; }

    /// <summary>The certificate and the key by which the servers know this node, PEM files; null for none.</summary>
    public (string Certificate, string Key)? Certificate { get; init; }

    /// <summary>Whether a connection without TLS is refused.</summary>
    public bool RequiresTls { get; init; }

    internal static NatsConfig Read(TomlTable table, string folder)
    {
        (List<Uri> urls, string? user, string? password) = ReadUrls(table);
        if (table.String("user") is { } named)
        {
            if (user is not null || password is not null) throw table.Values["user"].Error("the user is in `url` already: leave one of them out");
            user = named;
            password = table.String("password") ?? throw table.Error("a `user` needs a `password`");
        }

        if (table.String("password") is { } alone && user is null) throw table.Values["password"].Error("a `password` needs a `user`");
        if (table.String("token") is { } token)
        {
            if (user is not null || password is not null) throw table.Values["token"].Error("a node has a user or a `token`, and this one has both");
            password = token;
        }

        string? credentials = File("credentials"), nkey = File("nkey");
        if (new[] { credentials, nkey, password }.Count(v => v is not null) > 1) throw table.Error("[nats] has one of `credentials`, `nkey`, `user` and `token`, and this one has several");
        var config = new NatsConfig(urls)
        {
            Credentials = credentials,
            NKey = nkey,
            User = user,
            Password = password,
            RequiresTls = urls.Any(u => u.Scheme == "tls"),
        };
        if (table.Table("tls") is { } tls)
        {
            string? certificate = Pem(tls, "certificate"), key = Pem(tls, "key");
            if (certificate is null != key is null) throw tls.Error("a `certificate` needs its `key`, and a `key` its `certificate`");
            config = config with { RequiresTls = true, Authority = Pem(tls, "ca"), Certificate = certificate is null ? null : (certificate, key!) };
            tls.RejectUnknown("[nats.tls]");
        }

        table.RejectUnknown("[nats]");
        return config;

        string? File(string key) => Pem(table, key);

        string? Pem(TomlTable t, string key) => t.String(key) is { } value ? t.ExistingFile(key, folder, value) : null;
    }

    /// <summary>url = "nats://a:4222" or a list of them.</summary>
    private static (List<Uri> Urls, string? User, string? Password) ReadUrls(TomlTable table)
    {
        string[] texts = table.Get("url") is TomlList ? table.Strings("url") : [table.Required("url", "\"nats://127.0.0.1:4222\"")];
        if (texts.Length == 0) throw table.Values["url"].Error("`url` names no server");
        var urls = new List<Uri>();
        string? user = null, password = null;
        foreach (string text in texts)
        {
            if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("nats" or "tls") || url.Host.Length == 0 || url.PathAndQuery is not ("" or "/"))
            {
                throw table.Values["url"].Error($"`url` must be nats://host:port or tls://host:port, found \"{UrlUserInfo.MaskAddress(text)}\"");
            }

            if (url.UserInfo.Length > 0)
            {
                string[] parts = url.UserInfo.Split(':', 2);
                (user, password) = parts.Length == 2 ? (Uri.UnescapeDataString(parts[0]), Uri.UnescapeDataString(parts[1])) : (null, Uri.UnescapeDataString(parts[0]));
            }

            urls.Add(new UriBuilder(url.Scheme, url.Host, url.IsDefaultPort || url.Port < 0 ? 4222 : url.Port).Uri);
        }

        return (urls, user, password);
    }
}
