// Reads mote.toml, with an error at its line for everything that is missing, misspelt or out of bounds.
using System.Text.RegularExpressions;
using Mote.Packaging.Cameras;
using Mote.Packaging.Nats;
using Mote.Packaging.Timers;
using Mote.Packaging.Toml;
using Mote.Runtime;
using Mote.Runtime.Egress;

namespace Mote.Packaging;

internal sealed partial class ManifestReader(string file, Func<string, string?> operatorVariable)
{
    private readonly string _folder = Path.GetDirectoryName(file)!;
    private readonly Dictionary<string, string?> _variables = [];
    private readonly List<string> _secrets = [];

    public AppManifest Read()
    {
        try
        {
            return ReadAll();
        }
        catch (ConfigException e) when (_secrets.Count > 0)
        {
            // A message quotes values, and a value may have a secret in it.
            string reason = new SecretValues(_secrets).Mask(e.Reason);
            if (reason == e.Reason) throw;
            throw new ConfigException(file, e.Line, reason);
        }
    }

    private AppManifest ReadAll()
    {
        TomlTable root = TomlTable.Load(file);
        if (root.Integer("mote", 1, 1) is null) throw root.Error("`mote` is missing: begin the file with mote = 1 (the manifest's version)");
        TomlTable app = root.Table("app") ?? throw root.Error("`[app]` is missing: add [app] with name = \"my-app\"");
        string name = app.Required("name", "\"my-app\"");
        if (!NamePattern().IsMatch(name)) throw app.Values["name"].Error($"the app's name `{name}` may have lowercase letters, digits and dashes, and begins with a letter");
        string version = app.String("version") ?? "0.0.0";
        app.RejectUnknown("[app]");
        ReadVariables(root.Table("variables"));
        List<ComponentManifest> components = ReadComponents(root);
        TomlTable triggers = root.Table("trigger") ?? throw root.Error("there is no trigger: add [[trigger.http]] with route = \"/...\", [[trigger.mqtt]] with topic = \"plant/+/vibration\", [[trigger.messaging]] with subject = \"plant.*.vibration\", [[trigger.timer]] with every = \"10s\", or [[trigger.camera]] with camera = \"line-1\", and component = \"NAME\"");
        List<MqttTriggerManifest> mqtt = ReadMqttTriggers(triggers, components);
        List<HttpTriggerManifest> http = ReadHttpTriggers(triggers, components);
        List<TimerTriggerManifest> timers = TimerTriggers.Read(triggers, t => ReadTarget(t, components), NamePattern());
        List<MessagingTriggerManifest> messaging = MessagingTriggers.Read(triggers, t => ReadTarget(t, components), t => BatchManifest.Read(t, components));
        List<FlowTriggerManifest> flows = ReadFlowTriggers(triggers, components);
        List<CameraTriggerManifest> cameras = CameraTriggers.Read(triggers, t => ReadTarget(t, components), components);
        triggers.RejectUnknown("[trigger]");
        root.RejectUnknown("the manifest");
        var manifest = new AppManifest(file, name, version, components, mqtt) { HttpTriggers = http, FlowTriggers = flows, MessagingTriggers = messaging, TimerTriggers = timers, CameraTriggers = cameras, Secrets = new SecretValues(_secrets) };
        BatchManifest.CheckAgree(file, manifest.Batches);
        return manifest;
    }

    /// <summary>[variables]: name = { default = "…" } or { required = true }.</summary>
    private void ReadVariables(TomlTable? table)
    {
        if (table is null) return;
        foreach (string name in table.Values.Keys.ToArray())
        {
            TomlTable v = table.Table(name)!;
            bool required = v.Boolean("required") ?? false;
            // Every key is read, used or not: what was not read is unknown.
            string? standard = v.String("default");
            bool secret = v.Boolean("secret") ?? false;
            string? given = operatorVariable(name) ?? standard;
            v.RejectUnknown($"variable `{name}`");
            if (required && given is null) throw v.Error($"variable `{name}` is required and has no value: set it with --variable {name}=… or in the environment as {VariableValues.EnvironmentName(name)}");
            _variables[name] = given;
            if (secret && given is not null) _secrets.Add(given);
        }
    }

