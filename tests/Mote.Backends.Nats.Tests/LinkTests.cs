// The connection to a real nats-server: who the node is there, and what it says when it is not let in.
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mote.Capabilities.Messaging;
using Mote.Tests.Servers;
using NATS.NKeys;

namespace Mote.Backends.Nats.Tests;

public sealed class LinkTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("mote-nats-tests-").FullName;
    private readonly ConcurrentQueue<string> _log = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private NatsLink Link(NatsServer server, Func<NatsSettings, NatsSettings>? with = null)
    {
        var settings = new NatsSettings([server.Url], "mote-test");
        settings = with?.Invoke(settings) ?? settings;
        settings.Check();
        return new NatsLink(settings, _log.Enqueue);
    }

    private static async Task Until(Func<bool> condition, Func<string> otherwise)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < s_patience, otherwise());
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    private async Task LetsIn(NatsLink link)
    {
        await Until(() => link.IsConnected, () => $"not connected: {string.Join(" | ", _log)}");
        new NatsBroker(link, TimeProvider.System).Publish([("let.in", new Message("x"u8.ToArray()))]);
    }

    [Fact]
    public async Task NKey_OfAUser_IsLetIn_AndAnotherIsNot()
    {
        using KeyPair user = KeyPair.CreatePair(PrefixByte.User), stranger = KeyPair.CreatePair(PrefixByte.User);
        using NatsServer server = NatsServer.StartNew($"authorization {{ users: [ {{ nkey: {user.GetPublicKey()} }} ] }}");
        string file = Write("node.nk", $"# the node's key\n{user.GetSeed()}\n{user.GetPublicKey()}\n");
        await using (NatsLink link = Link(server, s => s with { NKeyFile = file })) await LetsIn(link);

        await using NatsLink other = Link(server, s => s with { NKeyFile = Write("other.nk", stranger.GetSeed()) });
        await Until(() => !_log.IsEmpty, () => "it does not say that it is not let in");
        Assert.False(other.IsConnected);
        Assert.Contains("authorization violation", Assert.Single(_log), StringComparison.OrdinalIgnoreCase);
        // The operator corrects the file: it is let in without a restart.
        Write("other.nk", user.GetSeed());
        await LetsIn(other);
        Assert.EndsWith("is there", _log.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Credentials_OfAnOperatorsAccount_AreLetIn()
    {
        using KeyPair authority = KeyPair.CreatePair(PrefixByte.Operator), account = KeyPair.CreatePair(PrefixByte.Account), user = KeyPair.CreatePair(PrefixByte.User);
        string accountToken = Token(authority, account.GetPublicKey(), "account", "{\"limits\":{\"subs\":-1,\"data\":-1,\"payload\":-1,\"conn\":-1,\"leaf\":-1,\"imports\":-1,\"exports\":-1,\"wildcards\":true},\"type\":\"account\",\"version\":2}");
        using NatsServer server = NatsServer.StartNew($$"""
            operator: {{Token(authority, authority.GetPublicKey(), "operator", "{\"type\":\"operator\",\"version\":2}")}}
            resolver: MEMORY
            resolver_preload: { {{account.GetPublicKey()}}: {{accountToken}} }
            """, jetStream: false);
        string userToken = Token(account, user.GetPublicKey(), "node", "{\"pub\":{},\"sub\":{},\"subs\":-1,\"data\":-1,\"payload\":-1,\"type\":\"user\",\"version\":2}");
        string Credentials(KeyPair key) => $"-----BEGIN NATS USER JWT-----\n{userToken}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{key.GetSeed()}\n------END USER NKEY SEED------\n";
        await using (NatsLink link = Link(server, s => s with { CredentialsFile = Write("node.creds", Credentials(user)) })) await LetsIn(link);

        using KeyPair thief = KeyPair.CreatePair(PrefixByte.User);
        await using NatsLink stolen = Link(server, s => s with { CredentialsFile = Write("stolen.creds", Credentials(thief)) });
        await Until(() => !_log.IsEmpty, () => "it does not say that it is not let in");
        Assert.False(stolen.IsConnected);
    }

    /// <summary>A JWT of NATS (ed25519-nkey), signed by its issuer; its id is the hash of its claims.</summary>
    private static string Token(KeyPair issuer, string subject, string name, string claims)
    {
        string Body(string id) => $"{{\"jti\":\"{id}\",\"iat\":{DateTimeOffset.UtcNow.ToUnixTimeSeconds()},\"iss\":\"{issuer.GetPublicKey()}\",\"name\":\"{name}\",\"sub\":\"{subject}\",\"nats\":{claims}}}";
        string id = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Body(""))));
        string head = $"{Text("{\"typ\":\"JWT\",\"alg\":\"ed25519-nkey\"}")}.{Text(Body(id))}";
        byte[] signature = new byte[64];
        issuer.Sign(Encoding.ASCII.GetBytes(head), signature);
        return $"{head}.{Base64Url.EncodeToString(signature)}";

        static string Text(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
    }

    [Fact]
    public async Task UserOrToken_IsLetIn()
    {
        using (NatsServer server = NatsServer.StartNew("authorization { user: node, password: \"p:@/ %\" }"))
        {
            await using NatsLink link = Link(server, s => s with { User = "node", Password = "p:@/ %" });
            await LetsIn(link);
        }

        using (NatsServer server = NatsServer.StartNew("authorization { token: s3cret }"))
        {
            await using NatsLink link = Link(server, s => s with { Password = "s3cret" });
            await LetsIn(link);
        }
    }

    [Fact]
    public async Task Tls_WithACertificateOfTheNodes_IsLetIn_AndWhoIsNotKnownIsNot()
    {
        using X509Certificate2 authority = Certificate("CN=authority", null), servers = Certificate("CN=127.0.0.1", authority), nodes = Certificate("CN=node", authority), foreign = Certificate("CN=stranger", null);
        string ca = Write("ca.pem", authority.ExportCertificatePem());
        using NatsServer server = NatsServer.StartNew($"tls {{ cert_file: \"{Write("server.pem", servers.ExportCertificatePem())}\", key_file: \"{Write("server.key", Key(servers))}\", ca_file: \"{ca}\", verify: true }}");
        await using (NatsLink link = Link(server, s => s with { RequiresTls = true, AuthorityFile = ca, Certificate = (Write("node.pem", nodes.ExportCertificatePem()), Write("node.key", Key(nodes))) })) await LetsIn(link);

        await using NatsLink stranger = Link(server, s => s with { RequiresTls = true, AuthorityFile = ca, Certificate = (Write("foreign.pem", foreign.ExportCertificatePem()), Write("foreign.key", Key(foreign))) });
        await Until(() => _log.Count == 1, () => "it does not say that it is not let in");
        // And a server that the node does not know is not spoken to.
        await using NatsLink wary = Link(server, s => s with { RequiresTls = true, AuthorityFile = Write("other.pem", foreign.ExportCertificatePem()) });
        await Until(() => _log.Count == 2, () => "it does not say that it does not know the server");
        Assert.False(stranger.IsConnected || wary.IsConnected);
        // Nor is one without TLS, where the node asks for it.
        using NatsServer plain = NatsServer.StartNew();
        await using NatsLink strict = Link(plain, s => s with { RequiresTls = true });
        await Until(() => _log.Count == 3, () => "it does not say that there is no TLS");
        Assert.False(strict.IsConnected);
    }

    private static string Key(X509Certificate2 certificate) => certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem();

    private static X509Certificate2 Certificate(string name, X509Certificate2? by)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(by is null, false, 0, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset now = DateTimeOffset.UtcNow;
        if (by is null) return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using X509Certificate2 signed = request.Create(by, now.AddDays(-1), now.AddDays(1).AddMinutes(-1), RandomNumberGenerator.GetBytes(8));
        return signed.CopyWithPrivateKey(key);
    }

    [Fact]
    public async Task Server_ThatComesAndGoes_IsSaidOnceEachTime()
    {
        using NatsServer server = NatsServer.StartNew();
        server.Kill();
        await using NatsLink link = Link(server);
        await Until(() => !_log.IsEmpty, () => "nothing is said");
        Assert.Throws<MessagingException>(() => new NatsBroker(link, TimeProvider.System).Publish([("a", new Message("x"u8.ToArray()))]));
        server.Start();
        await LetsIn(link);
        server.Kill();
        await Until(() => !link.IsConnected && _log.Count >= 3, () => string.Join(" | ", _log));
        server.Start();
        await LetsIn(link);
        await Until(() => _log.Count >= 4, () => string.Join(" | ", _log));
        string[] said = [.. _log];
        Assert.Equal(4, said.Length);
        Assert.Contains("trying again", said[0], StringComparison.Ordinal);
        Assert.EndsWith("is there", said[1], StringComparison.Ordinal);
        Assert.Contains("the connection broke", said[2], StringComparison.Ordinal);
        Assert.EndsWith("is there", said[3], StringComparison.Ordinal);
    }

    [Fact]
    public void File_ThatCannotBeUsed_IsSaidAtTheStart()
    {
        var settings = new NatsSettings([new Uri("nats://127.0.0.1:4222")], "test");
        Assert.Contains("begins with SU", Assert.Throws<InvalidDataException>((settings with { NKeyFile = Write("a", "nothing\n") }).Check).Message, StringComparison.Ordinal);
        Assert.Contains("check value", Assert.Throws<InvalidDataException>((settings with { NKeyFile = Write("b", "SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBA\n") }).Check).Message, StringComparison.Ordinal);
        Assert.Contains("gone", Assert.Throws<InvalidDataException>((settings with { NKeyFile = Path.Combine(_folder, "gone") }).Check).Message, StringComparison.Ordinal);
        Assert.Contains("no credentials", Assert.Throws<InvalidDataException>((settings with { CredentialsFile = Write("c", "x") }).Check).Message, StringComparison.Ordinal);
    }
}
