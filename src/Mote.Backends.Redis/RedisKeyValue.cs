// Key-value stores on a Redis server. Each change is one script there, so that it happens whole or not at all, whoever
// else writes at the same time.
using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mote.Capabilities.KeyValue;
using Mote.Runtime;
using StackExchange.Redis;

namespace Mote.Backends.Redis;

/// <summary>Where the server is.</summary>
/// <param name="Url">redis://[[user]:password@]host[:port][/database], or rediss:// for TLS.</param>
/// <param name="Timeout">How long a call may take; null for five seconds.</param>
/// <param name="Authority">Certificates of the authorities that the server's must be from, a PEM file; null for the system's.</param>
public sealed record RedisOptions(Uri Url, TimeSpan? Timeout = null, string? Authority = null)
{
    /// <summary>Reads the file of authorities.</summary>
    /// <exception cref="IOException">It cannot be read, or has no certificate.</exception>
    public X509Certificate2Collection? Authorities()
    {
        if (Authority is null) return null;
        try
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPemFile(Authority);
            return all.Count > 0 ? all : throw new IOException($"{Authority} has no certificate");
        }
        catch (Exception e) when (e is CryptographicException or UnauthorizedAccessException)
        {
            throw new IOException($"{Authority} cannot be used: {e.Message}", e);
        }
    }
}

/// <summary>
/// The Redis backend. It connects when a store is first opened, and again whenever the connection breaks; meanwhile every
/// call is an error at once. What a call has changed is as safe as the server makes it (`appendonly yes`,
/// `appendfsync always` for what the embedded store gives).
/// </summary>
public sealed class RedisKeyValue : IKeyValueBackend, IDisposable
{
    private readonly Uri _url;
    private readonly TimeSpan _timeout;
    private readonly RedisOptions _options;
    private readonly Lock _lock = new();
    private volatile ConnectionMultiplexer? _connection;
    private KeyValueException? _fault;
    private long _faultAt;
    private bool _disposed;

    // Guests wait for answers on threads of the pool. Where they have all of it, an answer that needs one to be read is
    // read when it is too late; with threads of its own the client reads it meanwhile.
    static RedisKeyValue() => ConnectionMultiplexer.SetFeatureFlag("DedicatedThreads", true);

    /// <summary>Does not connect yet.</summary>
    public RedisKeyValue(RedisOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _url = options.Url;
        _timeout = options.Timeout ?? TimeSpan.FromSeconds(5);
    }

    /// <summary>Where the server is, for people: without a password.</summary>
    public string Address => $"{_url.Scheme}://{_url.Host}:{Port}";

    private int Port => _url.Port > 0 ? _url.Port : 6379;

    /// <inheritdoc/>
    public bool IsElsewhere => true;

    /// <inheritdoc/>
    public IKeyValueStore Open(string app, string name)
    {
        _ = Database(); // a server that was never there is an error of `open`, where a component expects it
        return new RedisStore(this, app, name);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _connection?.Dispose();
            _connection = null;
        }
    }

    /// <summary>The connection, made when it is first needed.</summary>
    /// <exception cref="KeyValueException">The server is not there.</exception>
    internal IDatabase Database()
    {
        if (_connection is { } there) return there.GetDatabase();
        lock (_lock)
        {
            if (_disposed) throw new KeyValueException("the key-value store is closed");
            // Those that waited for this attempt have its answer too, and need not wait as long once more.
            if (_fault is not null && Stopwatch.GetElapsedTime(_faultAt) < TimeSpan.FromSeconds(1)) throw new KeyValueException(_fault.Message, _fault.InnerException);
            try
            {
                return (_connection ??= ConnectionMultiplexer.Connect(Configuration())).GetDatabase();
            }
            catch (Exception e) when (e is RedisException or System.Net.Sockets.SocketException or IOException or TimeoutException)
            {
                _fault = Fault(e);
                _faultAt = Stopwatch.GetTimestamp();
                throw _fault;
            }
        }
    }

    internal KeyValueException Fault(Exception e) => new(e switch
    {
        // The server's own words.
        RedisServerException => $"the Redis server {Address} refuses: {e.Message}",
        _ when Certificate(e) is { } why => $"the Redis server {Address} is not trusted: {why}; `ca` under [keyvalue] names the authority that its certificate is from",
        RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } => $"the Redis server {Address} does not take the name or the password in `url` under [keyvalue]",
        RedisTimeoutException or TimeoutException => $"the Redis server {Address} has not answered within {_timeout.TotalMilliseconds:0} ms; what was asked for may have been done",
        _ => $"the Redis server {Address} is not there",
    }, e);

    /// <summary>What is wrong with the server's certificate; null where that is not it.</summary>
    private static string? Certificate(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
        {
            if (e is System.Security.Authentication.AuthenticationException) return e.Message;
        }

        return null;
    }

    private ConfigurationOptions Configuration()
    {
        var options = new ConfigurationOptions
        {
            ClientName = "mote",
            // The first connection must be there; later ones are made again in the background for as long as it takes.
            AbortOnConnectFail = true,
            ConnectRetry = 1,
            ConnectTimeout = (int)_timeout.TotalMilliseconds,
            SyncTimeout = (int)_timeout.TotalMilliseconds,
            ReconnectRetryPolicy = new LinearRetry(500),
            HeartbeatInterval = TimeSpan.FromMilliseconds(500),
            // A guest's time runs while it waits: an error at once, and not one when its time is over.
            BacklogPolicy = BacklogPolicy.FailFast,
            Ssl = _url.Scheme == "rediss",
            SslHost = _url.Scheme == "rediss" ? _url.Host : null,
        };
        options.EndPoints.Add(_url.Host, Port);
        if (_options.Authorities() is { } authorities)
        {
            X509ChainPolicy policy = Authorities.Only(authorities);
            options.SslClientAuthenticationOptions = host => new SslClientAuthenticationOptions { TargetHost = host, CertificateChainPolicy = policy };
        }

        if (_url.UserInfo.Length > 0)
        {
            string[] parts = _url.UserInfo.Split(':', 2);
            if (parts.Length == 2)
            {
                if (parts[0].Length > 0) options.User = Uri.UnescapeDataString(parts[0]);
                options.Password = Uri.UnescapeDataString(parts[1]);
            }
            else
            {
                options.Password = Uri.UnescapeDataString(parts[0]);
            }
        }

        if (_url.AbsolutePath.Length > 1 && int.TryParse(_url.AbsolutePath.AsSpan(1), out int database)) options.DefaultDatabase = database;
        return options;
    }
}
