// An app's component by itself: messages go in one after the other, and what it publishes comes back. No broker, no
// queue, no clock: the same messages give the same answers, as fast as the component is.
using System.Text.Json;
using Mote.Capabilities.Messaging;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Node;
using Mote.Packaging;
using Mote.Runtime;
using Mote.Wasmtime;

namespace Mote.Cli.Scoring;

/// <summary>What a detector published.</summary>
/// <param name="State">The alarm's new state: "raised" and "cleared", or "event" for what lasts one message; other words are kept as they are.</param>
/// <param name="Json">The whole message.</param>
internal sealed record Alert(string State, string Json)
{
    /// <summary>A field of the message that is text; null where there is none.</summary>
    public string? Text(string name) => Field(name, e => e.ValueKind == JsonValueKind.String ? e.GetString() : null);

    /// <summary>A field of the message that is a number; null where there is none.</summary>
    public double? Number(string name) => Field(name, e => e.ValueKind == JsonValueKind.Number ? e.GetDouble() : (double?)null);

    private T? Field<T>(string name, Func<JsonElement, T?> read)
    {
        using JsonDocument json = JsonDocument.Parse(Json);
        return json.RootElement.TryGetProperty(name, out JsonElement e) ? read(e) : default;
    }

    /// <summary>Reads a message; null where it is no JSON object with a "state".</summary>
    public static Alert? Of(Message message)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(message.Bytes);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("state", out JsonElement state) && state.ValueKind == JsonValueKind.String
                ? new Alert(state.GetString()!, json.RootElement.GetRawText())
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>A component's microVMs, as a node has them, and a key-value store of its own.</summary>
internal sealed class DetectorRun : IDisposable
{
    /// <summary>In place of the app's limit: a score must not depend on how busy the machine and its disk are.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _scratch = Directory.CreateTempSubdirectory("mote-score-").FullName;
    private readonly ComponentHost _host;
    private readonly InstanceTemplate _template;
    private readonly MessageHandler _handler;

    /// <summary>Loads the component that the app's first MQTT trigger calls, or its only one.</summary>
    /// <exception cref="CliException">There is none, or it is not built.</exception>
    public DetectorRun(AppManifest app, CompileWorker? compiler = null)
    {
        ComponentManifest c = ComponentOf(app);
        if (!File.Exists(c.Source)) throw new CliException(ExitCode.NoInput, $"{c.Source}: there is no such file; build it first: mote build {Path.GetDirectoryName(app.File)}");
        _host = new ComponentHost(new HostOptions { Runtime = new RuntimeOptions { PoolSlots = 16, Compiler = compiler }, KeyValueFile = Path.Combine(_scratch, "keyvalue.db") });
        try
        {
            _template = _host.Load(c.Source, c.Floats);
            _handler = MessageHandler.Bind(_template) ?? throw new CliException(ExitCode.BadInput, $"{c.Source} has no export {MessageHandler.Interfaces}: `mote inspect {c.Source}` shows what it exports");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private static ComponentManifest ComponentOf(AppManifest app) => app.MqttTriggers.FirstOrDefault() is { } t ? app.Component(t.Component)
        : app.Components.Count == 1 ? app.Components[0]
        : throw new CliException(ExitCode.BadInput, $"{app.File}: the app has several components and no [[trigger.mqtt]]: which of them gets the messages cannot be told");

    /// <summary>MicroVMs by this manifest, which is the app's, perhaps with other values of its variables.</summary>
    public Session Open(AppManifest app)
    {
        ComponentManifest c = ComponentOf(app);
        var component = new AppComponent(app.Name, c.Name, c.Grants, c.Limits with { Time = s_patience })
        {
            Denials = new DenialLog(d => Console.Error.WriteLine($"mote: {d.What} was denied; {d.ManifestLine} in {app.File} would allow it")),
            Log = static (name, level, context, message) => Console.Error.WriteLine($"[{name}] {level.ToString().ToLowerInvariant()} {context}: {message}"),
        };
        return new Session(this, _host.Pool(_template, component, c.Instance));
    }

    public void Dispose()
    {
        _template?.Dispose();
        _host?.Dispose();
        Directory.Delete(_scratch, recursive: true);
    }

    /// <summary>Messages in order.</summary>
    internal sealed class Session(DetectorRun run, MicroVmPool pool) : IDisposable
    {
        /// <summary>Messages so far.</summary>
        public long Messages { get; private set; }

        /// <summary>Their bytes.</summary>
        public long BytesIn { get; private set; }

        /// <summary>Bytes that were published.</summary>
        public long BytesOut { get; private set; }

        /// <summary>Gives a message to the component; what it published.</summary>
        /// <exception cref="CliException">It answered with an error: a detector that refuses its data has no score.</exception>
        /// <exception cref="TrapException">It trapped.</exception>
        public IReadOnlyList<Alert> Give(string topic, ReadOnlyMemory<byte> data, string type) => Give(new Message(data) { Topic = topic, Type = type });

        /// <summary>Gives a message to the component, with what travels with it; what it published.</summary>
        /// <exception cref="CliException">It answered with an error: a detector that refuses its data has no score.</exception>
        /// <exception cref="TrapException">It trapped.</exception>
        public IReadOnlyList<Alert> Give(Message message)
        {
            long bytes = message.Bytes.Length;
            MicroVm vm = pool.Rent(out _);
            try
            {
                MessagingGuest guest = run._host.Messaging.Guest(vm);
                Result<Unit, IMessagingTypes.Error> result = vm.Call((handler: run._handler, guest, message), static (instance, s) => s.handler.Handle(instance, s.guest, s.message));
                if (!result.IsOk)
                {
                    guest.Discard();
                    throw new CliException(ExitCode.Failed, $"the component refused message {Messages + 1} on {message.Topic}: {(result.Error is IMessagingTypes.Error.Other o ? o.Value : result.Error.ToString())}");
                }

                Messages++;
                BytesIn += bytes;
                Published[] published = guest.TakePublished();
                if (published.Length == 0) return [];
                BytesOut += published.Sum(p => (long)p.Message.Bytes.Length);
                return [.. published.Select(p => Alert.Of(p.Message)).OfType<Alert>()];
            }
            finally
            {
                pool.Return(vm);
            }
        }

        public void Dispose() => pool.Dispose();
    }
}
