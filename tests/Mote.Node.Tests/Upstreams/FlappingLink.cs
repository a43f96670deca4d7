// A link to a server that comes and goes as a test says: it passes bytes on, lets nobody through, or cuts after so many
// bytes of either direction.
using System.Net;
using System.Net.Sockets;

namespace Mote.Node.Tests.Upstreams;

internal sealed class FlappingLink : IAsyncDisposable
{
    private readonly int _to;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];
    private readonly List<TcpClient> _open = [];
    private readonly Lock _lock = new();
    private TcpListener? _listener;
    private long _up = long.MaxValue;
    private long _down = long.MaxValue;

    public FlappingLink(int to)
    {
        _to = to;
        Listen(0);
        Port = ((IPEndPoint)_listener!.LocalEndpoint).Port;
    }

    public int Port { get; }

    /// <summary>Nobody is let in, and whoever was is out.</summary>
    public void GoAway()
    {
        lock (_lock)
        {
            _listener?.Stop();
            _listener = null;
            foreach (TcpClient c in _open) c.Close();
            _open.Clear();
        }
    }

    /// <summary>So many bytes more pass to the server and back; then everybody is out, until it is well again.</summary>
    public void CutAfter(long up, long down)
    {
        Volatile.Write(ref _up, up);
        Volatile.Write(ref _down, down);
    }

    public void BeWell()
    {
        CutAfter(long.MaxValue, long.MaxValue);
        if (_listener is null) Listen(Port);
    }

    public async ValueTask DisposeAsync()
    {
        GoAway();
        await _stop.CancelAsync();
        Task[] all;
        lock (_lock) all = [.. _tasks];
        await Task.WhenAll(all);
        _stop.Dispose();
    }

    private void Listen(int port)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Start();
        lock (_lock)
        {
            _listener = listener;
            _tasks.Add(Accept(listener));
        }
    }

    private async Task Accept(TcpListener listener)
    {
        while (true)
        {
            try
            {
                TcpClient near = await listener.AcceptTcpClientAsync(_stop.Token);
                var far = new TcpClient();
                try
                {
                    await far.ConnectAsync(IPAddress.Loopback, _to, _stop.Token);
                }
                catch (SocketException)
                {
                    // The server is away; the link is not.
                    near.Close();
                    far.Dispose();
                    continue;
                }

                near.LingerState = new LingerOption(true, 0);
                lock (_lock)
                {
                    if (_listener != listener)
                    {
                        // It went away while this one came in.
                        near.Close();
                        far.Close();
                        return;
                    }

                    _open.AddRange([near, far]);
                    _tasks.Add(Pass(near, far, isUp: true));
                    _tasks.Add(Pass(far, near, isUp: false));
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private async Task Pass(TcpClient from, TcpClient to, bool isUp)
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (true)
            {
                int n = await from.GetStream().ReadAsync(buffer, _stop.Token);
                if (n == 0) break;
                long left = isUp ? Interlocked.Add(ref _up, -n) : Interlocked.Add(ref _down, -n);
                int pass = left >= 0 ? n : (int)Math.Max(0, n + left);
                if (pass > 0) await to.GetStream().WriteAsync(buffer.AsMemory(0, pass), _stop.Token);
                if (left < 0) break;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // One of them is gone, and with it the other.
        }

        from.Close();
        to.Close();
    }
}