    private string Expand(TomlNode at, string text) => TemplatePattern().Replace(text, m =>
    {
        string name = m.Groups[1].Value;
        if (!_variables.TryGetValue(name, out string? value)) throw at.Error($"`{{{{ {name} }}}}` names no variable: add it under [variables]");
        return value ?? throw at.Error($"variable `{name}` has no value: give it a default, or set it with --variable {name}=…");
    });

    private List<ComponentManifest> ReadComponents(TomlTable root)
    {
        TomlTable table = root.Table("component") ?? throw root.Error("there is no component: add [component.NAME] with source = \"file.wasm\"");
        var components = new List<ComponentManifest>();
        foreach (string name in table.Values.Keys.ToArray())
        {
            TomlTable c = table.Table(name)!;
            if (!NamePattern().IsMatch(name)) throw c.Error($"the component's name `{name}` may have lowercase letters, digits and dashes, and begins with a letter");
            components.Add(ReadComponent(name, c));
        }

        return components;
    }

    private ComponentManifest ReadComponent(string name, TomlTable c)
    {
        if (c.Get("source") is TomlTable) throw c.Values["source"].Error("a source from a registry is not supported yet: name a file");
        string source = c.Required("source", "\"filter.wasm\"");
        string instance = c.String("instance") ?? "per-event";
        if (instance is not ("pooled" or "per-event")) throw c.Values["instance"].Error($"`instance` is \"per-event\" or \"pooled\", found \"{instance}\"");
        TomlTable? limits = c.Table("limits");
        var concurrency = (int?)limits?.Integer("concurrency", 1, 1024);
        var manifest = new ComponentManifest(
            name,
            c.Path("source", _folder, source),
            ReadPool(name, c, instance == "pooled", concurrency),
            ReadGrants(name, c),
            ReadLimits(name, limits),
            concurrency ?? 1,
            (int)(limits?.Integer("queue", 1, 1_000_000) ?? 1024),
            BuildManifest.Read(c, _folder),
            c.Line)
        {
            HttpConcurrency = concurrency ?? ComponentManifest.DefaultHttpConcurrency,
            Floats = c.String("floats") switch
            {
                null or "deterministic" => FloatMode.Deterministic,
                "fast" => FloatMode.Fast,
                { } other => throw c.Values["floats"].Error($"`floats` is \"deterministic\" or \"fast\", found \"{other}\""),
            },
        };
        limits?.RejectUnknown($"[component.{name}.limits]");
        c.RejectUnknown($"[component.{name}]");
        return manifest;
    }

    private Grants ReadGrants(string name, TomlTable c)
    {
        TomlTable? g = c.Table("grants");
        var variables = new Dictionary<string, string>();
        if (c.Table("variables") is { } v)
        {
            foreach (string key in v.Values.Keys.ToArray()) variables[key] = Expand(v.Values[key], v.String(key)!);
        }

        var environment = new List<KeyValuePair<string, string>>();
        if (c.Table("environment") is { } e)
        {
            foreach (string key in e.Values.Keys.ToArray()) environment.Add(new(key, Expand(e.Values[key], e.String(key)!)));
        }

        List<FolderGrant> granted = g is null ? [] : FileGrants.Read(g, _folder);
        var grants = new Grants
        {
            KeyValue = g?.Strings("keyvalue") ?? [],
            Blobstore = g?.Strings("blobstore") ?? [],
            Models = g?.Strings("models") ?? [],
            Camera = g?.Strings("camera") ?? [],
            Publish = g?.Strings("publish") ?? [],
            View = g?.Strings("view") ?? [],
            Variables = variables,
            Environment = environment,
            Http = g is null ? [] : NetworkGrants.Read<HttpGrant>(g, "http", Expand, HttpGrant.TryParse),
            Sockets = g is null ? [] : NetworkGrants.Read<SocketGrant>(g, "sockets", Expand, SocketGrant.TryParse),
            Files = [.. granted, .. AppFiles.Read(c, _folder, granted)],
        };
        foreach (string topic in grants.Publish) CheckTopic(g!, "publish", topic);
        foreach (string topic in grants.View)
        {
            CheckTopic(g!, "view", topic);
            if (grants.Publish.Contains(topic)) throw g!.Values["view"].Error($"`{topic}` is under `publish` too: what goes to the view goes nowhere else, so take it out of one of them");
        }

        g?.RejectUnknown($"[component.{name}.grants]");
        return grants;
    }

