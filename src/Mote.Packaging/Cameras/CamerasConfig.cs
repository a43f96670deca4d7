// [cameras] of node.toml: where the pictures behind the names of cameras come from.
using Mote.Packaging.Toml;
using Mote.Runtime.Cameras;

namespace Mote.Packaging.Cameras;

internal static class CamerasConfig
{
    /// <summary>All cameras of a node, by the names that apps know.</summary>
    public static Dictionary<string, CameraSource> Read(TomlTable cameras, string folder)
    {
        var sources = new Dictionary<string, CameraSource>();
        foreach (string name in cameras.Values.Keys.ToArray())
        {
            TomlNode value = cameras.Get(name)!;
            if (CameraTriggers.NameFault(name) is { } fault) throw value.Error(fault);
            sources[name] = value switch
            {
                TomlString s => Source(s, name, folder, s.Value),
                TomlTable t => ReadTable(t, name, folder),
                _ => throw value.Error($"`{name}` is a source, such as {name} = \"/dev/video0\", or a table with `source`, found {value.Kind}"),
            };
        }

        return sources;
    }

    private static CameraSource ReadTable(TomlTable t, string name, string folder)
    {
        CameraSource source = Source(t.Get("source") ?? t, name, folder, t.Required("source", "\"rtsp://10.0.0.20/stream\""));
        source = source with { Threads = (int)(t.Integer("threads", 1, 64) ?? source.Threads) };
        // The keys of a kind are read for that kind only: others are unknown.
        if (source.Kind == CameraKind.Rtsp)
        {
            source = source with
            {
                Transport = t.String("transport") switch
                {
                    null or "tcp" => "tcp",
                    "udp" => "udp",
                    { } other => throw t.Values["transport"].Error($"`transport` is \"tcp\" or \"udp\", found \"{other}\""),
                },
            };
        }

        if (source.IsRecorded)
        {
            source = source with
            {
                Loop = t.Boolean("loop") ?? false,
                EveryFrame = t.String("pace") switch
                {
                    null or "real-time" => false,
                    "every-frame" => true,
                    { } other => throw t.Values["pace"].Error($"`pace` is \"real-time\" (frames that a component is too slow for are dropped) or \"every-frame\" (as fast as it takes them), found \"{other}\""),
                },
            };
        }

        if (source.Kind == CameraKind.Folder) source = source with { FolderRate = t.Number("rate", 0.01, 1000) ?? source.FolderRate };
        t.RejectUnknown($"[cameras.{name}]");
        return source;
    }

    private static CameraSource Source(TomlNode at, string name, string folder, string text)
    {
        if (text.Length == 0 || text.Any(char.IsControl)) throw at.Error($"the source of `{name}` is a device, a URL, a file or a folder, found \"{text}\"");
        int scheme = text.IndexOf("://", StringComparison.Ordinal);
        if (scheme > 0)
        {
            CameraKind kind = text[..scheme] switch
            {
                "rtsp" or "rtsps" => CameraKind.Rtsp,
                "http" or "https" => CameraKind.Http,
                _ => throw at.Error($"the source of `{name}` may be rtsp://, rtsps://, http:// or https://, a device such as /dev/video0, a file or a folder, found \"{UrlUserInfo.MaskAddress(text)}\""),
            };
            if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Host.Length == 0) throw at.Error($"the source of `{name}` is no URL: \"{UrlUserInfo.MaskAddress(text)}\"");
            return new CameraSource(kind, text) { Shown = UrlUserInfo.Show(url) };
        }

        string path = Path.GetFullPath(Path.Combine(folder, text));
        // What is not there now may be plugged in later; a device is known by its place.
        CameraKind of = path.StartsWith("/dev/", StringComparison.Ordinal) ? CameraKind.Device : Directory.Exists(path) || text.EndsWith('/') ? CameraKind.Folder : CameraKind.File;
        return new CameraSource(of, of == CameraKind.Folder ? path.TrimEnd('/') : path) { Shown = path };
    }
}
