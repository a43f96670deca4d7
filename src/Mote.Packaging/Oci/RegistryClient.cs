// A client of the OCI distribution specification (1.1), the part that pulls: manifests and blobs of one repository, with
// Basic and Bearer authentication (distribution's token specification).
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Mote.Runtime;

namespace Mote.Packaging.Oci;

/// <summary>Pulls from one repository. Not for several threads at once.</summary>
public sealed class RegistryClient : IDisposable
{
    private const int MaxRedirects = 5, MaxHeaderKibibytes = 64, MaxToken = 256 << 10, MaxErrorBody = 8 << 10, MaxErrorText = 300;

    private readonly OciReference _repository;
    private readonly RegistryOptions _options;
    private readonly bool _isPlain;
    private readonly Uri _root;
    private readonly HttpMessageInvoker _http;
    private readonly RegistryLogin? _login;
    private AuthenticationHeaderValue? _authorization;
    private SecretValues _secrets;
    private SslPolicyErrors _mistrust;

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="repository">The repository; what is asked for is of it.</param>
    /// <param name="options">What it puts up with.</param>
    /// <exception cref="OciException">There are credentials or authorities that cannot be read.</exception>
    public RegistryClient(OciReference repository, RegistryOptions options)
    {
        ArgumentNullException.ThrowIfNull(repository);
        ArgumentNullException.ThrowIfNull(options);
        (_repository, _options) = (repository, options);
        RegistryConfig? config = options.Registries.GetValueOrDefault(repository.Host);
        // TLS, unless node.toml says otherwise; a registry on this machine is mostly one without.
        _isPlain = config?.PlainHttp ?? (config?.Ca is null && OciReference.IsLoopback(repository.Host));
        _root = new Uri($"{(_isPlain ? "http" : "https")}://{repository.Host}/v2/{repository.Repository}/");
        _login = RegistryLogin.Find(repository, config, options.Environment);
        _secrets = _login?.Hidden ?? SecretValues.None;
        if (_login is { User: null, IsRefreshToken: false }) _authorization = Bearer(_login.Secret);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, // credentials must not follow a redirect, and not every redirect is to be followed
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None, // digests are those of the bytes as they are sent
            ConnectTimeout = options.AnswerTime,
            MaxResponseHeadersLength = MaxHeaderKibibytes,
        };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, errors) => (_mistrust = errors) == SslPolicyErrors.None;
        if (config?.Ca is { } ca) Trust(handler, ca);
        _http = new HttpMessageInvoker(handler);
    }

    /// <summary>A manifest's bytes, which are those of its digest where the reference has one.</summary>
    /// <returns>The bytes, and the SHA-256 of them.</returns>
    /// <exception cref="OciException">There is none, or it cannot be had.</exception>
    public async Task<(byte[] Bytes, string Digest)> GetManifestAsync(OciReference reference, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(reference);
        string name = reference.Digest is { } pinned ? $"{OciReference.DigestPrefix}{pinned}" : reference.Tag!;
        return await Within(async limit =>
        {
            using HttpResponseMessage response = await Send(() =>
            {
                var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_root, $"manifests/{name}"));
                foreach (string type in OciManifest.Accepted) request.Headers.Accept.ParseAdd(type);
                return request;
            }, limit).ConfigureAwait(false);
            await Check(response, reference.ToString(), limit).ConfigureAwait(false);
            byte[] bytes = await ReadSmall(response, OciManifest.MaxBytes, $"{reference}: its manifest", limit).ConfigureAwait(false);
            string digest = OciManifest.DigestOf(bytes);
            if (reference.Digest is { } wanted && digest != wanted) throw new OciException(OciFault.Invalid, $"{reference}: the registry gave a manifest with another digest, {OciReference.DigestPrefix}{digest}");
            if (Header(response, "Docker-Content-Digest") is { } said && said.StartsWith(OciReference.DigestPrefix, StringComparison.Ordinal) && said != OciReference.DigestPrefix + digest) throw new OciException(OciFault.Invalid, $"{reference}: the registry gave a manifest that is not of the digest which it says");
            return (bytes, digest);
        }, token).ConfigureAwait(false);
    }

    /// <summary>Begins to read a blob.</summary>
    /// <param name="digest">Its SHA-256.</param>
    /// <param name="from">The first byte that is wanted. A registry may begin at 0 all the same: the response says.</param>
    /// <param name="token">Ends it early.</param>
    /// <returns>A response with status 200, 206 or 416, which is the caller's to dispose of.</returns>
    /// <exception cref="OciException">There is none, or it cannot be had.</exception>
    internal async Task<HttpResponseMessage> GetBlobAsync(string digest, long from, CancellationToken token) => await Within(async limit =>
    {
        HttpResponseMessage response = await Send(() =>
        {
            var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_root, $"blobs/{OciReference.DigestPrefix}{digest}"));
            if (from > 0) request.Headers.Range = new RangeHeaderValue(from, null);
            return request;
        }, limit).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && from > 0) return response;
        try
        {
            await Check(response, $"the blob {OciReference.DigestPrefix}{digest} of {_repository.Host}/{_repository.Repository}", limit).ConfigureAwait(false);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }, token).ConfigureAwait(false);

    /// <summary>An error of the connection, as an <see cref="OciException"/> that has nothing of a secret.</summary>
    internal OciException Fault(Exception e)
    {
        bool isTls = e is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError };
        if (isTls && _mistrust is not SslPolicyErrors.None and var why) return new OciException(OciFault.Denied, $"{_repository.Host}: its certificate is not trusted ({why}): name its authority, \"{_repository.Host}\" = {{ ca = \"ca.pem\" }} under [registries] of node.toml");
        return new OciException(OciFault.Unavailable, $"{_repository.Host}: {Clean((e.InnerException ?? e).Message)}{(isTls ? $" (where it has no TLS: \"{_repository.Host}\" = {{ plain-http = true }} under [registries] of node.toml)" : "")}");
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private void Trust(SocketsHttpHandler handler, string ca)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(ca);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new OciException(OciFault.Denied, $"{ca}, the authority of {_repository.Host}, cannot be read: {e.Message}");
        }

        handler.SslOptions.CertificateChainPolicy = Authorities.Only(authorities);
    }

    /// <summary>Bounds the time of something small, and gives what goes wrong its words.</summary>
    private async Task<T> Within<T>(Func<CancellationToken, Task<T>> what, CancellationToken token)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(token);
        limit.CancelAfter(_options.AnswerTime);
        try
        {
            return await what(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            throw new OciException(OciFault.Unavailable, $"{_repository.Host} did not answer within {_options.AnswerTime.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Fault(e);
        }
    }

    /// <summary>Sends a request; says who this node is where the registry asks for it.</summary>
    private async Task<HttpResponseMessage> Send(Func<HttpRequestMessage> make, CancellationToken token)
    {
        HttpResponseMessage response = await Follow(make, token).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.Unauthorized || !IsRegistry(response.RequestMessage!.RequestUri!)) return response;
        Challenge[] challenges = [.. (response.Headers.TryGetValues("WWW-Authenticate", out IEnumerable<string>? headers) ? headers : []).SelectMany(Challenge.Parse)];
        AuthenticationHeaderValue? before = _authorization;
        if (challenges.FirstOrDefault(c => c.Scheme == "bearer" && c.Parameters.ContainsKey("realm")) is { } bearer) _authorization = await Token(bearer, token).ConfigureAwait(false);
        else if (challenges.Any(c => c.Scheme == "basic") && _login is { User: not null }) _authorization = new AuthenticationHeaderValue("Basic", _login.Basic);
        if (Equals(_authorization, before)) return response; // said already, or nothing to say
        response.Dispose();
        return await Follow(make, token).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> Follow(Func<HttpRequestMessage> make, CancellationToken token)
    {
        Uri? to = null;
        for (int redirects = 0; ; redirects++)
        {
            using HttpRequestMessage request = make();
            if (to is not null) request.RequestUri = to;
            if (IsRegistry(request.RequestUri!)) request.Headers.Authorization = _authorization;
            HttpResponseMessage response = await _http.SendAsync(request, token).ConfigureAwait(false);
            if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect)) return response;
            Uri from = request.RequestUri!;
            Uri? next = response.Headers.Location;
            response.Dispose();
            if (next is null) throw new OciException(OciFault.Invalid, $"{_repository.Host} sends on to nowhere");
            if (redirects == MaxRedirects) throw new OciException(OciFault.Invalid, $"{_repository.Host} sends on from one address to the next, more than {MaxRedirects} times");
            to = next.IsAbsoluteUri ? next : new Uri(from, next);
            // A stranger must not choose what this machine says to itself, or have it say something without TLS.
            if (!MayAsk(to)) throw new OciException(OciFault.Invalid, $"{_repository.Host} sends on to {Clean(to.Scheme)}://{Clean(to.Host)}, and is followed to https:// addresses only");
        }
    }

    private bool MayAsk(Uri to) => to.Scheme == "https" || (_isPlain && to.Scheme == "http");

    private bool IsRegistry(Uri uri) => Uri.Compare(uri, _root, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;

    /// <summary>A token from the server that the registry names.</summary>
    private async Task<AuthenticationHeaderValue?> Token(Challenge challenge, CancellationToken token)
    {
        if (!Uri.TryCreate(challenge.Parameters["realm"], UriKind.Absolute, out Uri? realm) || !MayAsk(realm)) throw new OciException(OciFault.Invalid, $"{_repository.Host} names a server for tokens that is none with TLS");
        string scope = challenge.Parameters.GetValueOrDefault("scope") ?? $"repository:{_repository.Repository}:pull";
        (string, string)[] parameters = [("service", challenge.Parameters.GetValueOrDefault("service") ?? ""), ("scope", scope)];
        using var request = new HttpRequestMessage();
        if (_login is { IsRefreshToken: true })
        {
            request.Method = HttpMethod.Post;
            request.RequestUri = realm;
            request.Content = new FormUrlEncodedContent([.. parameters.Select(p => KeyValuePair.Create(p.Item1, p.Item2)), new("grant_type", "refresh_token"), new("client_id", "mote"), new("refresh_token", _login.Secret)]);
        }
        else
        {
            string query = string.Join('&', parameters.Where(p => p.Item2.Length > 0).Select(p => $"{p.Item1}={Uri.EscapeDataString(p.Item2)}"));
            request.RequestUri = new UriBuilder(realm) { Query = realm.Query.Length > 1 ? $"{realm.Query[1..]}&{query}" : query }.Uri;
            if (_login is { User: not null }) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", _login.Basic);
        }

        using HttpResponseMessage response = await _http.SendAsync(request, token).ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden) throw Refused($"the server for tokens of {_repository.Host} ({Clean(realm.Host)})");
        await Check(response, $"{Clean(realm.Host)}, the server for tokens of {_repository.Host},", token).ConfigureAwait(false);
        byte[] body = await ReadSmall(response, MaxToken, $"the answer of {Clean(realm.Host)}, the server for tokens of {_repository.Host},", token).ConfigureAwait(false);
        try
        {
            using var json = JsonDocument.Parse(body);
            foreach (string key in (string[])["token", "access_token"])
            {
                if (json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } found) return Bearer(found);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Said below: it gave none.
        }

        throw new OciException(OciFault.Invalid, $"{Clean(realm.Host)}, the server for tokens of {_repository.Host}, gave no token");
    }

    private AuthenticationHeaderValue Bearer(string secret)
    {
        if (!secret.All(c => c is > ' ' and < '\x7f')) throw new OciException(OciFault.Denied, $"the token for {_repository.Host} has characters that no header may have");
        _secrets = _secrets.With(new SecretValues([secret]));
        return new AuthenticationHeaderValue("Bearer", secret);
    }

    private async Task Check(HttpResponseMessage response, string what, CancellationToken token)
    {
        if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent) return;
        int status = (int)response.StatusCode;
        bool isElsewhere = !IsRegistry(response.RequestMessage!.RequestUri!);
        string said = await Said(response, token).ConfigureAwait(false);
        if (!isElsewhere && status is 401 or 403) throw Refused($"{_repository.Host}", said);
        if (status is 404) throw new OciException(OciFault.NotFound, $"{what}: the registry has none{said}");
        bool mayPass = status is 408 or 429 or >= 500 || (isElsewhere && status is 401 or 403);
        throw new OciException(mayPass ? OciFault.Unavailable : OciFault.Invalid, $"{what}: the registry answered {status}{said}") { RetryAfter = After(response) };
    }

    private OciException Refused(string who, string said = "") => new(OciFault.Denied, _login is null
        ? $"{who} wants to know who asks for {_repository.Repository}, and there are no credentials for it: `docker login {_repository.Host}`, or user and password under [registries] of node.toml{said}"
        : $"{who} does not let this node have {_repository.Repository}: see its credentials ({(_options.Registries.GetValueOrDefault(_repository.Host)?.Login is null ? "Docker's config.json" : "[registries] of node.toml")}){said}");

    /// <summary>What a registry says about an error, as far as it is short and no secret.</summary>
    private async Task<string> Said(HttpResponseMessage response, CancellationToken token)
    {
        try
        {
            byte[] body = await ReadSmall(response, MaxErrorBody, "an error", token).ConfigureAwait(false);
            using var json = JsonDocument.Parse(body);
            JsonElement error = json.RootElement.GetProperty("errors")[0];
            string text = string.Join(", ", ((string[])["code", "message"]).Select(k => error.TryGetProperty(k, out JsonElement v) && v.ValueKind == JsonValueKind.String ? v.GetString()! : "").Where(t => t.Length > 0));
            return text.Length > 0 ? $": {Clean(text)}" : "";
        }
        catch (Exception e) when (e is OciException or JsonException or InvalidOperationException or KeyNotFoundException or IndexOutOfRangeException or HttpRequestException or IOException)
        {
            return "";
        }
    }

    private static async Task<byte[]> ReadSmall(HttpResponseMessage response, int most, string what, CancellationToken token)
    {
        if (response.Content.Headers.ContentLength > most) throw new OciException(OciFault.Invalid, $"{what} has {response.Content.Headers.ContentLength} bytes, and may have {most}");
        using Stream body = await response.Content.ReadAsStreamAsync(token).ConfigureAwait(false);
        var all = new MemoryStream();
        var buffer = new byte[16 << 10];
        for (int read; (read = await body.ReadAsync(buffer, token).ConfigureAwait(false)) > 0;)
        {
            if (all.Length + read > most) throw new OciException(OciFault.Invalid, $"{what} has more than {most} bytes");
            all.Write(buffer, 0, read);
        }

        return all.ToArray();
    }

    private TimeSpan? After(HttpResponseMessage response) => response.Headers.RetryAfter is not { } after ? null : after.Delta ?? (after.Date - _options.Time.GetUtcNow());

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;

    private string Clean(string text)
    {
        text = _secrets.Mask(text);
        return string.Concat((text.Length > MaxErrorText ? $"{text[..(MaxErrorText - 1)]}…" : text).Select(c => char.IsControl(c) ? ' ' : c));
    }
}
