// NATS of a node: from node.toml and the manifests to the connection and what goes over it.
using System.Security.Cryptography;
using System.Text;
using Mote.Backends.Nats;
using Mote.Backends.Nats.KeyValue;
using Mote.Backends.Nats.Objects;
using Mote.Packaging;
using Mote.Packaging.Nats;
using Mote.Packaging.Toml;
using Mote.Runtime;
using Mote.Triggers;

namespace Mote.Node;

internal sealed class NodeNats : IAsyncDisposable
{
    /// <summary>Most messages of a stream in flight where nothing is said; fewer where the component's queue takes fewer.</summary>
    private const int MostInFlight = 1024;

    private readonly string _node;
    private readonly NatsLink _link;
    private readonly Action<string> _log;
    private NatsTriggers? _triggers;

    private NodeNats(string node, NatsSettings settings, Action<string> log)
    {
        _node = node;
        _log = log;
        _link = new NatsLink(settings, log);
        Broker = new NatsBroker(_link, TimeProvider.System);
    }

    /// <summary>What components reach.</summary>
    public NatsBroker Broker { get; }

    /// <summary>Stores in NATS KV.</summary>
    public NatsKeyValue KeyValue => field ??= new NatsKeyValue(_link, TimeProvider.System);

    /// <summary>Blob containers in NATS object stores.</summary>
    /// <param name="spool">A folder for values that are not whole.</param>
    /// <param name="wear">Told what is written there.</param>
    public NatsBlobs Blobs(string spool, DiskWear wear) => new(_link, spool, wear);

    public string Address => _link.Address;

    /// <summary>How it is, for `mote doctor`.</summary>
    public NatsStatus Status => new(Address, _link.Fault ?? (IsReady ? null : "there is a connection, and a trigger does not receive yet: its stream or its permissions; the log says which"), Dropped);

    public bool IsReady => _link.IsConnected && _triggers?.IsReady != false;

    public long Dropped => _triggers?.Dropped ?? 0;

    /// <summary>Begins to connect, where node.toml says to what; null where it does not.</summary>
    /// <exception cref="ConfigException">Something needs NATS and there is none, or a file of it cannot be used.</exception>
    public static NodeNats? Connect(NodeConfig config, IReadOnlyList<AppManifest> apps, Action<string> log)
    {
        if (config.Nats is not { } nats)
        {
            const string Missing = "node.toml says where NATS is: [nats] with url = \"nats://127.0.0.1:4222\"";
            foreach (AppManifest app in apps)
            {
                if (app.MessagingTriggers is [{ } first, ..]) throw new ConfigException(app.File, first.Line, $"[[trigger.messaging]] needs NATS: {Missing}");
            }

            if (config.MessagingClients.Named.FirstOrDefault(c => c.Value == MessageBrokerKind.Nats).Key is { } client) throw new ConfigException("node config", 0, $"the client `{client}` needs NATS: {Missing}");
            if (config.KeyValue?.Url.Scheme == "nats") throw new ConfigException("node config", 0, $"[keyvalue] with url = \"nats:\" needs NATS: {Missing}");
            if (config.Blobstore is not null) throw new ConfigException("node config", 0, $"[blobstore] with url = \"nats:\" needs NATS: {Missing}");
            if (config.UpstreamSubject is not null) throw new ConfigException("node config", 0, $"[upstream] with url = \"nats:{config.UpstreamSubject}\" needs NATS: {Missing}");
            return null;
        }

        var settings = new NatsSettings(nats.Urls, $"mote-{config.Name}")
        {
            CredentialsFile = nats.Credentials,
            NKeyFile = nats.NKey,
            User = nats.User,
            Password = nats.Password,
            AuthorityFile = nats.Authority,
            Certificate = nats.Certificate,
            RequiresTls = nats.RequiresTls,
        };
        try
        {
            settings.Check();
        }
        catch (InvalidDataException e)
        {
            throw new ConfigException("node config", 0, e.Message);
        }

        return new NodeNats(config.Name, settings, log);
    }

    /// <summary>The upstream that is a stream of JetStream.</summary>
    public JetStreamUpstream Upstream(string subject, int batch) => new(_link, subject, batch);

    /// <summary>Begins to give messages to components.</summary>
    public void Receive(IReadOnlyList<AppManifest> apps, IReadOnlyDictionary<(string App, string Component), MessageQueue> queueOf)
    {
        var routes = new List<NatsRoute>();
        foreach (AppManifest app in apps)
        {
            foreach (MessagingTriggerManifest t in app.MessagingTriggers) routes.Add(Route(app.Name, t, queueOf[(app.Name, t.Component)]));
        }

        if (routes.Count == 0) return;
        _triggers = new NatsTriggers(_link, Broker, routes, _log);
        _triggers.Start();
    }

    public Task StopReceivingAsync() => _triggers?.StopReceivingAsync() ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_triggers is not null) await _triggers.DisposeAsync().ConfigureAwait(false);
        await _link.DisposeAsync().ConfigureAwait(false);
    }

    private NatsRoute Route(string app, MessagingTriggerManifest t, MessageQueue queue) => new(
        t.Subject, queue, new RetryPolicy(t.Retries ?? RetryPolicy.DefaultRetries, t.DeadLetter ?? $"dead-letter.{app}.{t.Component}") { Client = "nats" })
    {
        Group = t.Queue,
        Key = t.Key,
        Consumer = t.Stream is not { } s ? null
            : new NatsConsumer(s.Name, s.Durable ?? OwnName(app, t), s.From == DeliverFrom.New, s.AckWait, s.MaxInFlight ?? Math.Clamp(queue.Capacity, 1, MostInFlight)),
    };

    /// <summary>A consumer of this node's own, the same after each start: another node with the same app gets the messages too.</summary>
    private string OwnName(string app, MessagingTriggerManifest t)
    {
        string what = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{_node}\n{app}\n{t.Component}\n{t.Subject}")))[..8];
        string name = $"mote-{_node.Replace('.', '_')}-{app}-{t.Component}";
        return $"{(name.Length > 200 ? name[..200] : name)}-{what}";
    }
}
