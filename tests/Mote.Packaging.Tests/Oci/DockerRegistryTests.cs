// Pulls from a real registry: without a login, with Basic and with Bearer authentication, and over TLS with an authority of
// one's own.
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mote.Packaging.Oci;
using Mote.Tests.Servers;

namespace Mote.Packaging.Tests.Oci;

public sealed class DockerRegistryTests : IDisposable
{
    private static readonly Artifact s_artifact = new(new ArtifactLayer("about it"u8.ToArray(), "text/markdown", "readme.md"), new ArtifactLayer([.. Enumerable.Range(0, 1 << 20).Select(i => (byte)(i * 7))]));

    private readonly PullSite _site = new();

    public void Dispose() => _site.Dispose();

    private async Task Works(DockerRegistry registry)
    {
        using HttpClient http = DockerRegistry.Pusher();
        await s_artifact.Push(http, registry.Url, "plant/detector", "v1");
        var pull = new ModelPull(_site.Store, _site.Options);
        OciReference pinned = await pull.PinAsync(OciReference.Parse($"{registry.Host}/plant/detector:v1", out _)!, TestContext.Current.CancellationToken);
        Assert.Equal(PullSite.Reference(registry.Host, s_artifact, "plant/detector"), pinned);
        Assert.Equal(s_artifact.Layers[1].Bytes, await _site.Bytes(pinned));
    }

    private void Docker(string host, string password) => File.WriteAllText(Path.Combine(_site.Folder, "config.json"), $"{{\"auths\":{{\"{host}\":{{\"auth\":\"{Convert.ToBase64String(Encoding.UTF8.GetBytes($"{DockerRegistry.User}:{password}"))}\"}}}}}}");