    private static void CheckTopic(TomlTable grants, string key, string topic)
    {
        if (topic.Contains('+') || topic.Contains('#')) throw grants.Values[key].Error($"`{key}` names topics, and `{topic}` has a wildcard");
        if (TopicFault(topic) is { } fault) throw grants.Values[key].Error(fault);
    }

    private static InstancePolicy ReadPool(string name, TomlTable c, bool pooled, int? concurrency)
    {
        var policy = new InstancePolicy { Pooled = pooled, MaxIdle = concurrency ?? 4, Idle = pooled ? TimeSpan.FromMinutes(1) : TimeSpan.FromSeconds(5) };
        if (c.Table("pool") is not { } pool) return policy;
        if (!pooled) throw pool.Error($"[component.{name}.pool] is for a component with instance = \"pooled\"");
        policy = policy with
        {
            MaxIdle = (int)(pool.Integer("size", 1, 1024) ?? policy.MaxIdle),
            MaxUses = pool.Integer("max-uses", 1, long.MaxValue) ?? 0,
            MaxAge = pool.Time("max-age", max: TimeSpan.FromDays(365)),
            Idle = pool.Time("idle", max: TimeSpan.FromDays(365)) ?? policy.Idle,
        };
        pool.RejectUnknown($"[component.{name}.pool]");
        return policy;
    }

    private static MicroVmLimits ReadLimits(string name, TomlTable? limits)
    {
        if (limits is null) return new MicroVmLimits();
        var defaults = new MicroVmLimits();
        return defaults with
        {
            MemoryBytes = limits.Bytes("memory", 64 << 10, 4L << 30) ?? defaults.MemoryBytes,
            Time = limits.Time("time", max: TimeSpan.FromDays(1)) ?? defaults.Time,
            Egress = limits.Egress("egress") ?? defaults.Egress,
            BlobContainerBytes = limits.Bytes("blobstore", 4 << 10, 1L << 50) ?? defaults.BlobContainerBytes,
            Sockets = (int)(limits.Integer("sockets", 0, 4096) ?? defaults.Sockets),
            Cpu = limits.Time("cpu", max: TimeSpan.FromDays(1)),
            TableElements = limits.Integer("table-elements", 1, 10_000_000) ?? defaults.TableElements,
            CoreInstances = (int)(limits.Integer("instances", 1, 10_000) ?? defaults.CoreInstances),
            Handles = (int)(limits.Integer("handles", 16, 1 << 24) ?? defaults.Handles),
        };
    }

    private static string? DeadLetter(TomlTable t)
    {
        if (t.String("dead-letter") is not { } topic) return null;
        if (topic.Contains('+') || topic.Contains('#')) throw t.Values["dead-letter"].Error($"`dead-letter` is one topic, and `{topic}` has a wildcard");
        return TopicFault(topic) is { } fault ? throw t.Values["dead-letter"].Error(fault) : topic;
    }

    /// <summary>What messages have in common that keep their order.</summary>
    internal static MessageKey ReadKey(TomlTable t)
    {
        if (t.String("key") is not { } text) return default;
        return MessageKey.TryParse(text, out MessageKey key) ? key : throw t.Values["key"].Error($"`key` is {MessageKey.Forms}, found \"{text}\"");
    }

    private static List<MqttTriggerManifest> ReadMqttTriggers(TomlTable table, List<ComponentManifest> components)
    {
        var triggers = new List<MqttTriggerManifest>();
        foreach (TomlTable t in table.Tables("mqtt"))
        {
            string topic = t.Required("topic", "\"plant/+/vibration\"");
            if (FilterFault(topic) is { } fault) throw t.Values["topic"].Error(fault);
            triggers.Add(new MqttTriggerManifest(topic, ReadTarget(t, components), (int)(t.Integer("qos", 0, 2) ?? 1), t.Line, (int?)t.Integer("retries", 0, 100), DeadLetter(t)) { Key = ReadKey(t), Batch = BatchManifest.Read(t, components) });
            t.RejectUnknown("[[trigger.mqtt]]");
        }

        return triggers;
    }

