// mote.toml: an app as its author wrote it.
using Mote.Packaging.Cameras;
using Mote.Packaging.Nats;
using Mote.Packaging.Timers;
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Packaging;

/// <summary>A component in a manifest.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Source">The .wasm file, absolute.</param>
/// <param name="Instance">How instances are used.</param>
/// <param name="Grants">What it may do.</param>
/// <param name="Limits">What it may use.</param>
/// <param name="Concurrency">Most events at once.</param>
/// <param name="Queue">Most events that wait.</param>
/// <param name="Build">How it is built; null where that is not said.</param>
/// <param name="Line">Where it is in the manifest.</param>
public sealed record ComponentManifest(
    string Name, string Source, InstancePolicy Instance, Grants Grants, MicroVmLimits Limits, int Concurrency, int Queue, BuildManifest? Build, int Line)
{
    /// <summary>Most requests at once where the manifest does not say.</summary>
    public const int DefaultHttpConcurrency = 64;

    /// <summary>Most HTTP requests at once.</summary>
    public int HttpConcurrency { get; init; } = DefaultHttpConcurrency;

    /// <summary>How exact its floating point is.</summary>
    public FloatMode Floats { get; init; }
}

/// <summary>Messages of a topic go to a component.</summary>
/// <param name="Topic">A topic filter: + and # are wildcards.</param>
/// <param name="Component">The component's name.</param>
/// <param name="Qos">At which quality of service to subscribe.</param>
/// <param name="Line">Where it is in the manifest.</param>
/// <param name="Retries">How often a message that the component fails at is tried again; null is the host's default.</param>
/// <param name="DeadLetter">The topic where it goes then; null is the host's default.</param>
public sealed record MqttTriggerManifest(string Topic, string Component, int Qos, int Line, int? Retries = null, string? DeadLetter = null)
{
    /// <summary>What messages have in common that keep their order where the component handles several at once.</summary>
    public MessageKey Key { get; init; }

    /// <summary>How large batches are, where the component takes them; null where this trigger does not say.</summary>
    public BatchManifest? Batch { get; init; }
}

/// <summary>What components of the app send on a topic goes to another of them, inside the node and to no broker.</summary>
/// <param name="Topic">A topic filter: + and # are wildcards.</param>
/// <param name="Component">The component's name.</param>
/// <param name="Line">Where it is in the manifest.</param>
/// <param name="Retries">How often a message that the component fails at is tried again; null is the host's default.</param>
/// <param name="DeadLetter">The topic where it goes then; null is the host's default.</param>
public sealed record FlowTriggerManifest(string Topic, string Component, int Line, int? Retries = null, string? DeadLetter = null)
{
    /// <summary>What messages have in common that keep their order where the component handles several at once.</summary>
    public MessageKey Key { get; init; }

    /// <summary>How large batches are, where the component takes them; null where this trigger does not say.</summary>
    public BatchManifest? Batch { get; init; }
}

/// <summary>Requests of a path go to a component.</summary>
/// <param name="Route">The path: `/api/...` is everything under it, `:id` any one segment.</param>
/// <param name="Component">The component's name; empty where <paramref name="Static"/> answers.</param>
/// <param name="Concurrency">Most requests of this route at once; null is the component's bound alone.</param>
/// <param name="Line">Where it is in the manifest.</param>
/// <param name="Static">A folder whose files answer in place of a component.</param>
public sealed record HttpTriggerManifest(string Route, string Component, int? Concurrency, int Line, StaticFolder? Static = null);

/// <summary>A folder whose files are given to clients.</summary>
/// <param name="Folder">The folder, absolute.</param>
/// <param name="Cache">How long a client may keep a file without asking again; null is never.</param>
public sealed record StaticFolder(string Folder, TimeSpan? Cache);

/// <summary>An app manifest.</summary>
/// <param name="File">The file, absolute.</param>
/// <param name="Name">The app's name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Components">Its components.</param>
/// <param name="MqttTriggers">Its MQTT triggers.</param>
public sealed record AppManifest(string File, string Name, string Version, IReadOnlyList<ComponentManifest> Components, IReadOnlyList<MqttTriggerManifest> MqttTriggers)
{
    /// <summary>Its HTTP triggers.</summary>
    public IReadOnlyList<HttpTriggerManifest> HttpTriggers { get; init; } = [];

