// batch, batch-wait and batch-bytes of a trigger: how its messages go to a component that takes several at once.
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Packaging;

/// <summary>What a trigger says of batches.</summary>
/// <param name="Options">How large they are.</param>
/// <param name="Line">Where it is in the manifest, at the first of its keys. Two that say the same elsewhere are equal.</param>
public sealed record BatchManifest(BatchOptions Options, int Line)
{
    /// <inheritdoc/>
    public bool Equals(BatchManifest? other) => other is not null && Options == other.Options;

    /// <inheritdoc/>
    public override int GetHashCode() => Options.GetHashCode();

    /// <summary>Reads the keys of a trigger; null where there is none of them.</summary>
    /// <exception cref="ConfigException">A value is out of bounds, or <paramref name="components"/> says what does not go with it.</exception>
    internal static BatchManifest? Read(TomlTable t, List<ComponentManifest> components)
    {
        TomlNode?[] keys = [t.Get("batch"), t.Get("batch-wait"), t.Get("batch-bytes")];
        int size = (int)(t.Integer("batch", 1, BatchOptions.MostSize) ?? BatchOptions.DefaultSize);
        TimeSpan wait = ReadWait(t) ?? BatchOptions.DefaultWait;
        long bytes = t.Bytes("batch-bytes", BatchOptions.LeastBytes, BatchOptions.MostBytes) ?? BatchOptions.DefaultBytes;
        if (keys.All(k => k is null)) return null;
        int line = keys.OfType<TomlNode>().Min(k => k.Line);
        string name = t.String("component")!;
        ComponentManifest c = components.First(c => c.Name == name);
        if (keys[0] is null)
        {
            size = StandardSize(c);
        }
        else if (size >= c.Limits.Handles)
        {
            throw keys[0]!.Error($"a batch of {size} messages is as many handles, and [component.{name}.limits] has handles = {c.Limits.Handles}: raise that, or lower `batch`");
        }

        return new BatchManifest(new BatchOptions(size, wait, bytes), line);
    }

    /// <summary>How many messages a batch has where nothing is said. A message is a handle; half of them are left for what the component does.</summary>
    public static int StandardSize(ComponentManifest c) => Math.Clamp(c.Limits.Handles / 2, 1, BatchOptions.DefaultSize);

    /// <summary>What holds for a component, and where that is said: triggers of one component share its queue, and so its batches.</summary>
    /// <exception cref="ConfigException">Two of its triggers say different things.</exception>
    internal static void CheckAgree(string file, IEnumerable<(string Component, BatchManifest? Batch)> triggers)
    {
        var first = new Dictionary<string, BatchManifest>();
        foreach ((string component, BatchManifest? batch) in triggers)
        {
            if (batch is null || first.TryAdd(component, batch) || first[component] == batch) continue;
            throw new ConfigException(file, Math.Max(batch.Line, first[component].Line), $"the triggers of component `{component}` share its batches, and line {Math.Min(batch.Line, first[component].Line)} says something else of them: write `batch`, `batch-wait` and `batch-bytes` at one trigger of the component only");
        }
    }

    private static TimeSpan? ReadWait(TomlTable t)
    {
        if (t.String("batch-wait") is not { } text) return null;
        TimeSpan wait = Units.TryTime(text) ?? throw t.Values["batch-wait"].Error($"`batch-wait` must be a time like \"20ms\", found \"{text}\"");
        return wait <= BatchOptions.LongestWait ? wait
            : throw t.Values["batch-wait"].Error($"`batch-wait` must be at most {BatchOptions.LongestWait.TotalSeconds:0}s, found \"{text}\"");
    }
}
