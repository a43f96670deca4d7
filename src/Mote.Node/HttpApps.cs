// The HTTP side of a node: its server, the routes of its apps, and where their guests run.
using System.Net;
using Mote.Capabilities.Wasi.Http;
using Mote.Components.Linking;
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Runtime;
using Mote.Triggers;
using Mote.Triggers.Http;

namespace Mote.Node;

/// <summary>Serves the routes of a node's apps.</summary>
public sealed class HttpApps : IAsyncDisposable
{
    private readonly ComponentHost _host;
    private readonly GuestScheduler _scheduler;
    private readonly Reaper _reaper;
    private HttpServer _server = null!;
    private ServerCertificate? _certificate;
    private readonly PublishedSink _sink;
    private readonly Func<AppManifest, ComponentManifest, ComponentUsage, AppComponent> _component;
    private readonly Action<string, string> _log;
    private volatile IReadOnlyList<HttpHandler> _handlers = [];
    private IReadOnlyList<StaticFiles> _folders = [];

    private HttpApps(ComponentHost host, PublishedSink sink, Func<AppManifest, ComponentManifest, ComponentUsage, AppComponent> component, Action<string, string> log)
    {
        _component = component;
        _log = log;
        _host = host;
        _sink = sink;
        _scheduler = host.Scheduler;
        _reaper = new Reaper(MemoryReturn.Give);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint => _server.EndPoint;

    /// <summary>As a URL.</summary>
    public Uri Address => new($"{_server.Scheme}://{_server.EndPoint}");

    /// <summary>The handlers of all components that have a route.</summary>
    public IReadOnlyList<HttpHandler> Handlers => _handlers;

    /// <summary>Requests for which there was no route.</summary>
    public long NotFound => _server.NotFound;

    /// <summary>MicroVM threads now.</summary>
    public int Threads => _scheduler.Threads;

    /// <summary>Components whose code is mapped now.</summary>
    public int Loaded => _reaper.Loaded;

    /// <summary>Compiles and checks the components of apps, and then starts to listen: who is answered is answered by an app.</summary>
    /// <param name="apps">All apps of the node.</param>
    /// <param name="config">The operator's wishes.</param>
    /// <param name="host">What components run on.</param>
    /// <param name="metrics">Told how long requests took; null for nobody.</param>
    /// <param name="sink">Takes messages that components send.</param>
    /// <param name="component">Makes a component of an app, with its account.</param>
    /// <param name="log">Told of failures, with the component's name.</param>
    /// <exception cref="ConfigException">A manifest has a fault, or the certificate cannot be used.</exception>
    /// <exception cref="ComponentFileException">A component cannot be used.</exception>
    /// <exception cref="HttpListenException">The address cannot be listened on.</exception>
    public static async Task<HttpApps> StartAsync(
        IReadOnlyList<AppManifest> apps, NodeConfig config, ComponentHost host, HttpMetrics? metrics, PublishedSink sink, Func<AppManifest, ComponentManifest, ComponentUsage, AppComponent> component, Action<string, string> log)
    {
        IPEndPoint listen = ListenAddress.TryParse(config.HttpListen, out IPEndPoint? endpoint) ? endpoint
            : throw new ConfigException("node config", 0, $"`listen` under [http] must be an address and a port like \"127.0.0.1:3000\", found \"{config.HttpListen}\"");
        ServerCertificate? certificate = config.HttpTls is { } tls ? new ServerCertificate(tls.Certificate, tls.Key, TimeProvider.System, line => log("http", line)) : null;
        var options = new HttpOptions
        {
            Listen = listen,
            Metrics = metrics,
            Certificate = certificate is null ? null : () => certificate.Current,
            MaxBody = config.HttpMaxBody,
            MaxConnections = config.HttpMaxConnections,
        };
        var http = new HttpApps(host, sink, component, log) { _certificate = certificate };
        try
        {
            http._server = await HttpServer.StartAsync(options, http.Build(apps)).ConfigureAwait(false);
            return http;
        }
        catch
        {
            await http.End().ConfigureAwait(false);
            throw;
        }
    }

    private HttpRoutes<IHttpTarget> Build(IReadOnlyList<AppManifest> apps)
    {
        var handlers = new List<HttpHandler>();
        var folders = new List<StaticFiles>();
        var routes = new List<HttpRoute<IHttpTarget>>();
        var shapes = new Dictionary<string, string>();
        Dictionary<(AppManifest, string), Lazy<HttpHandler>> prepared = PrepareAll(apps);
        foreach (AppManifest app in apps)
        {
            var own = new Dictionary<string, HttpHandler>();
            foreach (HttpTriggerManifest t in app.HttpTriggers)
            {
                try
                {
                    IHttpTarget target = t.Static is { } folder ? Files(folder, t.Route) : Target(app, t, own);
                    var route = new HttpRoute<IHttpTarget>(t.Route, target);
                    if (!shapes.TryAdd(route.Shape, $"{app.File}:{t.Line}")) throw new RouteException($"the route `{t.Route}` answers the same paths as that at {shapes[route.Shape]}");
                    routes.Add(route);
                }
                catch (RouteException e)
                {
                    throw new ConfigException(app.File, t.Line, e.Message);
                }
            }
        }

        _handlers = handlers;
        _folders = folders;
        return new HttpRoutes<IHttpTarget>(routes);

        IHttpTarget Files(StaticFolder folder, string route)
        {
            var files = new StaticFiles(folder.Folder, route, folder.Cache);
            folders.Add(files);
            return files;
        }

        IHttpTarget Target(AppManifest app, HttpTriggerManifest t, Dictionary<string, HttpHandler> own)
        {
            if (!own.TryGetValue(t.Component, out HttpHandler? handler))
            {
                own.Add(t.Component, handler = prepared[(app, t.Component)].Value);
                handlers.Add(handler);
            }

            return t.Concurrency is { } most ? new BoundedRoute(handler, new RequestGate(most, app.Component(t.Component).Queue), handler.Component.Limits.Time ?? Timeout.InfiniteTimeSpan) : handler;
        }
    }

    /// <summary>Replaces components by what their files and the manifest say now; requests in work are finished by the old code, none is lost.</summary>
    /// <param name="app">The manifest, with the same routes.</param>
    /// <param name="names">The components; others stay.</param>
    /// <exception cref="ConfigException">The manifest has a fault; nothing is replaced.</exception>
    /// <exception cref="ComponentFileException">A component cannot be used; nothing is replaced.</exception>
    public void Replace(AppManifest app, IReadOnlyCollection<string> names)
    {
        (HttpHandler Handler, AppComponent Component, LiveComponent<HttpIncomingHandler> Live)[] loaded =
            [.. _handlers.Where(h => h.Component.App == app.Name && names.Contains(h.Component.Name)).Select(h => (h, Load(app, app.Component(h.Component.Name), h.Component.Usage))).Select(p => (p.h, p.Item2.Component, p.Item2.Live))];
        foreach ((HttpHandler handler, AppComponent component, LiveComponent<HttpIncomingHandler> live) in loaded) handler.Replace(component, live);
    }

    /// <summary>Takes no new requests, and waits for those in work, at most this long.</summary>
    public Task StopAsync(TimeSpan atMost) => _server.StopAsync(atMost);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync().ConfigureAwait(false);
        await End().ConfigureAwait(false);
    }

