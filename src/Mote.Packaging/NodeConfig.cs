// node.toml: what the operator decides. Everything has a default, so that a node runs without the file.
using Mote.Packaging.Cameras;
using Mote.Packaging.Nats;
using Mote.Packaging.Oci;
using Mote.Packaging.Toml;
using Mote.Runtime;
using Mote.Runtime.Cameras;

namespace Mote.Packaging;

/// <summary>A node's configuration.</summary>
public sealed record NodeConfig
{
    /// <summary>The one data folder.</summary>
    public string DataFolder { get; init; } = Path.GetFullPath(".mote");

    /// <summary>Where compiled code is kept; null is in the data folder. The program sets it, not the file.</summary>
    public string? CodeFolder { get; init; }

    /// <summary>Where the embedded broker listens; port 0 lets the system choose.</summary>
    public string BrokerListen { get; init; } = "127.0.0.1:1883";

    /// <summary>Where HTTP is taken; port 0 lets the system choose.</summary>
    public string HttpListen { get; init; } = "127.0.0.1:3000";

    /// <summary>The certificate and the key of HTTPS, PEM files; null is plain HTTP.</summary>
    public (string Certificate, string Key)? HttpTls { get; init; }

    /// <summary>Most bytes of a request's body.</summary>
    public long HttpMaxBody { get; init; } = 1L << 30;

    /// <summary>Most HTTP connections at once.</summary>
    public int HttpMaxConnections { get; init; } = 20_000;

    /// <summary>What requests of components may take.</summary>
    public OutgoingConfig HttpOutgoing { get; init; } = new();

    /// <summary>Starts the embedded broker also where no app needs one: for other programs of the machine.</summary>
    public bool BrokerAlways { get; init; }

    /// <summary>Most messages that the embedded broker retains.</summary>
    public int BrokerMaxRetained { get; init; } = 10_000;

    /// <summary>Most bytes of them.</summary>
    public long BrokerMaxRetainedBytes { get; init; } = 64L << 20;

    /// <summary>An external broker in place of the embedded one: mqtt://[user:password@]host[:port], or mqtts:// for TLS.</summary>
    public Uri? BrokerUrl { get; init; }

    /// <summary>How to speak to the external broker.</summary>
    public MqttSettings BrokerMqtt { get; init; } = new();

    /// <summary>The topic on which the external broker says whether this node is there; null for none.</summary>
    public string? BrokerStatusTopic { get; init; }

    /// <summary>Where messages of <see cref="UpstreamTopics"/> go as CloudEvents; null for nowhere.</summary>
    public Uri? UpstreamUrl { get; init; }

    /// <summary>What belongs to an upstream mqtt:// or mqtts://; null for the defaults.</summary>
    public UpstreamBroker? UpstreamBroker { get; init; }

    /// <summary>Who the node is to an upstream http:// or https://; null for nobody in particular.</summary>
    public UpstreamLogin? UpstreamLogin { get; init; }

    /// <summary>What belongs to an upstream file:.</summary>
    public UpstreamFiles? UpstreamFiles { get; init; }

    /// <summary>The subject of an upstream nats:; {topic} in it is an event's topic. Null where it is none.</summary>
    public string? UpstreamSubject { get; init; }

    /// <summary>Topics that go upstream.</summary>
    public IReadOnlyList<string> UpstreamTopics { get; init; } = ["alerts"];

    /// <summary>Most events that go upstream in one request; 1 is each by itself.</summary>
    public int UpstreamBatch { get; init; } = 100;

    /// <summary>What goes upstream before other things, or is bounded by itself; the first one that has a topic counts.</summary>
    public IReadOnlyList<UpstreamClass> UpstreamClasses { get; init; } = [];

    /// <summary>Most bytes that wait for the upstream on disk.</summary>
    public long OutboxMaxBytes { get; init; } = 256L << 20;

