// Where events go, and what belongs to each kind of place: `url` under [upstream] of node.toml and the keys beside it.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>Files that events are appended to.</summary>
/// <param name="Path">The file that is written to, absolute.</param>
/// <param name="FileSize">About how many bytes a file has when it is finished.</param>
/// <param name="TotalSize">Most bytes of all together.</param>
/// <param name="DropOldest">Whether the oldest go when there is no room, or else what is new waits.</param>
public sealed record UpstreamFiles(string Path, long FileSize, long TotalSize, bool DropOldest)
{
    /// <summary>file:PATH: absolute, or relative to the folder of the node config.</summary>
    internal static UpstreamFiles Read(TomlTable upstream, string folder, string url)
    {
        string path = url["file:".Length..];
        if (path.StartsWith("//", StringComparison.Ordinal))
        {
            if (!path.StartsWith("///", StringComparison.Ordinal)) throw upstream.Values["url"].Error($"`url`: a file's URL has no host: write file:///var/lib/events.jsonl or file:events.jsonl, found \"{url}\"");
            path = path[2..];
        }

        path = upstream.Path("url", folder, Uri.UnescapeDataString(path));
        if (path.EndsWith(System.IO.Path.DirectorySeparatorChar) || Directory.Exists(path)) throw upstream.Values["url"].Error($"`url` names a folder: name a file in it, such as \"{url.TrimEnd('/')}/events.jsonl\"");
        long size = upstream.Bytes("file-size", 64 << 10, 1L << 40) ?? 64L << 20, total = upstream.Bytes("total-size", 128 << 10, 1L << 50) ?? Math.Max(1L << 30, 2 * size);
        if (total < 2 * size) throw upstream.Error($"`total-size` ({total} bytes) must be at least two files of `file-size` ({size} bytes)");
        return new UpstreamFiles(path, size, total, upstream.String("when-full") switch
        {
            null or "wait" => false,
            "delete-oldest" => true,
            { } other => throw upstream.Values["when-full"].Error($"`when-full` is \"wait\" or \"delete-oldest\", found \"{other}\""),
        });
    }
}

/// <summary>A broker that events are published to.</summary>
/// <param name="Mqtt">How to speak to it.</param>
/// <param name="TopicPrefix">What stands before an event's own topic there.</param>
public sealed record UpstreamBroker(MqttSettings Mqtt, string TopicPrefix)
{
    internal static UpstreamBroker Read(TomlTable upstream, string folder, Uri url)
    {
        string prefix = upstream.String("topic-prefix") ?? "";
        if (prefix.AsSpan().IndexOfAny('+', '#', '\0') >= 0 || prefix.StartsWith('$')) throw upstream.Values["topic-prefix"].Error($"`topic-prefix` is the beginning of a topic, such as \"plant-7/\": no +, no #, and no $ at its beginning, found \"{prefix}\"");
        return new UpstreamBroker(MqttSettings.Read(upstream, folder, url), prefix);
    }
}
