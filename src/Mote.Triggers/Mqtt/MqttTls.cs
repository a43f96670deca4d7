// TLS to an MQTT broker: authorities of our own choice, and a certificate of the node's. The connection is made here and
// not by MQTTnet, which would not send the certificates between the node's own and its authority.
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MQTTnet.Channel;
using Mote.Runtime;

namespace Mote.Triggers.Mqtt;

/// <summary>PEM files for TLS to a broker. They are read at each connection, so that renewed ones need no restart.</summary>
/// <param name="Ca">Authorities that the broker's certificate must be from; null for those of the system.</param>
/// <param name="Certificate">The node's certificate, and behind it those between it and its authority; null for none.</param>
/// <param name="Key">Its key, without a password.</param>
public sealed record MqttTlsFiles(string? Ca, string? Certificate, string? Key)
{
    /// <summary>Most bytes of each file: no certificate has as many.</summary>
    private const int MaxBytes = 1 << 20;

    internal X509Certificate2Collection? Authorities() => Ca is null ? null : Read(Ca, () =>
    {
        var all = new X509Certificate2Collection();
        all.ImportFromPem(Text(Ca));
        return all.Count > 0 ? all : throw new InvalidDataException("there is no certificate in it");
    });

    internal SslStreamCertificateContext? Own() => Certificate is null ? null : Read($"{Certificate} with the key {Key}", () =>
    {
        string certificate = Text(Certificate);
        using X509Certificate2 read = X509Certificate2.CreateFromPem(certificate, Text(Key!));
        // Through PKCS#12, so that the key is where every platform's TLS finds it.
        X509Certificate2 own = X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), null);
        var all = new X509Certificate2Collection();
        all.ImportFromPem(certificate);
        return SslStreamCertificateContext.Create(own, [.. all.Skip(1)], offline: true);
    });

    private static T Read<T>(string what, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException)
        {
            throw new AuthenticationException($"{what} cannot be used: {e.Message}", e);
        }
    }

    private static string Text(string path)
    {
        using FileStream file = File.OpenRead(path);
        if (file.Length > MaxBytes) throw new InvalidDataException($"{path} has more than {MaxBytes >> 20} MiB");
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }
}

/// <summary>Makes connections with TLS.</summary>
internal sealed class MqttTls(string host, MqttTlsFiles files) : IMqttClientStreamProvider
{
    public async Task<Stream> ConnectAsync(EndPoint remoteEndPoint, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        SslStream? stream = null;
        try
        {
            await socket.ConnectAsync(remoteEndPoint, cancellationToken).ConfigureAwait(false);
            stream = new SslStream(new NetworkStream(socket, ownsSocket: true), leaveInnerStreamOpen: false);
            var options = new SslClientAuthenticationOptions { TargetHost = host, ClientCertificateContext = files.Own(), RemoteCertificateValidationCallback = Judge };
            if (files.Authorities() is { } authorities) options.CertificateChainPolicy = Authorities.Only(authorities);

            await stream.AuthenticateAsClientAsync(options, cancellationToken).ConfigureAwait(false);
            return stream;
        }
        catch
        {
            if (stream is not null) await stream.DisposeAsync().ConfigureAwait(false);
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Says what is wrong with the broker's certificate, which .NET's own exception does not.</summary>
    private bool Judge(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None) return true;
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable)) throw new AuthenticationException("the broker shows no certificate");
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) throw new AuthenticationException($"the broker's certificate ({certificate.Subject}) is not for `{host}`");
        string why = string.Join(", ", chain?.ChainStatus.Select(s => s.Status.ToString()).Distinct() ?? []);
        throw new AuthenticationException($"the broker's certificate ({certificate.Subject}) is not trusted ({why}){(files.Ca is null ? ": name its authority with ca = \"ca.pem\"" : $": is its authority in {files.Ca}?")}");
    }
}
