// [clips] of node.toml: whether this node keeps pictures when an app asks for it, for how long, and for whom.
using Mote.Age;
using Mote.Packaging.Toml;

namespace Mote.Packaging.Cameras;

/// <summary>How clips are kept. They are on the node's disk, encrypted, and nowhere else.</summary>
/// <param name="Retention">How long; then they are removed.</param>
/// <param name="MaxBytes">Most bytes of all of them; the oldest make room.</param>
/// <param name="Memory">Most bytes of a camera's pictures in memory, that an event may come to need.</param>
/// <param name="Recipient">Who can read them; null is the node's own key in its data folder.</param>
public sealed record ClipsConfig(TimeSpan Retention, long MaxBytes, long Memory, AgeRecipient? Recipient)
{
    internal static ClipsConfig Read(TomlTable t)
    {
        t.Required("retention", "\"72h\"");
        var config = new ClipsConfig(t.Time("retention", TimeSpan.FromDays(3650))!.Value, t.Bytes("max-size", 1 << 20, 1L << 44) ?? 1L << 30, t.Bytes("memory", 1 << 20, 1L << 36) ?? 64 << 20, Who(t));
        t.RejectUnknown("[clips]");
        return config;
    }

    private static AgeRecipient? Who(TomlTable t)
    {
        if (t.String("recipient") is not { } text) return null;
        try
        {
            return AgeRecipient.Parse(text);
        }
        catch (AgeException e)
        {
            throw t.Values["recipient"].Error($"`recipient`: {e.Message}");
        }
    }
}
