// The cameras of a node's apps: from the manifests and node.toml to the streams that give components their pictures.
using Mote.Capabilities.Messaging;
using Mote.Packaging;
using Mote.Packaging.Cameras;
using Mote.Runtime;
using Mote.Runtime.Cameras;
using Mote.Triggers;
using Mote.Triggers.Camera;
using Mote.Triggers.Camera.Clips;

namespace Mote.Node;

/// <summary>A camera at a moment. Counts are since the node's start.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Source">Where its pictures come from, without credentials.</param>
/// <param name="Pictures">Size and format that components want.</param>
/// <param name="State">opening, streaming or ended.</param>
/// <param name="Fault">Why no pictures come; null while they do.</param>
/// <param name="Frames">Pictures that came.</param>
/// <param name="Dropped">Of these, the ones that a component was too slow for, of all components together.</param>
/// <param name="Opened">How often it was opened.</param>
public sealed record CameraStatus(string Name, string Source, string Pictures, string State, string? Fault, long Frames, long Dropped, long Opened)
{
    /// <summary>Clips that are whole; null where no app asks for any, or the node keeps none.</summary>
    public long? Clips { get; init; }

    /// <summary>Why the last clip is not whole; null where it is.</summary>
    public string? ClipFault { get; init; }
}

/// <summary>The cameras of a node.</summary>
internal sealed class NodeCameras : IDisposable
{
    private readonly IReadOnlyDictionary<string, CameraSource> _sources;
    private readonly Action<string> _log;
    private readonly Func<string, string> _mask;
    private readonly ClipStore? _clips;
    private readonly long _clipMemory;
    private readonly List<CameraStream> _streams = [];
    private readonly Dictionary<(string App, string Component, string Camera), ClipRecorder> _recorders = [];
    private readonly List<(CameraStream Stream, ClipOptions Clips, CameraTriggerManifest Trigger)> _wanted = [];

    /// <param name="sources">What node.toml says.</param>
    /// <param name="log">Told of cameras that are not there.</param>
    /// <param name="mask">Takes out of a text what nobody is to read: faults are in ffmpeg's words.</param>
    /// <param name="clips">Where clips go; null for nowhere.</param>
    /// <param name="clipMemory">Most bytes of a camera's pictures in memory, for clips.</param>
    public NodeCameras(IReadOnlyDictionary<string, CameraSource> sources, Action<string> log, Func<string, string> mask, ClipStore? clips, long clipMemory)
    {
        (_clips, _clipMemory) = (clips, clipMemory);
        _mask = mask;
        _sources = sources;
        _log = log;
    }

    /// <summary>How they do.</summary>
    public IReadOnlyList<CameraStatus> Status => [.. _streams.Select(Of)];

    /// <summary>All of them; each size, format and rate of a camera is one.</summary>
    public IReadOnlyList<CameraStream> Streams => _streams;

    /// <summary>A component's queue is given a camera's pictures. One that the node does not have is said, and gives none.</summary>
    public void Add(AppManifest app, CameraTriggerManifest trigger, MessageQueue queue)
    {
        if (!_sources.TryGetValue(trigger.Camera, out CameraSource? source))
        {
            _log($"{app.Name}/{trigger.Component} wants the camera `{trigger.Camera}`, which this node does not have: add {trigger.Camera} = \"/dev/video0\", or a URL, a file or a folder, under [cameras] of node.toml");
            return;
        }

        var options = new CameraOptions(trigger.Camera, source, trigger.Size, trigger.Format, trigger.Rate);
        CameraStream? stream = _streams.Find(s => s.Options == options);
        if (stream is null) _streams.Add(stream = new CameraStream(options, _log));
        stream.Add(queue);
        if (trigger.Keep is not { } rule) return;
        if (_clips is null) _log($"{app.Name}/{trigger.Component} asks to keep pictures of `{trigger.Camera}`, and this node keeps none: add [clips] with retention = \"72h\" to node.toml if it is to");
        else _wanted.Add((stream, new ClipOptions(app.Name, trigger.Component, rule, _clips), trigger));
    }

    /// <summary>A component that sees a camera has sent messages: they may be a reason to keep what it saw.</summary>
    public void Sent(AppComponent component, Published[] messages)
    {
        if (component.Camera is { } camera && _recorders.TryGetValue((component.App, component.Name, camera), out ClipRecorder? recorder) && messages.Any(m => recorder.IsReason(m.Topic))) recorder.Keep();
    }

    /// <summary>Opens them.</summary>
    public void Start()
    {
        foreach (var wanted in _wanted.GroupBy(w => w.Stream))
        {
            wanted.Key.Remember(wanted.Max(w => w.Clips.Rule.PreRoll), _clipMemory);
            foreach (var w in wanted) _recorders[(w.Clips.App, w.Clips.Component, w.Trigger.Camera)] = w.Stream.Keep(w.Clips);
        }

        _clips?.Start();
        // Pictures are in this process's memory, and no dump of it is to have them.
        if (_streams.Count > 0) ProcessLimit.NoCore();
        foreach (CameraStream stream in _streams) stream.Start();
    }

    /// <summary>Closes them: no picture comes any more.</summary>
    public void Stop()
    {
        foreach (CameraStream stream in _streams) stream.Stop();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CameraStream stream in _streams) stream.Dispose();
        _clips?.Dispose();
    }

    private CameraStatus Of(CameraStream s)
    {
        CameraCounts c = s.Counts;
        string rate = s.Options.Rate is { } r ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $", {r:0.###}/s at most") : "";
        return new CameraStatus(s.Options.Name, s.Options.Source.Shown, $"{s.Options.Size} {s.Options.Format}{rate}", c.State.ToString().ToLowerInvariant(), c.Fault is null ? null : _mask(c.Fault), c.Frames, s.Dropped, c.Opened)
        {
            Clips = _wanted.Exists(w => w.Stream == s) ? s.Clips : null,
            ClipFault = s.ClipFault,
        };
    }
}
