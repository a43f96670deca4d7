// A component of an app, as the host knows it: its name, what it may do, where its words go.
using Mote.Runtime.Telemetry;

namespace Mote.Runtime;

/// <summary>How much a message of a component matters (wasi:logging's levels).</summary>
public enum GuestLogLevel
{
    /// <summary>Finest detail.</summary>
    Trace,

    /// <summary>For developers.</summary>
    Debug,

    /// <summary>Normal events.</summary>
    Info,

    /// <summary>Something to look at.</summary>
    Warn,

    /// <summary>Something failed.</summary>
    Error,

    /// <summary>The component cannot go on.</summary>
    Critical,
}

/// <summary>Where a component's messages go.</summary>
/// <param name="component">Its name.</param>
/// <param name="level">How much it matters.</param>
/// <param name="context">What it is about, as the component says.</param>
/// <param name="message">The message.</param>
public delegate void GuestLog(string component, GuestLogLevel level, string context, string message);

/// <summary>One component of an app.</summary>
public sealed class AppComponent
{
    /// <summary>A component with what it was granted.</summary>
    public AppComponent(string app, string name, Grants grants, MicroVmLimits limits)
    {
        App = app;
        Name = name;
        Grants = grants;
        Limits = limits;
    }

    /// <summary>The app's name.</summary>
    public string App { get; }

    /// <summary>The component's name in the app.</summary>
    public string Name { get; }

    /// <summary>The camera whose frames it gets, in microVMs of its own; null where they come by another trigger.</summary>
    public string? Camera { get; init; }

    /// <summary>What it may do.</summary>
    public Grants Grants { get; }

    /// <summary>What it may use.</summary>
    public MicroVmLimits Limits { get; }

    /// <summary>What it has used.</summary>
    public ComponentUsage Usage { get; init; } = new();

    /// <summary>How long its calls take; null where nobody has asked.</summary>
    public ComponentDurations? Durations { get; internal set; }

    /// <summary>What it was refused.</summary>
    public DenialLog Denials { get; init; } = new();

    /// <summary>Where its messages go.</summary>
    public GuestLog Log { get; init; } = static (_, _, _, _) => { };

    /// <summary>People who look at the device; null where the node has no view.</summary>
    public IComponentView? View { get; init; }

    /// <summary>True for messages that stay in the node, by the name of their client and their topic: they do not count as sent.</summary>
    public Func<string, string, bool> StaysInside { get; init; } = static (_, _) => false;

    /// <summary>What all of the component's triggers have sent together; null where this one's own account has it.</summary>
    public EgressMeter? Meter { get; init; }

    /// <summary>Takes bytes that are to leave the node from the component's budget; false, and noted, where it does not have them.</summary>
    /// <param name="bytes">How many.</param>
    public bool MaySend(long bytes)
    {
        if (Limits.Egress is not { } budget || (Meter ?? Usage.Egress).TrySpend(budget, bytes)) return true;
        Denials.Add(new Denial(Name, "sending more than its egress budget", $"egress = \"{budget}\"") { Table = "limits", Instead = $"it is {budget} now; raise `egress`" });
        return false;
    }

    /// <summary>Bytes that <see cref="MaySend"/> took have not left: what they were in was discarded.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="ago">How long ago the first of them was taken.</param>
    public void NotSent(long bytes, TimeSpan ago)
    {
        if (Limits.Egress is { } budget) (Meter ?? Usage.Egress).GiveBack(budget, bytes, ago);
    }

    /// <summary>Notes a refusal with the line that would allow it.</summary>
    public void Denied(string what, string manifestLine) => Denials.Add(new Denial(Name, what, manifestLine));
}
