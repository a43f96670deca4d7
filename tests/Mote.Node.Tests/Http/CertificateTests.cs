// A certificate that is renewed: the node takes it up while it runs, and keeps the old one where the new one is no good.
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mote.Node.Tests.Http;

public sealed class CertificateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-certificate-").FullName;

    private string Pem => Path.Combine(_folder, "cert.pem");

    private string Key => Path.Combine(_folder, "key.pem");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Renewed_IsTaken_ABadOneIsNot_AndNoConnectionIsLost()
    {
        Write("first");
        await using HttpSite site = await HttpSite.Start(configure: c => c with { HttpTls = (Pem, Key) });
        using SslStream old = await Connect(site);
        Assert.Equal("CN=first", old.RemoteCertificate!.Subject);

        Write("second");
        await Until(site, "CN=second");

        // The key of another one, then no certificate at all: both are said, and what there is stays.
        using (var other = ECDsa.Create(ECCurve.NamedCurves.nistP256)) File.WriteAllText(Key, other.ExportPkcs8PrivateKeyPem());
        await Wait.Until(() => Said() == 1, () => "the wrong key is not said");
        Assert.Equal("CN=second", await Subject(site));
        File.Delete(Pem);
        await Wait.Until(() => Said() == 2, () => "that there is none is not said");
        Assert.Equal("CN=second", await Subject(site));

        Write("third");
        await Until(site, "CN=third");

        // The connection from the beginning is still one.
        await old.WriteAsync("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), Token);
        var buffer = new byte[1024];
        int n = await old.ReadAsync(buffer, Token);
        Assert.StartsWith("HTTP/1.1 200", System.Text.Encoding.ASCII.GetString(buffer, 0, n));

        int Said() => site.Log.Count(l => l.Contains("the old one stays", StringComparison.Ordinal));
    }

    /// <summary>Clients know the authority, and not those between.</summary>
    [Fact]
    public async Task CertificatesBetween_AreSent()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 root = Authority("CN=root", rootKey).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        using X509Certificate2 middle = Authority("CN=middle", middleKey).Create(root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), [1]);
        using X509Certificate2 middleWithKey = middle.CopyWithPrivateKey(middleKey);
        using X509Certificate2 leaf = Request("CN=leaf", key).Create(middleWithKey, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddHours(1), [2]);
        File.WriteAllText(Pem, $"{leaf.ExportCertificatePem()}\n{middle.ExportCertificatePem()}\n");
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        await using HttpSite site = await HttpSite.Start(configure: c => c with { HttpTls = (Pem, Key) });
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(root);
        using SslStream stream = await Connect(site, new SslClientAuthenticationOptions { TargetHost = "localhost", CertificateChainPolicy = policy });
        Assert.Equal("CN=leaf", stream.RemoteCertificate!.Subject);
    }

    private static CertificateRequest Request(string name, ECDsa key)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        return request;
    }

    private static CertificateRequest Authority(string name, ECDsa key)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request;
    }

    private void Write(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = Request($"CN={name}", key).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Pem, certificate.ExportCertificatePem());
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
    }

    private static async Task<SslStream> Connect(HttpSite site, SslClientAuthenticationOptions? options = null)
    {
        var client = new TcpClient();
        await client.ConnectAsync(System.Net.IPAddress.Loopback, site.Port, Token);
        var stream = new SslStream(client.GetStream());
        await stream.AuthenticateAsClientAsync(options ?? new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = static (_, _, _, _) => true }, Token);
        return stream;
    }

    private static async Task<string> Subject(HttpSite site)
    {
        using SslStream stream = await Connect(site);
        return stream.RemoteCertificate!.Subject;
    }

    private static async Task Until(HttpSite site, string subject)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (await Subject(site) is { } now && now != subject)
        {
            Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start) < Client.Patience, $"it is still {now}");
            await Task.Delay(50, Token);
        }
    }
}
