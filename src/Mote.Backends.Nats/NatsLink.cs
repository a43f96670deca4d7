// The connection to NATS that everything of a node shares. It is made again whenever it breaks: a server that is not
// there, at start or later, is not an error.
using System.Text;
using Mote.DataPlane;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Mote.Backends.Nats;

/// <summary>A connection to NATS.</summary>
public sealed class NatsLink : IAsyncDisposable
{
    /// <summary>How long an answer of the server is waited for.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>How long to wait before the server is asked again.</summary>
    internal static readonly Backoff Backoff = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(30));

    private readonly NatsConnection _connection;
    private readonly NatsProblems _problems;
    private readonly Action<string> _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _first;
    private bool _saidGone;
    private volatile string? _fault = "it has not answered yet";

    /// <summary>Begins to connect, and goes on trying.</summary>
    /// <param name="settings">Where, and as whom.</param>
    /// <param name="log">Told when it cannot connect, or the connection goes, and when it is there again.</param>
    public NatsLink(NatsSettings settings, Action<string> log)
    {
        ArgumentNullException.ThrowIfNull(settings);
        _log = log;
        _problems = new NatsProblems();
        Address = string.Join(", ", settings.Urls.Select(u => $"{u.Host}:{u.Port}"));
        Options = new NatsOpts
        {
            Url = string.Join(',', settings.Urls.Select(u => u.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped))),
            Name = settings.Name,
            AuthOpts = settings.Authentication(),
            TlsOpts = settings.Tls(),
            LoggerFactory = _problems,
            HeaderEncoding = Encoding.UTF8,
            ConnectTimeout = Patience,
            RequestTimeout = Patience,
            CommandTimeout = Patience,
            ReconnectWaitMin = Backoff.First,
            ReconnectWaitMax = Backoff.Longest,
            ReconnectJitter = Backoff.First,
            MaxReconnectRetry = -1,
            // Credentials may be renewed, or the server's rules corrected: an edge goes on trying.
            IgnoreAuthErrorAbort = true,
            // Half of what the connection to a broker over a bad link is found dead after.
            PingInterval = TimeSpan.FromSeconds(20),
            PublishTimeoutOnDisconnected = true,
        };
        _connection = new NatsConnection(Options);
        JetStream = new NatsJSContext(_connection);
        _connection.ConnectionOpened += OnOpened;
        _connection.ConnectionDisconnected += OnDisconnected;
        _connection.ServerError += OnServerError;
        _first = Task.Run(ConnectFirst, CancellationToken.None);
    }

    /// <summary>Its servers, for people.</summary>
    public string Address { get; }

    /// <summary>Why there is no connection, for people; null while there is one.</summary>
    public string? Fault => IsConnected ? null : _fault ?? "the connection broke";

    /// <summary>True while there is a connection.</summary>
    public bool IsConnected => _connection.ConnectionState == NatsConnectionState.Open;

    /// <summary>How it connects, for those who need a connection of their own.</summary>
    internal NatsOpts Options { get; }

    internal INatsConnection Connection => _connection;

    internal INatsJSContext JetStream { get; }

    /// <summary>Most bytes of a message, headers and data, as the server has said.</summary>
    internal int MaxPayload => _connection.ServerInfo?.MaxPayload is > 0 and int most ? most : 1 << 20;

    /// <summary>Waits for the first connection.</summary>
    public Task WaitForConnectionAsync(CancellationToken token) => _first.WaitAsync(token);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
        await _first.ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>Waits until the server has taken what was sent so far, at most this long; false where it has not.</summary>
    internal async Task<bool> FlushAsync(TimeSpan timeout)
    {
        if (!IsConnected) return false;
        try
        {
            using var limit = new CancellationTokenSource(timeout);
            await _connection.PingAsync(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (IsFault(e))
        {
            return false;
        }
    }

    /// <summary>What the client throws where the server, or the connection, fails.</summary>
    internal static bool IsFault(Exception e) => e is NatsException or OperationCanceledException or TimeoutException or IOException or ObjectDisposedException or System.Net.Sockets.SocketException;

    private async Task ConnectFirst()
    {
        int attempt = 0;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _connection.ConnectAsync().ConfigureAwait(false);
                return;
            }
            catch (Exception e)
            {
                // Whatever it is (a file of credentials that is gone, a name that is not found): it is tried again.
                if (_stop.IsCancellationRequested) return;
                _fault = _problems.Take() ?? e.GetBaseException().Message;
                if (!_saidGone) _log($"NATS at {Address}: {_fault}; trying again until it is there");
                _saidGone = true;
            }

            try
            {
                await Task.Delay(Backoff.Before(++attempt), _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private ValueTask OnOpened(object? sender, NatsEventArgs e)
    {
        if (_saidGone) _log($"NATS at {Address} is there");
        _saidGone = false;
        _problems.Take();
        return ValueTask.CompletedTask;
    }

    private ValueTask OnDisconnected(object? sender, NatsEventArgs e)
    {
        _fault = $"the connection broke{(_problems.Take() is { } why ? $" ({why})" : "")}";
        if (!_stop.IsCancellationRequested && !_saidGone) _log($"NATS at {Address}: {_fault}; trying again until it is there");
        _saidGone = true;
        return ValueTask.CompletedTask;
    }

    private ValueTask OnServerError(object? sender, NatsServerErrorEventArgs e)
    {
        // Why it does not let this node in is said where the connection fails.
        if (e.Kind is NatsServerErrorKind.PermissionsViolation or NatsServerErrorKind.MaximumSubscriptionsExceeded or NatsServerErrorKind.Unknown) _log($"NATS at {Address} says: {e.Error}");
        return ValueTask.CompletedTask;
    }
}
