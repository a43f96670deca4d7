// The certificate of HTTPS, read again when its files change: one that is renewed needs no restart.
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mote.Packaging.Toml;

namespace Mote.Node;

/// <summary>
/// A certificate with its key and the certificates between it and its authority, from PEM files. The files are looked at
/// every <see cref="Interval"/>; what is in them is compared, so that links which are moved, as those of ACME clients are,
/// count as well. Connections that there are keep what they were made with.
/// </summary>
public sealed class ServerCertificate : IAsyncDisposable
{
    /// <summary>How often the files are looked at.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    /// <summary>Most bytes of each file: no certificate has as many.</summary>
    private const int MaxBytes = 1 << 20;

    private readonly string _certificate;
    private readonly string _key;
    private readonly Action<string> _log;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _looking;
    private volatile SslStreamCertificateContext _current;
    private Pem? _inUse;
    private Pem? _seen;
    private Pem? _said;

    /// <summary>Reads the files and begins to look at them.</summary>
    /// <param name="certificate">The certificate, and after it those between it and its authority.</param>
    /// <param name="key">Its key.</param>
    /// <param name="time">When to look.</param>
    /// <param name="log">Told of what was read, and of what could not be.</param>
    /// <exception cref="ConfigException">They cannot be used.</exception>
    public ServerCertificate(string certificate, string key, TimeProvider time, Action<string> log)
    {
        _certificate = certificate;
        _key = key;
        _log = log;
        try
        {
            _inUse = Pem.Read(certificate, key);
            _current = Context(_inUse);
        }
        catch (Exception e) when (IsFault(e))
        {
            throw new ConfigException("node config", 0, $"the certificate {certificate} with the key {key} cannot be used: {e.Message}");
        }

        _looking = LookAgainAndAgain(time);
    }

    /// <summary>What new connections get.</summary>
    public SslStreamCertificateContext Current => _current;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _looking.ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task LookAgainAndAgain(TimeProvider time)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_end.Token).ConfigureAwait(false)) Look();
        }
        catch (OperationCanceledException)
        {
            // The node ends.
        }
    }

    private void Look()
    {
        Pem? now = null;
        try
        {
            now = Pem.Read(_certificate, _key);
            if (now == _inUse) return;
            SslStreamCertificateContext context = Context(now);
            (_current, _inUse) = (context, now);
            _log($"the certificate of HTTPS was read again: {context.TargetCertificate.Subject}, until {context.TargetCertificate.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm} UTC");
        }
        catch (Exception e) when (IsFault(e))
        {
            now ??= Pem.Nothing;
            // Two files are not written at once: what is wrong at two looks in turn is said, and that once.
            if (now == _seen && now != _said)
            {
                _said = now;
                _log($"the new certificate {_certificate} with the key {_key} cannot be used, so the old one stays: {e.Message}");
            }
        }

        _seen = now;
    }

    private static SslStreamCertificateContext Context(Pem pem)
    {
        using X509Certificate2 read = X509Certificate2.CreateFromPem(pem.Certificate, pem.Key);
        // Through PKCS#12, so that the key is where every platform's TLS finds it.
        X509Certificate2 own = X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), null);
        var all = new X509Certificate2Collection();
        all.ImportFromPem(pem.Certificate);
        // Nothing is fetched: what clients need besides is in the file.
        return SslStreamCertificateContext.Create(own, [.. all.Skip(1)], offline: true);
    }

    private static bool IsFault(Exception e) => e is CryptographicException or IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException;

    /// <summary>What is in the files.</summary>
    private sealed record Pem(string Certificate, string Key)
    {
        /// <summary>They cannot be read.</summary>
        public static readonly Pem Nothing = new("", "");

        public static Pem Read(string certificate, string key) => new(Text(certificate), Text(key));

        private static string Text(string path)
        {
            using FileStream file = File.OpenRead(path);
            if (file.Length > MaxBytes) throw new InvalidDataException($"{path} has more than {MaxBytes >> 20} MiB");
            using var reader = new StreamReader(file);
            return reader.ReadToEnd();
        }
    }
}
