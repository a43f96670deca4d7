// The device's own view: who looks, and what they are shown. While nobody does, a camera is not asked and no message is kept.
using System.Net.WebSockets;
using System.Text.Json;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Triggers.Camera;

namespace Mote.Node.View;

/// <summary>The view of a node.</summary>
internal sealed class DeviceView : IAsyncDisposable
{
    /// <summary>Most pages at once.</summary>
    public const int MostViewers = 8;

    private readonly ViewConfig _config;
    private readonly ViewAccess _access;
    private readonly TimeProvider _time;
    private readonly Action<string> _log;
    private readonly Func<ViewPage> _page;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _end = new();
    private volatile Viewer[] _viewers = [];
    private int _places;
    private IReadOnlyList<CameraStream> _cameras = [];
    private ViewServer? _server;

    /// <param name="config">What the operator wants.</param>
    /// <param name="key">The key that sessions are signed with.</param>
    /// <param name="page">What pages are told every second; asked when the view has started.</param>
    /// <param name="log">Told who begins to look and who ends.</param>
    /// <param name="time">The clock.</param>
    public DeviceView(ViewConfig config, byte[] key, Func<ViewPage> page, Action<string> log, TimeProvider time)
    {
        _config = config;
        _page = page;
        _log = log;
        _time = time;
        _access = new ViewAccess(key, config.Session, time);
    }

    /// <summary>What `mote apps` says of it.</summary>
    public ViewStatus? Status => _server is { } s ? new ViewStatus(s.Url.AbsoluteUri, _config.Remote, Viewers) : null;

    /// <summary>Pages that are looked at now.</summary>
    public int Viewers => _viewers.Length;

    /// <summary>True where there is a place for another page.</summary>
    public bool HasRoom => Volatile.Read(ref _places) < MostViewers;

    /// <summary>Who may look.</summary>
    public ViewAccess Access => _access;

    /// <summary>Listens.</summary>
    /// <param name="cameras">What can be looked at.</param>
    /// <param name="tls">The certificate and the key, for a view that other machines may reach.</param>
    /// <exception cref="Packaging.Toml.ConfigException">The address is in use, or the certificate cannot be used.</exception>
    public async Task StartAsync(IReadOnlyList<CameraStream> cameras, (string Certificate, string Key)? tls)
    {
        _cameras = cameras;
        _server = await ViewServer.StartAsync(this, _config, tls, _log).ConfigureAwait(false);
        if (_config.Remote) _log($"the view: pictures of this device's cameras can leave it: whoever is let in sees them from other machines, at {_server.Url} (remote = true under [view])");
    }

    /// <summary>Lets somebody in, once.</summary>
    public ViewInvitation Invite()
    {
        (string token, DateTimeOffset until) = _access.Invite();
        // Behind a #, so that no server sees it, nor any log that has addresses.
        return new ViewInvitation($"{_server!.Url.AbsoluteUri}#{token}", until);
    }

    /// <summary>The view as a component reaches it.</summary>
    public IComponentView Of(string app, string component, string? camera) => new ComponentView(this, app, component, camera);

    /// <summary>Shows somebody what there is, until they go.</summary>
    /// <param name="socket">The page's.</param>
    /// <param name="from">Where it is, for the log.</param>
    /// <param name="until">When its session ends.</param>
    public async Task ShowAsync(WebSocket socket, string from, DateTimeOffset until)
    {
        if (Interlocked.Increment(ref _places) > MostViewers)
        {
            Interlocked.Decrement(ref _places);
            socket.Abort();
            return;
        }

        var viewer = new Viewer(socket, _cameras, () => JsonSerializer.SerializeToUtf8Bytes(_page(), ViewJson.Default.ViewPage), _time);
        try
        {
            lock (_lock) _viewers = [.. _viewers, viewer];
            _log($"the view: somebody at {from} looks ({Viewers} now)");
            await viewer.RunAsync(until - _time.GetUtcNow(), _end.Token).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock) _viewers = [.. _viewers.Where(v => v != viewer)];
            viewer.Dispose();
            Interlocked.Decrement(ref _places);
            _log($"the view: somebody at {from} looks no longer ({Viewers} now{(viewer.Left > 0 ? $"; {viewer.Left} messages were left out, for they came faster than the page took them" : "")})");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        if (_server is not null) await _server.DisposeAsync().ConfigureAwait(false);
        _end.Dispose();
    }

    private void Show(ComponentView of, string topic, ReadOnlySpan<byte> data, bool isForView)
    {
        byte[]? line = null;
        foreach (Viewer viewer in _viewers)
        {
            // What is drawn over a camera's pictures is of use only where they are shown.
            if (isForView && of.Camera is not null && !viewer.LooksAt(of.Camera)) continue;
            viewer.Say(line ??= ViewMessage.Of(of.App, of.Component, of.Camera, topic, data, isForView, _time.GetUtcNow()));
        }
    }

    private sealed class ComponentView(DeviceView view, string app, string component, string? camera) : IComponentView
    {
        public string App => app;

        public string Component => component;

        public string? Camera => camera;

        public bool IsLookedAt => view._viewers.Length > 0;

        public void Show(string topic, string? type, ReadOnlyMemory<byte> data, bool isForView) => view.Show(this, topic, data.Span, isForView);
    }
}

/// <summary>The view at a moment.</summary>
/// <param name="Url">Where it is; `mote view` lets in.</param>
/// <param name="Remote">True where other machines may reach it: pictures leave the device then.</param>
/// <param name="Viewers">Pages that are looked at now.</param>
public sealed record ViewStatus(string Url, bool Remote, int Viewers);

/// <summary>Lets somebody in, once.</summary>
/// <param name="Url">What to open.</param>
/// <param name="Until">How long it is good.</param>
public sealed record ViewInvitation(string Url, DateTimeOffset Until);
