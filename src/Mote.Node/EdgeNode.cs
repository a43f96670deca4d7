// A running node: apps from their manifests on a broker, with what they send going to the broker and upstream.
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Mote.Age;
using Mote.Backends.OpenTelemetry;
using Mote.Backends.Sqlite;
using Mote.Capabilities.Messaging;
using Mote.Capabilities.Wasi.Http;
using Mote.Components.Linking;
using Mote.DataPlane;
using Mote.Node.Telemetry;
using Mote.Node.View;
using Mote.Packaging;
using Mote.Packaging.Cameras;
using Mote.Packaging.Nats;
using Mote.Packaging.Oci;
using Mote.Packaging.Toml;
using Mote.Runtime;
using Mote.Triggers;
using Mote.Triggers.Camera.Clips;
using Mote.Triggers.Mqtt;
using Mote.Triggers.Timer;

namespace Mote.Node;

/// <summary>A node with its apps.</summary>
public sealed class EdgeNode : IAsyncDisposable
{
    private readonly NodeConfig _config;
    private readonly DataFolder _folder;
    private readonly ThrottledLog _log;
    private readonly List<MessageQueue> _queues = [];
    private readonly Dictionary<(string App, string Component), MessageQueue> _queueOf = [];

    // A redirect is not followed: a POST would become a GET of some page (a network's login, mostly), and its 200 would
    // look as if the event had been taken.
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromSeconds(30) };
    private readonly string _boot = Guid.NewGuid().ToString("N");
    private ComponentHost _host = null!;
    private NodeTelemetry _telemetry = null!;
    private volatile SecretValues _secrets = SecretValues.None;
    private readonly long _started = Stopwatch.GetTimestamp();
    private ControlSocket? _control;
    private TimerService? _timers;
    private NodeNats? _nats;
    private NodeCameras? _cameras;
    private ModelPulls? _pulls;
    private DeviceView? _view;
    private string[] _privacy = [];
    private SqliteOutbox? _outbox;
    private static readonly List<MqttRoute> s_noFlows = [];
    private readonly List<MessageInbox> _inboxes = [];
    private readonly System.Collections.Concurrent.ConcurrentDictionary<(string App, string Component), EgressMeter> _meters = new();
    private readonly Dictionary<string, List<MqttRoute>> _flows = [];
    private readonly (IReadOnlyList<string> Topics, OutboxClass Class)[] _classes;
    private long _eventNumber;
    private readonly DiskWear _wear = new();
    private readonly Dictionary<string, AppLedger> _ledgers = [];
    private WearBook? _wearBook;
    private LedgerBook? _ledgerBook;

    private EdgeNode(NodeConfig config, DataFolder folder, Action<string> log)
    {
        _config = config;
        _folder = folder;
        _classes =
        [
            .. config.UpstreamClasses.Select(c => (c.Topics, new OutboxClass(c.Name, c.Priority, c.MaxBytes, c.MaxAge))),
            (config.UpstreamTopics, new OutboxClass("default")),
        ];
        _log = new ThrottledLog(
            line =>
            {
                _wear.Add(WearSource.Logs, line.Length + 1);
                log(Mask(line));
            },
            TimeProvider.System);
    }

    /// <summary>The broker; null where no app of the node needs one.</summary>
    public IMqttBroker? Broker { get; private set; }

    /// <summary>Where events go; null for nowhere.</summary>
    public UpstreamPump? Upstream { get; private set; }

    /// <summary>Messages that wait on disk for components; null where no trigger keeps any.</summary>
    public InboxCounts? Inbox => _outbox?.InboxCounts;

    /// <summary>The HTTP side; null where no app has a route.</summary>
    public HttpApps? Http { get; private set; }

    /// <summary>The timers of all apps.</summary>
    public IReadOnlyList<TimerStatus> Timers => _timers?.Status ?? [];

    /// <summary>The queues of all components that have a trigger.</summary>
    public IReadOnlyList<MessageQueue> Queues => _queues;

    /// <summary>Where people can look at the cameras; null for nowhere.</summary>
    public ViewStatus? View => _view?.Status;

    /// <summary>Where metrics are served; null for nowhere.</summary>
    public Uri? MetricsUrl => _telemetry.MetricsUrl;

    /// <summary>How guests run here.</summary>
    public ProfileKind Profile => _host.Runtime.Profile;

    /// <summary>The room for guests in this process's memory mappings.</summary>
    public MappingBudget Mappings => _host.Runtime.Mappings;

    /// <summary>Starts a node: everything that can be wrong with the apps is found before the first message is taken.</summary>
    /// <exception cref="ConfigException">The configuration or a manifest has a fault.</exception>
    /// <exception cref="ComponentFileException">A component cannot be used.</exception>
    /// <exception cref="MessagingException">The embedded broker cannot listen.</exception>
    public static async Task<EdgeNode> StartAsync(NodeConfig config, IReadOnlyList<AppManifest> apps, Action<string> log, CancellationToken token = default)
    {
        var node = new EdgeNode(config, DataFolder.Open(config.DataFolder), log);
        try
        {
            await node.Start(apps, token).ConfigureAwait(false);
            return node;
        }
        catch
        {
            await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>NATS, for people: its servers; null where there is none.</summary>
    public string? NatsAddress => _nats?.Address;

    /// <summary>Whether there is a connection to NATS, and every trigger on it receives.</summary>
    public bool NatsIsReady => _nats?.IsReady == true;

    /// <summary>Messages that had to be dropped.</summary>
    private long Dropped => (Broker?.Dropped ?? 0) + (_nats?.Dropped ?? 0);

    /// <summary>What has happened so far.</summary>
    public NodeReport Report() => NodeReport.Of(_queues, Upstream?.Counts, Dropped, Http);

    /// <summary>What it and its components do now.</summary>
    public NodeStatus Status() => NodeStatus.Of(_config.Name, Stopwatch.GetElapsedTime(_started), Http, _queues, Mappings) with { DataPlane = DataPlane(), Ledger = Ledger(), Cameras = _cameras?.Status ?? [], Models = _pulls?.Status ?? [], Privacy = _privacy, View = _view?.Status };

    /// <summary>What came in for its apps, what left, and what was written.</summary>
    public NodeLedger Ledger() => new([.. _ledgers.Values.Select(LedgerOfApp.Of)], _wearBook?.Days() ?? []) { Since = _ledgerBook?.Since };

    private DataPlaneStatus DataPlane() => DataPlaneStatus.Of(Broker, _config.UpstreamUrl, Upstream?.Counts, _outbox, _nats?.Status, Mask);

    /// <summary>Takes no more messages, finishes those that are here, and gives upstream this long to take what waits for it.</summary>
    public async Task DrainAsync(TimeSpan timeout)
    {
        _timers?.Stop();
        _cameras?.Stop();
        if (Http is not null) await Http.StopAsync(timeout).ConfigureAwait(false);
        if (Broker is not null) await Broker.StopReceivingAsync().ConfigureAwait(false);
        if (_nats is not null) await _nats.StopReceivingAsync().ConfigureAwait(false);
        DateTime end = DateTime.UtcNow + timeout;
        // Again while there is something: one component's last message may be the next one's first.
        while (_queues.Any(q => q.Counts.Waiting > 0) && Left() > TimeSpan.Zero)
        {
            foreach (MessageQueue queue in _queues) await queue.IdleAsync(Left()).ConfigureAwait(false);
        }

        if (Upstream is not null) await Upstream.FlushAsync(Left()).ConfigureAwait(false);

        TimeSpan Left() => end > DateTime.UtcNow ? end - DateTime.UtcNow : TimeSpan.Zero;
    }

    /// <summary>
    /// Replaces components of a running app by what their files and the manifest say now. All are loaded before the first is
    /// replaced, so that a fault leaves everything as it was; events in work are finished by the old code.
    /// </summary>
    /// <param name="app">The manifest, read again; <see cref="AppManifest.CanReplace"/> says yes of it.</param>
    /// <param name="names">The components; others stay.</param>
    /// <exception cref="ConfigException">The manifest has a fault.</exception>
    /// <exception cref="ComponentFileException">A component cannot be used.</exception>
    public void Replace(AppManifest app, IReadOnlyCollection<string> names)
    {
        _secrets = _secrets.With(app.Secrets);
        var loaded = new List<(MessageQueue Queue, MessageTarget Target)>();
        try
        {
            foreach (ComponentManifest c in app.Components)
            {
                if (!names.Contains(c.Name)) continue;
                // A component has one for each of its cameras, and one for everything else.
                foreach (MessageQueue queue in _queues.Where(q => q.Component.App == app.Name && q.Component.Name == c.Name)) loaded.Add((queue, Load(app, c, queue.Component.Usage, queue.Component.Camera)));
            }

            Http?.Replace(app, names);
        }
        catch
        {
            foreach ((_, MessageTarget target) in loaded) target.Dispose();
            throw;
        }

        foreach ((MessageQueue queue, MessageTarget target) in loaded)
        {
            _telemetry.Add(target.Pool.Component, queue.FaasTrigger);
            queue.Replace(target);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // From the outside in: nothing comes, nothing runs, nothing is sent, nothing is stored.
        if (_control is not null) await _control.DisposeAsync().ConfigureAwait(false);
        if (_pulls is not null) await _pulls.DisposeAsync().ConfigureAwait(false);
        if (_view is not null) await _view.DisposeAsync().ConfigureAwait(false);
        _timers?.Stop();
        _cameras?.Dispose();
        if (Http is not null) await Http.DisposeAsync().ConfigureAwait(false);
        if (Broker is not null) await Broker.StopReceivingAsync().ConfigureAwait(false);
        if (_nats is not null) await _nats.StopReceivingAsync().ConfigureAwait(false);
        foreach (MessageInbox inbox in _inboxes) await inbox.DisposeAsync().ConfigureAwait(false);
        foreach (MessageQueue queue in _queues) await queue.DisposeAsync().ConfigureAwait(false);
        if (_timers is not null) await _timers.DisposeAsync().ConfigureAwait(false);
        if (Broker is not null) await Broker.DisposeAsync().ConfigureAwait(false);
        if (_nats is not null) await _nats.DisposeAsync().ConfigureAwait(false);
        if (Upstream is not null) await Upstream.DisposeAsync().ConfigureAwait(false);
        _wearBook?.Dispose(); // while those that it asks are there
        _ledgerBook?.Dispose();
        _outbox?.Dispose();
        _log.Flush();
        if (_telemetry is not null) await _telemetry.DisposeAsync().ConfigureAwait(false);
        _http.Dispose();
        _host?.Dispose();
        _folder.Dispose();
    }

    private async Task Start(IReadOnlyList<AppManifest> apps, CancellationToken token)
    {
        // Before the first line is written.
        _secrets = _config.Secrets;
        foreach (AppManifest app in apps) _secrets = _secrets.With(app.Secrets);
        _telemetry = await NodeTelemetry.StartAsync(_config, Mask).ConfigureAwait(false);
        _nats = NodeNats.Connect(_config, apps, line => Say("nats", line));
        _wearBook = new WearBook(_folder.Wear, _wear, TimeProvider.System, line => Say("node", line));
        _ledgerBook = new LedgerBook(_folder.Ledger, TimeProvider.System, line => Say("node", line));
        var models = new ModelStore(_folder.Path);
        _host = new ComponentHost(new HostOptions
        {
            Runtime = new RuntimeOptions { Profile = _config.Profile, CacheFolder = _config.CodeFolder ?? _folder.Code, Compiler = _config.Compiler, Wear = _wear, Log = line => Say("node", line) },
            KeyValueFile = _folder.KeyValue,
            KeyValue = KeyValueBackends.Make(_config.KeyValue, _nats),
            Blobs = _config.Blobstore is null ? null : _nats!.Blobs(_folder.Spool, _wear),
            Models = _config.Models,
            ModelStore = models,
            ModelLog = line => Say("models", line),
            Outgoing = Outgoing(_config.HttpOutgoing),
            Broker = (_, client) => BrokerOf(client),
        });
        foreach (string line in new ModelBackends(_config.Models, models).Notes(apps)) Say("node", line);
        _pulls = new ModelPulls(_config.Models.Artifacts, models, new RegistryOptions { Registries = _config.Registries, MaxBytes = _config.Models.MaxBytes }, line => Say("models", line));
        SharedTopics.Check(apps, _config.BrokerUrl is not null);
        OwnFolder.Check(apps, _folder.Path);
        if (_config.UpstreamUrl is not null || apps.Any(a => a.MqttTriggers.Count + a.FlowTriggers.Count > 0))
        {
            try
            {
                _outbox = new SqliteOutbox(_folder.Outbox, _config.OutboxMaxBytes, line => Say("outbox", line), TimeProvider.System) { InboxMaxBytes = _config.InboxMaxBytes };
            }
            catch (IOException e)
            {
                throw new ConfigException("node config", 0, e.Message);
            }
        }

        if (_outbox is { } outbox)
        {
            _wear.Observe(WearSource.Outbox, () => outbox.DiskBytes().Outbox);
            _wear.Observe(WearSource.Inbox, () => outbox.DiskBytes().Inbox);
        }

        _privacy = [.. apps.SelectMany(a => Privacy.OfCameras(a, _config)), .. Privacy.OfView(_config.View, apps) is { } ofView ? [ofView] : (string[])[]];
        _cameras = new NodeCameras(_config.Cameras, line => Say("camera", line), Mask, Clips(apps), _config.Clips?.Memory ?? 0);
        // Before the components, which are told where to show what they say.
        if (_config.View is { } view) _view = new DeviceView(view, ViewKey.Load(_folder.ViewKey, line => Say("view", line)), () => Page(apps), line => Say("view", line), TimeProvider.System);
        var routes = new List<MqttRoute>();
        foreach (AppManifest app in apps) routes.AddRange(Prepare(app));
        if (_config.UpstreamUrl is { } url)
        {
            Upstream = new UpstreamPump(Upstreams.Make(url, _config, _http, _nats, _wear, line => Say("upstream", line)), _outbox!, TimeProvider.System, line => Say("upstream", line), $"/nodes/{_config.Name}/outbox");
        }

        _timers = NodeTimers.Make(apps, _folder.Timers, _queueOf, line => Say("timers", line), _wear);
        if (_timers is not null) _telemetry.Observe(_timers);
        _telemetry.Observe(DataPlane);
        _telemetry.Observe([.. _ledgers.Values], _wear);
        _telemetry.Observe(_queues, () => Upstream?.Counts, () => Dropped, () => Http?.Handlers ?? [], Mappings);
        if (NeedsBroker(apps))
        {
            Broker = _config.BrokerUrl is { } external
                ? new ExternalBroker(Upstreams.Endpoint("[broker]", external, _config.BrokerMqtt), $"mote-{_config.Name}", line => Say("broker", line), _config.BrokerStatusTopic)
                : await EmbeddedBroker.StartAsync(Listen(), line => Say("broker", line), new RetainedOptions(_config.BrokerMaxRetained, _config.BrokerMaxRetainedBytes)).ConfigureAwait(false);
            await Broker.StartAsync(routes, token).ConfigureAwait(false);
        }

        foreach (MessageInbox inbox in _inboxes) inbox.Start();

        _nats?.Receive(apps, _queueOf);
        if (apps.Any(a => a.HttpTriggers.Count > 0)) Http = await HttpApps.StartAsync(apps, _config, _host, _telemetry.Http, PassOfRequest, HttpComponent, (source, line) => Say(source, line)).ConfigureAwait(false);
        _timers?.Start();
        _telemetry.Observe(() => _cameras.Status);
        _cameras.Start();
        _pulls.Start();
        if (_view is not null) await _view.StartAsync(_cameras.Streams, _config.HttpTls).ConfigureAwait(false);
        _control = ControlSocket.Open(_folder, Status, () => _view?.Invite(), line => Say("control", line));
    }

    /// <summary>Where pictures are kept that an app asks to keep; null where none does, or the operator keeps none.</summary>
    private ClipStore? Clips(IReadOnlyList<AppManifest> apps)
    {
        if (_config.Clips is not { } clips) return null;
        try
        {
            // Also where no app asks for clips now: the time of those that are there goes on.
            if (!Directory.Exists(_folder.Clips) && !apps.Any(a => a.CameraTriggers.Any(t => t.Keep is not null))) return null;
            return new ClipStore(_folder.Clips, clips.Retention, clips.MaxBytes, clips.Recipient ?? ClipKeys.Open(_folder.Clips).Recipient, TimeProvider.System, line => Say("clips", line), _wear);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or AgeException)
        {
            throw new ConfigException("node config", 0, $"[clips]: the node's key, {ClipKeys.FileOf(_folder.Clips)}, cannot be used: {e.Message}");
        }
    }

    /// <summary>What people who look at the device are told every second.</summary>
    private ViewPage Page(IReadOnlyList<AppManifest> apps) => ViewPages.Of(_config, apps, _cameras!, _queues, [.. _ledgers.Values], _privacy, _view!.Viewers);

    /// <summary>Where nothing comes from an MQTT broker and nothing may go to one, there is none to listen.</summary>
    private bool NeedsBroker(IReadOnlyList<AppManifest> apps) =>
        _config.BrokerUrl is not null || _config.BrokerAlways
        || apps.Any(a => a.MqttTriggers.Count > 0 || (_config.MessagingClients.Of("") == MessageBrokerKind.Mqtt && a.Components.Any(c => c.Grants.Publish.Count > 0)));

    /// <summary>What stands behind the name of a component's client; null for nothing.</summary>
    private IMessageBroker? BrokerOf(string client) => _config.MessagingClients.Of(client) switch
    {
        MessageBrokerKind.Mqtt => Broker,
        MessageBrokerKind.Nats => _nats?.Broker,
        _ => null,
    };

    private static OutgoingOptions Outgoing(OutgoingConfig c) => new()
    {
        ConnectTimeout = c.ConnectTimeout,
        FirstByteTimeout = c.ResponseTimeout,
        BetweenBytesTimeout = c.ResponseTimeout,
        MostConnections = c.MaxConnections,
        MostAtOnce = c.MaxRequests,
        MostBodyBytes = c.MaxBody,
    };

    /// <summary>The text without what nobody is to read.</summary>
    private string Mask(string text)
    {
        text = _secrets.Mask(text);
        foreach (SecretValues secrets in _config.Renewed) text = secrets.Mask(text);
        return text;
    }

    /// <summary>A line of the node's own, which is about a component of an app where one is named.</summary>
    private void Say(string source, string line, AppComponent? about = null)
    {
        _log.Write(source, line);
        _telemetry.Log(new LogLine(GuestLogLevel.Warn, line, about?.App, about?.Name));
    }

    private IPEndPoint Listen() => ListenAddress.TryParse(_config.BrokerListen, out IPEndPoint? endpoint)
        ? endpoint
        : throw new ConfigException("node config", 0, $"`listen` under [broker] must be an address and a port like \"127.0.0.1:1883\", found \"{_config.BrokerListen}\"");

    private List<MqttRoute> Prepare(AppManifest app)
    {
        var queues = new Dictionary<string, MessageQueue>();
        _ledgers[app.Name] = _ledgerBook!.Open(app.Name, app.FlowTriggers.Select(t => t.Topic).ToHashSet());
        foreach (ComponentManifest c in app.Components)
        {
            string trigger = string.Join('+', Triggers(app, c.Name));
            if (trigger.Length == 0)
            {
                if (app.HttpTriggers.Any(t => t.Component == c.Name) || app.CameraTriggers.Any(t => t.Component == c.Name)) continue;
                _log.Write(c.Name, $"[{c.Name}] no trigger names this component: it will not run");
                continue;
            }

            queues[c.Name] = Start(app, c, trigger);
        }

        // Each camera has a queue of its own, and with it a microVM of its own where they are pooled: what a component has
        // learned of a scene is not asked about another.
        foreach (CameraTriggerManifest t in app.CameraTriggers) _cameras!.Add(app, t, Start(app, app.Component(t.Component) with { Concurrency = 1, Queue = 1 }, "camera", t.Camera));

        if (app.FlowTriggers.Count > 0) _flows[app.Name] = [.. app.FlowTriggers.Select(t => Route(app.Name, t.Component, "flow", t.Topic, 1, queues[t.Component], t.Retries, t.DeadLetter, t.Key))];
        return [.. app.MqttTriggers.Select(t => Route(app.Name, t.Component, "mqtt", t.Topic, t.Qos, queues[t.Component], t.Retries, t.DeadLetter, t.Key))];
    }

    private MqttRoute Route(string app, string component, string trigger, string topic, int qos, MessageQueue queue, int? retries, string? deadLetter, MessageKey key)
    {
        var retry = new RetryPolicy(retries ?? RetryPolicy.DefaultRetries, deadLetter ?? RetryPolicy.TopicOf(app, component));
        // Two triggers of one component on one topic would be one inbox: what is in it goes to either.
        var inbox = new MessageInbox(_outbox!, $"{app}/{component}/{trigger}/{topic}", queue, topic, retry, line => Say("inbox", line, queue.Component), key) { Brokers = BrokerOf };
        _inboxes.Add(inbox);
        return new MqttRoute(topic, qos, queue, retry) { Inbox = inbox, Key = key };
    }

    /// <summary>What gives a component events, but for HTTP.</summary>
    private static IEnumerable<string> Triggers(AppManifest app, string component)
    {
        if (app.MqttTriggers.Any(t => t.Component == component)) yield return "mqtt";
        if (app.FlowTriggers.Any(t => t.Component == component)) yield return "flow";
        if (app.MessagingTriggers.Any(t => t.Component == component)) yield return "messaging";
        if (app.TimerTriggers.Any(t => t.Component == component)) yield return "timer";
    }

    private MessageQueue Start(AppManifest app, ComponentManifest c, string trigger, string? camera = null)
    {
        MessageTarget target = Load(app, c, new ComponentUsage(), camera);
        AppComponent component = target.Pool.Component;
        var queue = new MessageQueue(target, _host.Messaging, _host.Scheduler, c.Concurrency, c.Queue, Pass, line => Say(c.Name, line, component), Batches.Of(app, c)) { Trigger = trigger, Ledger = _ledgers[app.Name], Leaving = p => Leaving(app.Name, p) };
        _telemetry.Add(component, queue.FaasTrigger);
        _queues.Add(queue);
        if (camera is null) _queueOf[(app.Name, c.Name)] = queue;
        return queue;
    }

    /// <summary>A component whose file is not there is one that was not built, mostly.</summary>
    /// <exception cref="ConfigException">There is no file.</exception>
    internal static void CheckIsBuilt(AppManifest app, ComponentManifest c)
    {
        if (!File.Exists(c.Source)) throw new ConfigException(app.File, c.Line, $"component `{c.Name}`: there is no file {c.Source}{(c.Build is { } build ? $"; build it first: mote build, or (cd {build.Folder} && {build.Command})" : "")}");
    }

    private MessageTarget Load(AppManifest app, ComponentManifest c, ComponentUsage usage, string? camera)
    {
        AppComponent component = Component(app, c, usage, camera);
        InstanceTemplate template = _host.Load(c.Source, c.Floats);
        try
        {
            MessageHandler handler = MessageHandler.Bind(template)
                ?? throw new ConfigException(app.File, c.Line, $"component `{c.Name}` has no export {MessageHandler.Interfaces}, one of which a [[trigger.mqtt]], a [[trigger.messaging]], a [[trigger.timer]] or a [[trigger.camera]] calls; `mote inspect {c.Source}` shows what it exports");
            Batches.Check(app, c, handler);
            return new MessageTarget(template, _host.Pool(template, component, c.Instance), handler);
        }
        catch
        {
            template.Dispose();
            throw;
        }
    }

    private AppComponent Component(AppManifest app, ComponentManifest c, ComponentUsage usage, string? camera = null)
    {
        CheckIsBuilt(app, c);
        return new AppComponent(app.Name, c.Name, c.Grants, c.Limits)
        {
            Usage = usage,
            Camera = camera,
            View = app.CameraTriggers.Count > 0 || app.Components.Any(static c => c.Grants.View.Count > 0) ? _view?.Of(app.Name, c.Name, camera) : null,
            StaysInside = (client, topic) => FlowsOf(app.Name, topic).Count > 0 && _config.MessagingClients.Of(client) != MessageBrokerKind.Nats && (_config.UpstreamUrl is null || ClassOf(topic) is null),
            Meter = c.Limits.Egress is null ? null : _meters.GetOrAdd((app.Name, c.Name), static _ => new EgressMeter()),
            Denials = new DenialLog(d => Say(d.Component, d.ToString())),
            Log = (name, level, context, message) =>
            {
                _log.Write(name, (name, level, context, message), static m => $"[{m.name}] {m.level.ToString().ToLowerInvariant()}{(m.context.Length > 0 ? $" {m.context}" : "")}: {m.message}");
                _telemetry.Log(new LogLine(level, message, app.Name, name, context));
            },
        };
    }

    private AppComponent HttpComponent(AppManifest app, ComponentManifest c, ComponentUsage usage)
    {
        AppComponent component = Component(app, c, usage);
        _telemetry.Add(component, "http");
        return component;
    }

    /// <summary>The class of what goes upstream; null for what does not.</summary>
    private OutboxClass? ClassOf(string topic)
    {
        foreach ((IReadOnlyList<string> topics, OutboxClass c) in _classes)
        {
            foreach (string filter in topics)
            {
                if (TopicFilter.Matches(topic, filter)) return c;
            }
        }

        return null;
    }

    /// <summary>
    /// What a component sends goes to components that the manifest chains to it, or else to the broker; and what the operator
    /// named goes upstream as well, into the outbox. It is safe when all of that is.
    /// </summary>
    private void Pass(AppComponent component, Published[] messages, InboxIds over, Action<MessagingException?> done)
    {
        _cameras?.Sent(component, messages);
        MessagingException? fault = null;
        var outcomes = new Outcomes(messages.Length + 1, worst => done(worst != Outcome.NotDelivered ? null : fault ?? new MessagingException("neither it nor what another component made of it can be kept now")));
        List<(OutboxClass, CloudEvent)>? events = null;
        // What may fail goes first: what is inside the node would come twice when the whole is sent again.
        List<(string, Message)>? toNats = null;
        var toBroker = new List<(string, Message)>();
        var inside = new List<(string, Message, List<MqttRoute>)>();
        foreach ((string topic, Message message, string client) in messages)
        {
            List<MqttRoute> flows = FlowsOf(component.App, topic);
            if (_config.MessagingClients.Of(client) == MessageBrokerKind.Nats) (toNats ??= []).Add((topic, message));
            else if (flows.Count == 0 && Broker is ExternalBroker) toBroker.Add((topic, message));
            else inside.Add((topic, message, flows));
            if (Upstream is null || ClassOf(topic) is not { } c) continue;
            (events ??= []).Add((c, new CloudEvent(
                string.Create(CultureInfo.InvariantCulture, $"{_boot}-{Interlocked.Increment(ref _eventNumber)}"),
                $"/nodes/{_config.Name}/apps/{component.App}/components/{component.Name}",
                CloudEvent.MessageType,
                DateTimeOffset.UtcNow,
                topic,
                message.Type,
                message.Bytes)
            {
                TraceParent = message.MetadataOf("traceparent"),
                TraceState = message.MetadataOf("tracestate"),
            }));
        }

        if (toNats is not null)
        {
            (_nats ?? throw new MessagingException("node.toml has no [nats] with a url", MessagingFault.Refused)).Broker.Publish(toNats);
            foreach (var _ in toNats) outcomes.Done(Outcome.Handled);
        }

        foreach ((string topic, Message message) in toBroker) Broker!.Publish(topic, message, outcomes.Done);
        foreach ((string topic, Message message, List<MqttRoute> flows) in inside)
        {
            if (flows.Count > 0) Chain(component, topic, message, flows, outcomes.Done);
            else if (Broker is null) outcomes.Done(Outcome.Handled);
            else Broker.Publish(topic, message, outcomes.Done);
        }

        if (events is null)
        {
            outcomes.Done(Outcome.Handled);
            return;
        }

        // What it was made of ends in the same transaction, unless another component has still to be done with its part.
        InboxIds ends = outcomes.Left == 1 && !outcomes.HasFailed ? over : InboxIds.None;
        _outbox!.Put(
            events,
            e =>
            {
                if (e is not null) fault = new MessagingException(e.Message, inner: e);
                outcomes.Done(e is null ? Outcome.Handled : Outcome.NotDelivered);
            },
            ends);
    }

    /// <summary>The same for what no message was the reason of.</summary>
    private void PassOfRequest(AppComponent component, Published[] messages, InboxIds over, Action<MessagingException?> done) => Pass(component, messages, over, fault =>
    {
        foreach (Published p in fault is null ? messages : [])
        {
            if (Leaving(component.App, p) is > 0 and var bytes) _ledgers[component.App].Out(null, p.Topic, bytes);
        }

        done(fault);
    });

    /// <summary>Bytes of a message that leave the node, once for each way that they go: as <see cref="Pass"/> sends it.</summary>
    private long Leaving(string app, Published p)
    {
        int ways = Upstream is not null && ClassOf(p.Topic) is not null ? 1 : 0;
        if (_config.MessagingClients.Of(p.Client) == MessageBrokerKind.Nats || (Broker is ExternalBroker && FlowsOf(app, p.Topic).Count == 0)) ways++;
        return ways == 0 ? 0 : ways * p.Message.WireBytes(p.Topic);
    }

    private List<MqttRoute> FlowsOf(string app, string topic) => _flows.TryGetValue(app, out List<MqttRoute>? flows) ? flows.FindAll(f => TopicFilter.Matches(topic, f.Filter)) : s_noFlows;

    /// <summary>Gives a message to the components of the same app whose flow it is.</summary>
    private void Chain(AppComponent from, string topic, Message message, List<MqttRoute> to, Action<Outcome> done)
    {
        var each = new Outcomes(to.Count, done);
        foreach (MqttRoute route in to)
        {
            if (!route.Feed(message.To(topic), each.Done)) Say("flow", $"component `{route.Queue.Component.Name}` had no room for a message on `{topic}` of `{from.Name}`, for {MessageFeed.Patience.TotalSeconds} s: it is refused", route.Queue.Component);
        }
    }
}
