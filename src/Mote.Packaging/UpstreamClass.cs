// [[upstream.class]] of node.toml: what goes upstream first, and what may be dropped when it cannot be sent.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>Messages that go upstream alike.</summary>
/// <param name="Name">What it is called in logs and gap records.</param>
/// <param name="Topics">The topics of its messages.</param>
/// <param name="Priority">Higher goes first, and is dropped last; what has no class has 0.</param>
/// <param name="MaxBytes">Most bytes that wait on disk; null is the outbox's own bound alone.</param>
/// <param name="MaxAge">How long a message may wait; null for as long as there is room.</param>
public sealed record UpstreamClass(string Name, IReadOnlyList<string> Topics, int Priority, long? MaxBytes, TimeSpan? MaxAge)
{
    internal static IReadOnlyList<UpstreamClass> ReadAll(TomlTable upstream)
    {
        var classes = new List<UpstreamClass>();
        foreach (TomlTable table in upstream.Tables("class"))
        {
            string name = table.Required("name", "\"urgent\"");
            if (name.Length is 0 or > 64) throw table.Values["name"].Error($"the name of a class has 1 to 64 characters, found \"{name}\"");
            if (name == "default" || classes.Any(c => c.Name == name)) throw table.Values["name"].Error($"there is a class `{name}` already");
            string[] topics = table.Strings("topics");
            if (topics.Length == 0) throw table.Error($"the class `{name}` has no topics: add topics = [\"alerts\"]");
            classes.Add(new UpstreamClass(
                name, topics, (int)(table.Integer("priority", -1000, 1000) ?? 0), table.Bytes("max-size", 1 << 16, 1L << 40), table.Time("max-age", max: TimeSpan.FromDays(3660))));
            table.RejectUnknown("[[upstream.class]]");
        }

        return classes;
    }
}