    /// <summary>Most bytes of messages that wait on disk for components.</summary>
    public long InboxMaxBytes { get; init; } = 64L << 20;

    /// <summary>The machine's profile.</summary>
    public ProfileKind Profile { get; init; } = ProfileKind.Auto;

    /// <summary>Compiles components in a process of its own; null compiles in the node's. The program sets it, not the file.</summary>
    public CompileWorker? Compiler { get; init; }

    /// <summary>The node's name in CloudEvents.</summary>
    public string Name { get; init; } = Environment.MachineName.ToLowerInvariant();

    /// <summary>Where NATS is; null for nowhere.</summary>
    public NatsConfig? Nats { get; init; }

    /// <summary>A server that keeps the key-value stores; null is the data folder.</summary>
    public KeyValueConfig? KeyValue { get; init; }

    /// <summary>A server that keeps the blob containers; null is the data folder.</summary>
    public BlobstoreConfig? Blobstore { get; init; }

    /// <summary>The models that components may run.</summary>
    public ModelsConfig Models { get; init; } = new();

    /// <summary>Registries of artifacts that something is said about, by their hosts.</summary>
    public IReadOnlyDictionary<string, RegistryConfig> Registries { get; init; } = new Dictionary<string, RegistryConfig>();

    /// <summary>The cameras that apps may see, by their names.</summary>
    public IReadOnlyDictionary<string, CameraSource> Cameras { get; init; } = new Dictionary<string, CameraSource>();

    /// <summary>How pictures are kept that an app asks to keep; null for not at all.</summary>
    public ClipsConfig? Clips { get; init; }

    /// <summary>Where people at this device can look at its cameras; null for nowhere.</summary>
    public ViewConfig? View { get; init; }

    /// <summary>Which broker clients of wasi:messaging have.</summary>
    public MessagingClients MessagingClients { get; init; } = new();

    /// <summary>What the node tells about itself, and to whom.</summary>
    public TelemetryConfig Telemetry { get; init; } = new();

    /// <summary>What no line may show of it: passwords and tokens that stand in URLs, and that of NATS.</summary>
    public SecretValues Secrets => new(
    [
        .. ((Uri?[])[BrokerUrl, UpstreamUrl, KeyValue?.Url, Telemetry.Otlp]).OfType<Uri>().Concat(CameraUrls).SelectMany(UrlUserInfo.SecretsOf),
        .. Nats?.Password is { } password ? [password] : (string[])[],
    ]);

    /// <summary>Secrets that are read again when their files change: what no line may show of them now.</summary>
    public IEnumerable<SecretValues> Renewed => Registries.Values.Select(r => r.Login).Append(UpstreamLogin).OfType<UpstreamLogin>().Select(l => l.Secret.Hidden);

    private IEnumerable<Uri> CameraUrls => Cameras.Values.Where(c => c.Kind is CameraKind.Rtsp or CameraKind.Http).Select(c => new Uri(c.Address));

