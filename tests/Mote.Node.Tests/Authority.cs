// A certificate authority of a test's own, with PEM files as a broker and a node want them.
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mote.Node.Tests;

internal sealed class Authority : IDisposable
{
    private readonly string _folder;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly ECDsa _middleKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;
    private readonly X509Certificate2 _middle;
    private readonly string _name;
    private byte _serial = 2;

    public Authority(string folder, string name = "root")
    {
        (_folder, _name) = (folder, name);
        _root = Request($"CN={name}", _key).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-3), DateTimeOffset.UtcNow.AddDays(3));
        using X509Certificate2 middle = Request($"CN={name}-middle", _middleKey).Create(_root, DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(2), [1]);
        _middle = middle.CopyWithPrivateKey(_middleKey);
        File.WriteAllText(Ca, _root.ExportCertificatePem());
    }

    /// <summary>The authority's own certificate.</summary>
    public string Ca => Path.Combine(_folder, $"{_name}.pem");

    /// <summary>A certificate and its key; the one between it and the authority is in its file too.</summary>
    public (string Certificate, string Key) Issue(string name, DateTimeOffset? until = null, IPAddress? address = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        if (address is not null) names.AddIpAddress(address);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 leaf = request.Create(_middle, DateTimeOffset.UtcNow.AddDays(-1), until ?? DateTimeOffset.UtcNow.AddDays(1), [_serial++]);
        string certificate = Path.Combine(_folder, $"{name}.pem"), keyFile = Path.Combine(_folder, $"{name}.key");
        File.WriteAllText(certificate, $"{leaf.ExportCertificatePem()}\n{_middle.ExportCertificatePem()}\n");
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        return (certificate, keyFile);
    }

    private static CertificateRequest Request(string name, ECDsa key)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }

    public void Dispose()
    {
        _root.Dispose();
        _middle.Dispose();
        _key.Dispose();
        _middleKey.Dispose();
    }
}
