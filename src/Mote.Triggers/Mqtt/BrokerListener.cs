// Takes the connections of the embedded broker's clients.
using System.Net;
using System.Net.Sockets;
using MQTTnet.Adapter;
using MQTTnet.Diagnostics.Logger;
using MQTTnet.Server;

namespace Mote.Triggers.Mqtt;

/// <summary>A TCP listener for MQTTnet's server, whose connections are <see cref="BrokerConnection"/>.</summary>
internal sealed class BrokerListener : IMqttServerAdapter
{
    private const int Backlog = 512;

    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly PublishIntake _intake;
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Listens from now on; connections wait until the server starts.</summary>
    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public BrokerListener(IPEndPoint listen, PublishIntake intake)
    {
        _intake = intake;
        _socket = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // A port whose last connections are still in TIME_WAIT can be taken again: on Unix Bind sees to that. ReuseAddress
            // would also let two nodes listen on one port (SO_REUSEPORT).
            _socket.Bind(listen);
            _socket.Listen(Backlog);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Endpoint => (IPEndPoint)_socket.LocalEndPoint!;

    /// <inheritdoc/>
    public Func<IMqttChannelAdapter, Task> ClientHandler { get; set; } = static _ => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(MqttServerOptions options, IMqttNetLogger logger)
    {
        _ = Accept();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _socket.Dispose();
    }

    private async Task Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = Serve(await _socket.AcceptAsync(_stop.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // The client has gone again, or there are no more file descriptors: then some time helps.
                await Task.WhenAny(Task.Delay(s_again, _stop.Token)).ConfigureAwait(false);
            }
        }
    }

    private async Task Serve(Socket socket)
    {
        // Whatever is wrong with a connection ends it and nothing else; MQTTnet has logged it where it can say more.
        using (socket)
        {
            try
            {
                socket.NoDelay = true;
                using var connection = new BrokerConnection(socket, _intake);
                await Task.Yield();
                await ClientHandler(connection).ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException or MQTTnet.Exceptions.MqttCommunicationException or MQTTnet.Exceptions.MqttProtocolViolationException)
            {
            }
        }
    }
}