    /// <summary>Reads a file; what it does not say is as in <paramref name="defaults"/>.</summary>
    /// <exception cref="ConfigException">It has a fault.</exception>
    public static NodeConfig Load(string path, NodeConfig defaults)
    {
        TomlTable root = TomlTable.Load(path);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        NodeConfig config = defaults;
        if (root.Table("node") is { } node)
        {
            config = config with
            {
                Name = NodeName(node) ?? config.Name,
                DataFolder = node.String("data") is { } data ? node.Path("data", folder, data) : config.DataFolder,
                Profile = node.String("profile") switch
                {
                    null or "auto" => ProfileKind.Auto,
                    "server" => ProfileKind.Server,
                    "small" => ProfileKind.SmallDevice,
                    { } other => throw node.Values["profile"].Error($"`profile` is \"auto\", \"server\" or \"small\", found \"{other}\""),
                },
            };
            node.RejectUnknown("[node]");
        }

        if (root.Table("broker") is { } broker)
        {
            Uri? url = Url(broker, "url", "mqtt", "mqtts");
            config = config with
            {
                BrokerListen = Listen(broker) ?? config.BrokerListen,
                BrokerUrl = url,
                BrokerMqtt = MqttSettings.Read(broker, folder, url),
                BrokerStatusTopic = StatusTopic(broker, url),
                BrokerMaxRetained = (int)(Embedded("max-retained", static (t, k) => t.Integer(k, 0, 10_000_000)) ?? config.BrokerMaxRetained),
                BrokerMaxRetainedBytes = Embedded("max-retained-size", static (t, k) => t.Bytes(k, 0, 1L << 40)) ?? config.BrokerMaxRetainedBytes,
                BrokerAlways = true,
            };
            broker.RejectUnknown("[broker]");

            long? Embedded(string key, Func<TomlTable, string, long?> read) =>
                read(broker, key) is not { } most ? null : url is null ? most : throw broker.Values[key].Error($"`{key}` is for the embedded broker: an external one has a limit of its own");
        }

        if (root.Table("inbox") is { } inbox)
        {
            config = config with { InboxMaxBytes = inbox.Bytes("max-size", 1 << 20, 1L << 40) ?? config.InboxMaxBytes };
            inbox.RejectUnknown("[inbox]");
        }

        if (root.Table("http") is { } http)
        {
            config = config with
            {
                HttpListen = Listen(http) ?? config.HttpListen,
                HttpTls = http.Table("tls") is { } tls ? Tls(tls, folder) : config.HttpTls,
                HttpMaxBody = http.Bytes("max-body", 0, long.MaxValue) ?? config.HttpMaxBody,
                HttpMaxConnections = (int)(http.Integer("max-connections", 1, 1_000_000) ?? config.HttpMaxConnections),
            };
            if (http.Table("outgoing") is { } outgoing) config = config with { HttpOutgoing = OutgoingConfig.Read(outgoing, config.HttpOutgoing) };
            http.RejectUnknown("[http]");
        }

        if (root.Table("upstream") is { } upstream)
        {
            config = Upstream(config, upstream, folder);
            if (upstream.Get("topics") is not null) config = config with { UpstreamTopics = upstream.Strings("topics") };
            config = config with
            {
                UpstreamBatch = (int)(upstream.Integer("batch", 1, 10_000) ?? config.UpstreamBatch),
                OutboxMaxBytes = upstream.Bytes("max-size", 1 << 20, 1L << 40) ?? config.OutboxMaxBytes,
                UpstreamClasses = UpstreamClass.ReadAll(upstream),
            };
            upstream.RejectUnknown("[upstream]");
        }

        if (root.Table("telemetry") is { } telemetry) config = config with { Telemetry = TelemetryConfig.Read(telemetry, Url(telemetry, "otlp", "http", "https"), config.Telemetry) };

        if (root.Table("nats") is { } nats) config = config with { Nats = NatsConfig.Read(nats, folder) };
        if (root.Table("keyvalue") is { } keyvalue) config = config with { KeyValue = KeyValueConfig.Read(keyvalue, folder) };
        if (root.Table("blobstore") is { } blobstore) config = config with { Blobstore = BlobstoreConfig.Read(blobstore) };
        config = config with { Models = ModelsConfig.Read(root.Table("models"), root.Table("inference"), folder, config.Models) };
        if (root.Table("registries") is { } registries) config = config with { Registries = RegistryConfig.Read(registries, folder) };
        if (root.Table("cameras") is { } cameras) config = config with { Cameras = CamerasConfig.Read(cameras, folder) };
        if (root.Table("clips") is { } clips) config = config with { Clips = ClipsConfig.Read(clips) };
        if (root.Table("view") is { } view) config = config with { View = ViewConfig.Read(view, config.HttpTls is not null) };
        if (root.Table("messaging") is { } messaging) config = config with { MessagingClients = MessagingClients.Read(messaging) };

        root.RejectUnknown("the node config");
        return config;
    }

