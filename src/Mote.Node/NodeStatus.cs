// What a node and its components do now: what `mote apps` and the live view show.
using System.Text.Json.Serialization;
using Mote.Runtime;
using Mote.Triggers;
using Mote.Triggers.Http;

namespace Mote.Node;

/// <summary>A node at a moment.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="ProcessId">Its process.</param>
/// <param name="UptimeSeconds">Since it began to start.</param>
/// <param name="Http">Where it takes HTTP; null for nowhere.</param>
/// <param name="MicroVmThreads">Threads for guests that wait in the host, or found no processor free.</param>
/// <param name="ResidentBytes">Memory of the process that is in RAM.</param>
/// <param name="Mappings">The room for guests in the process's memory mappings.</param>
/// <param name="Components">Those that have a trigger.</param>
public sealed record NodeStatus(
    string Name, int ProcessId, double UptimeSeconds, string? Http, [property: JsonPropertyName("microvm_threads")] int MicroVmThreads, long ResidentBytes, MappingStatus Mappings, IReadOnlyList<ComponentStatus> Components)
{
    /// <summary>Broker, upstream and disk; null from a node of a version that does not say.</summary>
    public DataPlaneStatus? DataPlane { get; init; }

    /// <summary>What came, left and was written; null from a node of a version that keeps no account of it.</summary>
    public NodeLedger? Ledger { get; init; }

    /// <summary>The cameras that components see; null from a node of a version without them.</summary>
    public IReadOnlyList<CameraStatus>? Cameras { get; init; }

    /// <summary>The models that are artifacts of a registry; null from a node of a version without them.</summary>
    public IReadOnlyList<ModelStatus>? Models { get; init; }

    /// <summary>A line for each component that sees a camera: what it can send and keep. Null from a node of a version without them.</summary>
    public IReadOnlyList<string>? Privacy { get; init; }

    /// <summary>Where people can look at the cameras; null for nowhere.</summary>
    public View.ViewStatus? View { get; init; }

    internal static NodeStatus Of(string name, TimeSpan uptime, HttpApps? http, IReadOnlyList<MessageQueue> queues, MappingBudget mappings) => new(
        name, Environment.ProcessId, Math.Round(uptime.TotalSeconds, 3), http?.Address.AbsoluteUri, http?.Threads ?? 0, Environment.WorkingSet, new MappingStatus(mappings.Taken, mappings.Limit, mappings.Refused),
        [.. (http?.Handlers ?? []).Select(Of), .. queues.Select(Of)]);

    private static ComponentStatus Of(HttpHandler h)
    {
        HttpCounts c = h.Counts;
        ComponentState state = c.Running > 0 ? ComponentState.Running : h.IsLoaded ? ComponentState.Loaded : ComponentState.Zero;
        return ComponentStatus.Of(h.Component, "http", state, c.Running, c.Waiting) with { Received = c.Received, Answered = c.Answered, Failed = c.Failed, Cancelled = c.Cancelled };
    }

    private static ComponentStatus Of(MessageQueue q)
    {
        EventCounts c = q.Counts;
        // Its code stays mapped: a message must not wait for it.
        int waiting = (int)Math.Min(c.Waiting, int.MaxValue), running = Math.Min(waiting, q.Concurrency);
        ComponentStatus status = ComponentStatus.Of(q.Component, q.Trigger, running > 0 ? ComponentState.Running : ComponentState.Loaded, running, waiting - running);
        return status with { Camera = q.Component.Camera, Received = c.Received, Answered = c.Handled, Failed = c.Failed + c.NotDelivered, BytesIn = status.BytesIn + c.ReceivedBytes };
    }
}

/// <summary>Memory mappings of guests.</summary>
/// <param name="Used">Taken now.</param>
/// <param name="Limit">Most; beyond them guests are refused.</param>
/// <param name="Refused">Guests that found no room.</param>
public sealed record MappingStatus(long Used, long Limit, long Refused);

/// <summary>How much of a component is there.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ComponentState>))]
public enum ComponentState
{
    /// <summary>Nothing but its entry: the code is not mapped.</summary>
    [JsonStringEnumMemberName("zero")]
    Zero,

    /// <summary>The code is mapped, and nothing is in work.</summary>
    [JsonStringEnumMemberName("loaded")]
    Loaded,

    /// <summary>Events are in work.</summary>
    [JsonStringEnumMemberName("running")]
    Running,
}

/// <summary>A component at a moment. Counts are since the node's start.</summary>
public sealed record ComponentStatus
{
    /// <summary>Its app.</summary>
    public required string App { get; init; }

    /// <summary>Its name in the app.</summary>
    public required string Component { get; init; }

    /// <summary>What its events are: http, mqtt, timer, or mqtt+timer; or camera.</summary>
    public required string Trigger { get; init; }

    /// <summary>The camera whose pictures it gets; null of other triggers.</summary>
    public string? Camera { get; init; }

    /// <summary>How much of it is there.</summary>
    public ComponentState State { get; init; }

    /// <summary>Events in work.</summary>
    public int Running { get; init; }

    /// <summary>Events in the queue.</summary>
    public int Waiting { get; init; }

    /// <summary>Requests or messages that were let in.</summary>
    public long Received { get; init; }

    /// <summary>Of these, the ones that it answered or handled.</summary>
    public long Answered { get; init; }

    /// <summary>The ones that it trapped in, left without an answer, or whose results could not be passed on.</summary>
    public long Failed { get; init; }

    /// <summary>The ones whose client went away.</summary>
    public long Cancelled { get; init; }

    /// <summary>Those that were not let in: too many were there.</summary>
    public long Refused { get; init; }

    /// <summary>MicroVMs started.</summary>
    [JsonPropertyName("microvms_started")]
    public long MicroVmsStarted { get; init; }

    /// <summary>MicroVMs now, warm ones included.</summary>
    [JsonPropertyName("microvms_live")]
    public int MicroVmsLive { get; init; }

    /// <summary>Processor time, starts included.</summary>
    public double CpuSeconds { get; init; }

    /// <summary>Most linear memory of one microVM.</summary>
    public long PeakMemoryBytes { get; init; }

    /// <summary>Bytes of bodies and messages taken.</summary>
    public long BytesIn { get; init; }

    /// <summary>Bytes of bodies and streams given.</summary>
    public long BytesOut { get; init; }

    internal static ComponentStatus Of(AppComponent component, string trigger, ComponentState state, int running, int waiting)
    {
        UsageCounts u = component.Usage.Counts;
        return new ComponentStatus
        {
            App = component.App,
            Component = component.Name,
            Trigger = trigger,
            State = state,
            Running = running,
            Waiting = waiting,
            Refused = u.Refused,
            MicroVmsStarted = u.Started,
            MicroVmsLive = u.Live,
            CpuSeconds = u.Cpu.TotalSeconds,
            PeakMemoryBytes = u.PeakMemory,
            BytesIn = u.BytesIn,
            BytesOut = u.BytesOut,
        };
    }
}

/// <summary>Writes and reads them with no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(NodeLedger))]
[JsonSerializable(typeof(View.ViewInvitation))]
public sealed partial class StatusJson : JsonSerializerContext;
