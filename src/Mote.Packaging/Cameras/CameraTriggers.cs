// Reads [[trigger.camera]]: a component gets the pictures of a camera.
using System.Text.RegularExpressions;
using Mote.Packaging.Toml;
using Mote.Runtime.Cameras;

namespace Mote.Packaging.Cameras;

/// <summary>Pictures of a camera go to a component.</summary>
/// <param name="Camera">The camera's name, and the topic of its messages.</param>
/// <param name="Component">The component's name.</param>
/// <param name="Size">The size of the pictures.</param>
/// <param name="Format">How their pixels lie.</param>
/// <param name="Rate">Most pictures a second; null is as many as come.</param>
/// <param name="Line">Where it is in the manifest.</param>
public sealed record CameraTriggerManifest(string Camera, string Component, PictureSize Size, PictureFormat Format, double? Rate, int Line)
{
    /// <summary>When the node is to keep pictures; null for never.</summary>
    public ClipRule? Keep { get; init; }
}

internal static partial class CameraTriggers
{
    /// <summary>Most bytes of one picture: a message of more could not be held by a guest.</summary>
    private const int MaxBytes = 48 << 20;

    /// <summary>Longest time before and after an event.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(5);

    /// <summary>What is wrong with a camera's name; null where nothing is.</summary>
    public static string? NameFault(string name) => NamePattern().IsMatch(name) ? null : $"a camera's name may have lowercase letters, digits and dashes, and begins with a letter, found `{name}`";

    public static List<CameraTriggerManifest> Read(TomlTable triggers, Func<TomlTable, string> target, IReadOnlyList<ComponentManifest> components)
    {
        var cameras = new List<CameraTriggerManifest>();
        foreach (TomlTable t in triggers.Tables("camera"))
        {
            string camera = t.Required("camera", "\"line-1\"");
            if (NameFault(camera) is { } fault) throw t.Values["camera"].Error(fault);
            string component = target(t);
            Check(t, camera, components.First(c => c.Name == component));
            if (cameras.Any(c => c.Camera == camera && c.Component == component)) throw t.Values["camera"].Error($"`{component}` has a trigger of the camera `{camera}` already");
            cameras.Add(ReadOne(t, camera, component) with { Keep = ReadKeep(t, components.First(c => c.Name == component)) });
            t.RejectUnknown("[[trigger.camera]]");
        }

        return cameras;
    }

    /// <summary>What sees must be granted, and what sees and may send has a budget: that pictures stay here is not left to the component.</summary>
    private static void Check(TomlTable t, string camera, ComponentManifest c)
    {
        if (!c.Grants.Camera.Contains(camera)) throw t.Values["camera"].Error($"the component `{c.Name}` may not see the camera `{camera}`: add camera = [\"{camera}\"] under [component.{c.Name}.grants]");
        if (c.Grants.Publish.Count > 0 && c.Limits.Egress is null) throw t.Error($"the component `{c.Name}` sees a camera and may publish, so it needs a budget: add egress = \"64KiB/h\" under [component.{c.Name}.limits]");
    }

    private static CameraTriggerManifest ReadOne(TomlTable t, string camera, string component)
    {
        string text = t.Required("size", "\"640x480\"");
        if (!PictureSize.TryParse(text, out PictureSize size)) throw t.Values["size"].Error($"`size` is width and height in pixels, such as \"640x480\", each at most {PictureSize.MaxSide}, found \"{text}\"");
        PictureFormat? format = PictureFormat.Gray;
        if (t.String("format") is { } name && !PictureFormat.TryParse(name, out format)) throw t.Values["format"].Error($"`format` is one of {PictureFormat.Names}, found \"{name}\"");
        if (format!.Bytes(size) > MaxBytes) throw t.Values["size"].Error($"a picture of {size} in {format} has {format.Bytes(size)} bytes, and may have {MaxBytes}");
        return new CameraTriggerManifest(camera, component, size, format, t.Number("rate", 0.001, 1000), t.Line);
    }

    /// <summary>The topics are those that the component may publish to: a rule on another would never hold.</summary>
    private static ClipRule? ReadKeep(TomlTable t, ComponentManifest c)
    {
        string[] on = t.Strings("keep-on");
        if (on.Length == 0) return t.Get("keep-on") is { } empty ? throw empty.Error("`keep-on` names the topics on which a message keeps pictures, such as [\"alerts\"]") : null;
        foreach (string topic in on)
        {
            if (!c.Grants.Publish.Contains(topic)) throw t.Values["keep-on"].Error($"`keep-on`: the component `{c.Name}` may not publish on `{topic}`, so nothing would be kept: name a topic of publish = [...] under [component.{c.Name}.grants]");
        }

        return new ClipRule(on, t.Time("pre-roll", s_longest) ?? TimeSpan.FromSeconds(10), t.Time("post-roll", s_longest) ?? TimeSpan.FromSeconds(5));
    }

    [GeneratedRegex(@"^[a-z][a-z0-9-]{0,63}\z")]
    private static partial Regex NamePattern();
}