    /// <summary>Its flows.</summary>
    public IReadOnlyList<FlowTriggerManifest> FlowTriggers { get; init; } = [];

    /// <summary>Its timers.</summary>
    public IReadOnlyList<TimerTriggerManifest> TimerTriggers { get; init; } = [];

    /// <summary>Its triggers of NATS.</summary>
    public IReadOnlyList<MessagingTriggerManifest> MessagingTriggers { get; init; } = [];

    /// <summary>Its triggers of cameras.</summary>
    public IReadOnlyList<CameraTriggerManifest> CameraTriggers { get; init; } = [];

    /// <summary>The name manifests have.</summary>
    public const string FileName = "mote.toml";

    /// <summary>The values of its variables that are secret.</summary>
    public SecretValues Secrets { get; init; } = SecretValues.None;

    /// <summary>Reads a manifest.</summary>
    /// <param name="path">The file, or the folder it is in.</param>
    /// <param name="variable">Values of variables that the operator gives; null where there is none.</param>
    /// <exception cref="ConfigException">It has a fault.</exception>
    public static AppManifest Load(string path, Func<string, string?> variable)
    {
        return new ManifestReader(FileOf(path), variable).Read();
    }

    /// <summary>The manifest, absolute, of a path that a user gave.</summary>
    /// <param name="path">The file, or the folder it is in.</param>
    /// <exception cref="ConfigException">There is none.</exception>
    public static string FileOf(string path)
    {
        string file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        return System.IO.File.Exists(file) ? Path.GetFullPath(file) : throw new ConfigException(file, 0, $"there is no manifest here: a folder with a {FileName} is needed (`mote new` writes one)");
    }

    /// <summary>What the manifest says of a component's batches; null where it says nothing.</summary>
    public BatchManifest? BatchOf(string component) => Batches.FirstOrDefault(b => b.Component == component && b.Batch is not null).Batch;

    /// <summary>What each trigger says of batches.</summary>
    internal IEnumerable<(string Component, BatchManifest? Batch)> Batches =>
        MqttTriggers.Select(t => (t.Component, t.Batch)).Concat(FlowTriggers.Select(t => (t.Component, t.Batch))).Concat(MessagingTriggers.Select(t => (t.Component, t.Batch)));

    /// <summary>The component of this name.</summary>
    public ComponentManifest Component(string name) => Components.First(c => c.Name == name);

    /// <summary>
    /// Whether an app that runs by this manifest can go on by another: its components may differ, in their code, grants,
    /// limits of an instance and variables, and what leads to them may not.
    /// </summary>
    public bool CanReplace(AppManifest by) =>
        by.Name == Name
        && Shape().SequenceEqual(by.Shape())
        && MqttTriggers.Select(t => t with { Line = 0 }).SequenceEqual(by.MqttTriggers.Select(t => t with { Line = 0 }))
        && FlowTriggers.Select(t => t with { Line = 0 }).SequenceEqual(by.FlowTriggers.Select(t => t with { Line = 0 }))
        && HttpTriggers.Select(t => t with { Line = 0 }).SequenceEqual(by.HttpTriggers.Select(t => t with { Line = 0 }))
        && CameraTriggers.Select(t => t with { Line = 0 }).SequenceEqual(by.CameraTriggers.Select(t => t with { Line = 0 }))
        && TimerTriggers.Select(t => t with { Line = 0 }).SequenceEqual(by.TimerTriggers.Select(t => t with { Line = 0 }))
        && MessagingTriggers.Select(t => t with { Line = 0 }).SequenceEqual(by.MessagingTriggers.Select(t => t with { Line = 0 }));

    private IEnumerable<(string Name, int Concurrency, int Http, int Queue)> Shape() => Components.Select(c => (c.Name, c.Concurrency, c.HttpConcurrency, c.Queue)).OrderBy(c => c.Name, StringComparer.Ordinal);
}
