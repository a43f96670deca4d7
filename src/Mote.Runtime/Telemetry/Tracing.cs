// Spans: a trigger's, the microVM's within it, the host calls within that. While nobody listens nothing is made and
// nothing allocated; what is asked then is one field.
using System.Diagnostics;

namespace Mote.Runtime.Telemetry;

/// <summary>Makes spans. Names and attributes are those of OpenTelemetry's semantic conventions where there are some (docs/telemetry.md).</summary>
public static class Tracing
{
    /// <summary>The name of the source of all spans and of the meter of all metrics.</summary>
    public const string SourceName = "Mote";

    /// <summary>Most spans of host calls in one call of a guest: a guest may make millions, and each span waits in memory until it is sent.</summary>
    public const int MaxHostCalls = 128;

    /// <summary>Most links of a span.</summary>
    public const int MaxLinks = 128;

    private static readonly ActivitySource s_source = new(SourceName, typeof(Tracing).Assembly.GetName().Version?.ToString(3));

    /// <summary>Does anybody listen?</summary>
    public static bool IsOn => s_source.HasListeners();

    /// <summary>An event has come. Ask <see cref="IsOn"/> first: the name is made for this.</summary>
    /// <param name="name">Of few different values: from the manifest, not from the event.</param>
    /// <param name="kind">Server or consumer.</param>
    /// <param name="component">Whose event it is.</param>
    /// <param name="trigger">faas.trigger: http, pubsub, timer, datasource or other.</param>
    /// <param name="parent">W3C traceparent that came with it; null for none. One that is malformed is none.</param>
    /// <param name="state">W3C tracestate.</param>
    /// <returns>Null where it is not sampled.</returns>
    public static Activity? Event(string name, ActivityKind kind, AppComponent component, string trigger, string? parent, string? state)
    {
        ActivityContext context = default;
        if (parent is not null && ActivityContext.TryParse(parent, state, isRemote: true, out ActivityContext given)) context = given;
        // What is current on this thread is of another event.
        Activity.Current = null;
        Activity? span = s_source.StartActivity(name, kind, context);
        return span?.SetTag("faas.trigger", trigger).SetTag("mote.app", component.App).SetTag("mote.component", component.Name);
    }

    /// <summary>Several events have come together: a span of its own, with links to theirs.</summary>
    /// <param name="name">Of few different values.</param>
    /// <param name="component">Whose events they are.</param>
    /// <param name="trigger">faas.trigger.</param>
    /// <param name="parents">W3C traceparent and tracestate of each; one that has none has no link, nor have those beyond <see cref="MaxLinks"/>.</param>
    /// <returns>Null where it is not sampled.</returns>
    public static Activity? Events(string name, AppComponent component, string trigger, IEnumerable<(string? Parent, string? State)> parents)
    {
        var links = new List<ActivityLink>();
        foreach ((string? parent, string? state) in parents)
        {
            if (links.Count == MaxLinks) break;
            if (parent is not null && ActivityContext.TryParse(parent, state, isRemote: true, out ActivityContext given)) links.Add(new ActivityLink(given));
        }

        Activity.Current = null;
        Activity? span = s_source.StartActivity(name, ActivityKind.Consumer, default(ActivityContext), tags: null, links);
        return span?.SetTag("faas.trigger", trigger).SetTag("mote.app", component.App).SetTag("mote.component", component.Name);
    }

    /// <summary>A part of an event; null where the event has no span.</summary>
    public static Activity? Part(string name, AppComponent component)
    {
        if (Current is null) return null;
        return s_source.StartActivity($"{name} {component.Name}")?.SetTag("mote.app", component.App).SetTag("mote.component", component.Name);
    }

    /// <summary>A call of the host that leaves the sandbox; null where the event has no span, or had too many of these.</summary>
    /// <param name="vm">Who calls.</param>
    /// <param name="operation">What it does.</param>
    /// <param name="target">To what: a name from the manifest; null for none.</param>
    /// <param name="kind">Client or producer.</param>
    public static Activity? HostCall(MicroVm vm, string operation, string? target, ActivityKind kind)
    {
        if (Current is not { } current) return null;
        if (vm.HostCallSpans++ < MaxHostCalls) return s_source.StartActivity(target is null ? operation : $"{operation} {target}", kind);
        current.SetTag("mote.host_calls.untraced", vm.HostCallSpans - MaxHostCalls);
        return null;
    }

    /// <summary>What was going on failed, for this reason.</summary>
    public static void Fail(Activity? span, string type, string reason)
    {
        if (span is null) return;
        span.SetTag("error.type", type);
        span.SetStatus(ActivityStatusCode.Error, reason.Length <= 1000 ? reason : reason[..1000]);
    }

    /// <summary>The span that this thread is in, of those made here; null for none.</summary>
    public static Activity? Current => s_source.HasListeners() && Activity.Current is { } current && current.Source == s_source ? current : null;
}