    [Fact]
    public async Task Registry_ThatAsksForNoLogin()
    {
        using var registry = DockerRegistry.StartNew();
        await Works(registry);
        OciException e = await Assert.ThrowsAsync<OciException>(() => new ModelPull(_site.Store, _site.Options).PinAsync(OciReference.Parse($"{registry.Host}/plant/detector:v2", out _)!, TestContext.Current.CancellationToken));
        Assert.Equal(OciFault.NotFound, e.Fault);
        Assert.Contains("MANIFEST_UNKNOWN", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Registry_KnowsRanges()
    {
        using var registry = DockerRegistry.StartNew();
        using HttpClient http = DockerRegistry.Pusher();
        await s_artifact.Push(http, registry.Url, "plant/detector", "v1");
        byte[] model = s_artifact.Layers[1].Bytes;
        Directory.CreateDirectory(Path.Combine(_site.Folder, "models"));
        File.WriteAllBytes(Path.Combine(_site.Folder, "models", $"pull-{Artifact.DigestOf(model)["sha256:".Length..]}"), model[..700_000]);
        Assert.Equal(model, await _site.Bytes(PullSite.Reference(registry.Host, s_artifact, "plant/detector")));
        Assert.True(_site.Progress.First().Done > 700_000);
    }

    [Fact]
    public async Task Registry_ThatAsksForUserAndPassword()
    {
        using var registry = DockerRegistry.StartNew(login: true);
        OciReference reference = PullSite.Reference(registry.Host, s_artifact, "plant/detector");
        Assert.Contains("no credentials for it", (await _site.Refused(reference)).Message, StringComparison.Ordinal);
        Docker(registry.Host, "another-s3cret");
        OciException e = await _site.Refused(reference);
        Assert.Contains("does not let this node have plant/detector: see its credentials (Docker's config.json)", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", e.ToString(), StringComparison.Ordinal);
        Docker(registry.Host, DockerRegistry.Password);
        await Works(registry);
    }

    [Fact]
    public async Task Registry_WithTheLoginOfNodeToml_AndAnAuthorityOfItsOwn()
    {
        (string certificate, string key) = Certificate(_site.Folder);
        using var registry = DockerRegistry.StartNew(login: true, tls: (certificate, key));
        NodeConfig Config(string more)
        {
            string file = Path.Combine(_site.Folder, "node.toml");
            File.WriteAllText(file, $"[registries]\n\"{registry.Host}\" = {{ plain-http = false, user = \"{DockerRegistry.User}\", password = {{ file = \"password\" }}{more} }}\n");
            return NodeConfig.Load(file, new NodeConfig());
        }

        File.WriteAllText(Path.Combine(_site.Folder, "password"), $"{DockerRegistry.Password}\n");
        _site.Options = _site.Options with { Registries = Config("").Registries };
        OciException e = await _site.Refused(PullSite.Reference(registry.Host, s_artifact, "plant/detector"));
        Assert.Contains("{ ca = \"ca.pem\" } under [registries] of node.toml", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", e.ToString(), StringComparison.Ordinal);
        _site.Options = _site.Options with { Registries = Config($", ca = \"{certificate}\"").Registries };
        await Works(registry);
    }

    [Fact]
    public async Task Registry_WithoutTls_IsNotSpokenToOpenly_WhereTlsIsExpected()
    {
        using var registry = DockerRegistry.StartNew();
        _site.Options = _site.Options with { Registries = new Dictionary<string, RegistryConfig> { [registry.Host] = new() { PlainHttp = false } } };
        Assert.Contains("{ plain-http = true } under [registries]", (await _site.Refused(PullSite.Reference(registry.Host, s_artifact))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Registry_ThatWantsTokens()
    {
        // Tokens as the registry checks them: a JWT signed by a key whose certificate it knows.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=tokens", key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        string bundle = Path.Combine(_site.Folder, "bundle.pem");
        File.WriteAllText(bundle, certificate.ExportCertificatePem());
        string? scope = null;
        await using var tokens = new ScriptedRegistry(async r =>
        {
            scope = Uri.UnescapeDataString(r.Path.Split("scope=")[^1].Split('&')[0]);
            bool isKnown = r.Header("authorization") == $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{DockerRegistry.User}:{DockerRegistry.Password}"))}";
            if (isKnown) await r.Reply(200, $$"""{"token":"{{Token(key, certificate, scope)}}"}""");
            else await r.Reply(401, """{"errors":[{"code":"UNAUTHORIZED","message":"who?"}]}""");
        });
        using var registry = DockerRegistry.StartNew(auth: $"auth:\n  token: {{ realm: \"http://{tokens.Host}/token\", service: reg, issuer: test, rootcertbundle: {bundle} }}\n");
        using (HttpClient http = DockerRegistry.Pusher())
        {
            http.DefaultRequestHeaders.Authorization = new("Bearer", Token(key, certificate, "repository:plant/detector:pull,push"));
            await s_artifact.Push(http, registry.Url, "plant/detector", "v1");
        }

        OciReference reference = PullSite.Reference(registry.Host, s_artifact, "plant/detector");
        Assert.Equal(OciFault.Denied, (await _site.Refused(reference)).Fault);
        Docker(registry.Host, DockerRegistry.Password);
        Assert.Equal(s_artifact.Layers[1].Bytes, await _site.Bytes(reference));
        Assert.Equal("repository:plant/detector:pull", scope);
    }

    private static string Token(ECDsa key, X509Certificate2 certificate, string scope)
    {
        string[] parts = scope.Split(':');
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        string head = $$"""{"typ":"JWT","alg":"ES256","x5c":["{{Convert.ToBase64String(certificate.RawData)}}"]}""";
        string body = $$"""{"iss":"test","sub":"edge","aud":"reg","iat":{{now - 60}},"nbf":{{now - 60}},"exp":{{now + 600}},"jti":"{{Guid.NewGuid():N}}","access":[{"type":"{{parts[0]}}","name":"{{parts[1]}}","actions":[{{string.Join(',', parts[2].Split(',').Select(a => $"\"{a}\""))}}]}]}""";
        string signed = $"{Base64(Encoding.UTF8.GetBytes(head))}.{Base64(Encoding.UTF8.GetBytes(body))}";
        return $"{signed}.{Base64(key.SignData(Encoding.UTF8.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation))}";
    }

    private static string Base64(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    /// <summary>A certificate for 127.0.0.1 that is its own authority.</summary>
    private static (string Certificate, string Key) Certificate(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=registry", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        (string file, string keyFile) = (Path.Combine(folder, "registry.pem"), Path.Combine(folder, "registry.key"));
        File.WriteAllText(file, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        return (file, keyFile);
    }
}
