// What can leave a component, and what it can keep: one line for whoever answers for the people whose data it is.
using Mote.Packaging;
using Mote.Packaging.Cameras;
using Mote.Runtime;
using Mote.Triggers.Mqtt;

namespace Mote.Node;

/// <summary>What components can do with what they see, made of their grants, which the node enforces.</summary>
public static class Privacy
{
    /// <summary>A line for each component that sees a camera.</summary>
    /// <param name="app">The app.</param>
    /// <param name="node">The node that it is on.</param>
    public static IEnumerable<string> OfCameras(AppManifest app, NodeConfig node) => app.Components.Where(c => c.Grants.Camera.Count > 0).Select(c => Of(app, c, node));

    /// <summary>The line of a component.</summary>
    /// <param name="app">The app.</param>
    /// <param name="c">The component.</param>
    /// <param name="node">The node that it is on; null where that is not known.</param>
    public static string Of(AppManifest app, ComponentManifest c, NodeConfig? node = null)
    {
        Grants g = c.Grants;
        var can = new List<string>();
        if (g.Publish.Count > 0) can.Add($"messages on {Names(g.Publish)}{(c.Limits.Egress is { } budget ? $", {budget} at most" : "")}");
        if (g.Http.Count > 0) can.Add($"requests to {Names(g.Http.Select(h => h.ToString()!))}");
        if (g.Sockets.Count > 0) can.Add($"connections by {Names(g.Sockets.Select(s => s.ToString()!))}");
        string shows = g.View.Count > 0 ? $"; what it shows to people at this device: {Names(g.View)}" : "";
        var keeps = new List<string>();
        if (g.KeyValue.Count > 0) keeps.Add($"key-value stores {Names(g.KeyValue)}");
        if (g.Blobstore.Count > 0) keeps.Add($"blob containers {Names(g.Blobstore)}");
        if (g.Files.Any(f => f.Writable)) keeps.Add($"files in {Names(g.Files.Where(f => f.Writable).Select(f => f.Host))}");
        keeps.AddRange(app.CameraTriggers.Where(t => t.Component == c.Name).Select(t => Clips(t, node)).OfType<string>());
        string[] others = [.. app.FlowTriggers.Where(t => t.Component != c.Name && g.Publish.Any(p => TopicFilter.Matches(p, t.Topic))).Select(t => t.Component).Distinct()];
        string sees = g.Camera.Count > 0 ? Names(g.Camera) : "no camera";
        return $"`{c.Name}` sees {sees}; what it can send: {(can.Count > 0 ? string.Join("; ", can) : "nothing")}{shows}; what it can keep: {(keeps.Count > 0 ? string.Join("; ", keeps) : "nothing")}"
            + (others.Length > 0 ? $"; what it sends also goes to {Names(others)}, with grants of {(others.Length > 1 ? "their" : "its")} own" : "");
    }

    /// <summary>What the node keeps for a component, which cannot read it.</summary>
    private static string? Clips(CameraTriggerManifest t, NodeConfig? node)
    {
        if (t.Keep is not { } rule || (node is not null && node.Clips is null)) return null;
        string time = node?.Clips is { } clips ? $"for {Units.ShowTime(clips.Retention)}" : "if the node's configuration has [clips], and for the time that stands there";
        return $"pictures of `{t.Camera}` from {Units.ShowTime(rule.PreRoll)} before to {Units.ShowTime(rule.PostRoll)} after a message on {Names(rule.On)}, by the node, encrypted on its own disk, {time}";
    }

    /// <summary>The line about the node's own view; null where it has none.</summary>
    /// <param name="view">What the operator has said of it.</param>
    /// <param name="apps">The apps of the node.</param>
    public static string? OfView(ViewConfig? view, IReadOnlyList<AppManifest> apps)
    {
        if (view is null) return null;
        string[] cameras = [.. apps.SelectMany(a => a.CameraTriggers).Select(t => t.Camera).Distinct()];
        string shown = cameras.Length > 0 ? $"pictures of {Names(cameras)} and what the apps say" : "what the apps say";
        return $"the view shows {shown} to those whom its operator lets in, {(view.Remote ? "also on other machines: pictures leave this device by it" : "on this device itself: nothing leaves by it")}";
    }

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(n => $"`{n}`"));
}