    /// <summary>The name is in topics, client names and URIs, so it has no character that means something there.</summary>
    private static string? NodeName(TomlTable node) => node.String("name") is not { } name ? null
        : name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') ? name
        : throw node.Values["name"].Error($"the node's name has 1 to 64 letters, digits, dots, dashes and underscores, found \"{name}\"");

    /// <summary>`url`, and the keys that belong to its scheme: others are unknown keys.</summary>
    private static NodeConfig Upstream(NodeConfig config, TomlTable upstream, string folder)
    {
        if (upstream.String("url") is { } text && text.StartsWith("file:", StringComparison.Ordinal))
        {
            UpstreamFiles files = UpstreamFiles.Read(upstream, folder, text);
            return config with { UpstreamUrl = new Uri("file:///"), UpstreamFiles = files, UpstreamBroker = null };
        }

        if (upstream.String("url") is { } nats && nats.StartsWith("nats:", StringComparison.Ordinal))
        {
            string subject = nats["nats:".Length..];
            if (subject.StartsWith('/')) throw upstream.Values["url"].Error($"`url`: what stands behind nats: is a subject, such as nats:edge.events, and the connection is that of [nats]; found \"{UrlUserInfo.MaskAddress(nats)}\"");
            if (MessagingTriggers.SubjectFault(subject.Replace("{topic}", "x", StringComparison.Ordinal), isFilter: false) is { } fault) throw upstream.Values["url"].Error($"`url`: {fault}");
            return config with { UpstreamUrl = new Uri("nats:subject"), UpstreamSubject = subject, UpstreamFiles = null, UpstreamBroker = null };
        }

        Uri? url = Url(upstream, "url", "http", "https", "mqtt", "mqtts", "file");
        return config with
        {
            UpstreamUrl = url,
            UpstreamFiles = null,
            UpstreamBroker = url?.Scheme is "mqtt" or "mqtts" ? UpstreamBroker.Read(upstream, folder, url) : null,
            UpstreamLogin = url?.Scheme is "http" or "https" ? UpstreamLogin.Read(upstream, folder, url) : null,
        };
    }

    /// <summary>A retained message on this topic says `online`, and the broker itself says `offline` when the node is gone.</summary>
    private static string? StatusTopic(TomlTable broker, Uri? url)
    {
        if (broker.String("status") is not { } topic) return null;
        if (url is null) throw broker.Values["status"].Error("`status` is for an external broker: add url = \"mqtt://HOST\"");
        if (topic.Length == 0 || topic.AsSpan().IndexOfAny('+', '#', '\0') >= 0 || topic.StartsWith('$')) throw broker.Values["status"].Error($"`status` is a topic, such as \"nodes/gateway-7/status\", found \"{topic}\"");
        return topic;
    }

    private static (string, string) Tls(TomlTable tls, string folder)
    {
        (string, string) pair = (File("certificate", "\"cert.pem\""), File("key", "\"key.pem\""));
        tls.RejectUnknown("[http.tls]");
        return pair;

        string File(string key, string example) => tls.ExistingFile(key, folder, tls.Required(key, example));
    }

    private static string? Listen(TomlTable broker) => broker.String("listen") is not { } listen ? null
        : ListenAddress.TryParse(listen, out _) ? listen
        : throw broker.Values["listen"].Error($"`listen` must be an address and a port like \"127.0.0.1:1883\", found \"{listen}\"");

    private static Uri? Url(TomlTable table, string key, params string[] schemes)
    {
        if (table.String(key) is not { } text) return null;
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && schemes.Contains(url.Scheme) ? url
            : throw table.Values[key].Error($"`{key}` must be a URL that begins with {string.Join(" or ", schemes.Select(s => $"{s}://"))}, found \"{UrlUserInfo.MaskAddress(text)}\"");
    }
}