    private static List<FlowTriggerManifest> ReadFlowTriggers(TomlTable table, List<ComponentManifest> components)
    {
        var triggers = new List<FlowTriggerManifest>();
        foreach (TomlTable t in table.Tables("flow"))
        {
            string topic = t.Required("topic", "\"features\"");
            if (FilterFault(topic) is { } fault) throw t.Values["topic"].Error(fault);
            triggers.Add(new FlowTriggerManifest(topic, ReadTarget(t, components), t.Line, (int?)t.Integer("retries", 0, 100), DeadLetter(t)) { Key = ReadKey(t), Batch = BatchManifest.Read(t, components) });
            t.RejectUnknown("[[trigger.flow]]");
        }

        return triggers;
    }

    private List<HttpTriggerManifest> ReadHttpTriggers(TomlTable table, List<ComponentManifest> components)
    {
        var triggers = new List<HttpTriggerManifest>();
        foreach (TomlTable t in table.Tables("http"))
        {
            string route = t.Required("route", "\"/api/...\"");
            if (t.String("static") is { } folder) triggers.Add(ReadStatic(t, route, folder));
            else triggers.Add(new HttpTriggerManifest(route, ReadTarget(t, components), (int?)t.Integer("concurrency", 1, 10_000), t.Line));
            t.RejectUnknown("[[trigger.http]]");
        }

        return triggers;
    }

    /// <summary>static = "assets": the files of a folder of the app.</summary>
    private HttpTriggerManifest ReadStatic(TomlTable t, string route, string value)
    {
        if (t.Get("component") is { } component) throw component.Error("a route has a `component` or a `static` folder, and this one has both");
        if (!route.EndsWith("/...", StringComparison.Ordinal)) throw t.Values["route"].Error($"files of a folder need a route that ends with /..., such as \"/static/...\", found \"{route}\"");
        string folder = t.Path("static", _folder, value);
        if (!Directory.Exists(folder)) throw t.Values["static"].Error($"`static`: {(File.Exists(folder) ? "this is no folder" : "there is no folder")} {folder}");
        return new HttpTriggerManifest(route, "", null, t.Line, new StaticFolder(folder, t.Time("cache", max: TimeSpan.FromDays(366))));
    }

    private static string ReadTarget(TomlTable t, List<ComponentManifest> components)
    {
        string component = t.Required("component", "\"NAME\"");
        return components.Any(c => c.Name == component) ? component
            : throw t.Values["component"].Error($"there is no component `{component}`: it has {string.Join(", ", components.Select(c => $"`{c.Name}`"))}");
    }

    /// <summary>What neither a topic nor a filter may be.</summary>
    private static string? TopicFault(string topic) =>
        topic.Length == 0 ? "a topic has at least one character"
        : topic.Contains('\0') ? "a topic has no NUL character"
        : System.Text.Encoding.UTF8.GetByteCount(topic) > ushort.MaxValue ? "a topic has at most 65535 bytes" : null;

    /// <summary>What is wrong with an MQTT topic filter (MQTT 5, section 4.7); null where nothing is.</summary>
    private static string? FilterFault(string filter)
    {
        if (TopicFault(filter) is { } fault) return fault;
        if (filter == "$share" || filter.StartsWith("$share/", StringComparison.Ordinal))
        {
            // MQTT 5, section 4.8.2.
            string[] parts = filter.Split('/', 3);
            return parts.Length < 3 || parts[1].Length == 0 || parts[1].AsSpan().IndexOfAny('+', '#') >= 0 || parts[2].Length == 0
                ? $"`{filter}`: a shared subscription is $share/GROUP/FILTER, and the group has no + or #" : FilterFault(parts[2]);
        }

        string[] levels = filter.Split('/');
        for (int i = 0; i < levels.Length; i++)
        {
            if (levels[i].Contains('#') && (levels[i] != "#" || i != levels.Length - 1)) return $"`{filter}`: # stands alone at the end";
            if (levels[i].Contains('+') && levels[i] != "+") return $"`{filter}`: + stands alone between slashes";
        }

        return null;
    }

    [GeneratedRegex(@"^[a-z][a-z0-9-]*\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\{\{\s*([A-Za-z0-9_-]+)\s*\}\}")]
    private static partial Regex TemplatePattern();
}
