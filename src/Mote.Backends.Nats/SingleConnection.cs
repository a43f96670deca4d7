// One connection to NATS from its beginning to its end. The client keeps what it could not send when a connection breaks,
// and sends it by the next one, while what was on its way is gone: later messages would come before earlier ones.
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Mote.Backends.Nats;

/// <summary>A connection that is not made again: where it breaks, nothing of it is sent any more.</summary>
internal sealed class SingleConnection : IAsyncDisposable
{
    private readonly NatsConnection _connection;
    private readonly CancellationTokenSource _broken = new();
    private int _connected;

    private SingleConnection(NatsOpts options)
    {
        // After it broke it waits until it is disposed of. What it has to say of that is nobody's problem.
        _connection = new NatsConnection(options with { LoggerFactory = new NatsProblems(), RetryOnInitialConnect = false, ReconnectWaitMin = TimeSpan.FromDays(1), ReconnectWaitMax = TimeSpan.FromDays(1) });
        _connection.OnConnectingAsync = target => Volatile.Read(ref _connected) != 0 ? throw new IOException("this connection is not made again") : ValueTask.FromResult(target);
        _connection.ConnectionDisconnected += (_, _) =>
        {
            _broken.Cancel();
            return ValueTask.CompletedTask;
        };
        JetStream = new NatsJSContext(_connection);
    }

    /// <summary>Cancelled when it breaks.</summary>
    public CancellationToken Broken => _broken.Token;

    public INatsJSContext JetStream { get; }

    /// <summary>Connects.</summary>
    /// <exception cref="Exception">It cannot; what <see cref="NatsLink.IsFault"/> is true for.</exception>
    public static async Task<SingleConnection> ConnectAsync(NatsOpts options, CancellationToken token)
    {
        var single = new SingleConnection(options);
        try
        {
            await single._connection.ConnectAsync().AsTask().WaitAsync(token).ConfigureAwait(false);
            Volatile.Write(ref single._connected, 1);
            return single;
        }
        catch
        {
            await single.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        _broken.Dispose();
    }
}