    private async Task End()
    {
        if (_certificate is not null) await _certificate.DisposeAsync().ConfigureAwait(false);
        foreach (HttpHandler handler in _handlers) handler.Dispose();
        foreach (StaticFiles folder in _folders) folder.Dispose();
        _reaper.Dispose();
    }

    /// <summary>All components that have a route, on all processors: what is new is compiled. A fault is thrown where the component is asked for, so that the first in the manifests is told.</summary>
    private Dictionary<(AppManifest App, string Component), Lazy<HttpHandler>> PrepareAll(IReadOnlyList<AppManifest> apps)
    {
        var prepared = new Dictionary<(AppManifest, string), Lazy<HttpHandler>>();
        foreach (AppManifest app in apps)
        {
            foreach (string name in app.HttpTriggers.Where(t => t.Static is null).Select(t => t.Component).Distinct())
            {
                prepared.Add((app, name), new Lazy<HttpHandler>(() => Prepare(app, app.Component(name))));
            }
        }

        // Each compiles in a child of its own, within its limits of memory: a small device has room for a few.
        Parallel.ForEach(prepared.Values, new ParallelOptions { MaxDegreeOfParallelism = Math.Min(Environment.ProcessorCount, 4) }, static (handler, state) =>
        {
            try
            {
                _ = handler.Value;
            }
            catch (Exception e) when (e is ConfigException or ComponentFileException)
            {
                state.Stop();
            }
        });
        return prepared;
    }

    private HttpHandler Prepare(AppManifest app, ComponentManifest c)
    {
        (AppComponent component, LiveComponent<HttpIncomingHandler> live) = Load(app, c, new ComponentUsage());
        return new HttpHandler(component, live, _host.Http, _host.Messaging, _sink, _scheduler, new RequestGate(c.HttpConcurrency, c.Queue), line => _log(c.Name, line));
    }

    private (AppComponent Component, LiveComponent<HttpIncomingHandler> Live) Load(AppManifest app, ComponentManifest c, ComponentUsage usage)
    {
        EdgeNode.CheckIsBuilt(app, c);
        AppComponent component = _component(app, c, usage);
        Func<(InstanceTemplate Template, HttpIncomingHandler Binding)> load = _host.Deploy(
            c.Source,
            c.Floats,
            template => HttpIncomingHandler.Bind(template)
                ?? throw new ConfigException(app.File, c.Line, $"component `{c.Name}` has no export {HttpIncomingHandler.InterfaceName}, which a [[trigger.http]] calls; `mote inspect {c.Source}` shows what it exports"));
        return (component, new LiveComponent<HttpIncomingHandler>(
            () =>
            {
                (InstanceTemplate template, HttpIncomingHandler binding) = load();
                return new LoadedComponent<HttpIncomingHandler>(template, _host.Pool(template, component, c.Instance), binding, _host.Runtime.Mappings);
            },
            _reaper,
            c.Instance.Idle));
    }
}
