// What messages have in common that are handled one after the other, in the order in which they came.
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Mote.Runtime;

/// <summary>
/// What a component that handles several messages at once must not mix up: the whole topic (the default value), one level of
/// it, or nothing.
/// </summary>
public readonly record struct MessageKey
{
    private const string OfTopic = "topic", OfNothing = "none", OfLevel = "level:";

    /// <summary>What it looks like in a manifest, for people.</summary>
    public const string Forms = "\"topic\", \"level:N\" (the Nth part of the topic, from 1) or \"none\"";

    /// <summary>0: the topic. 1 and more: a level of it. -1: nothing.</summary>
    private readonly int _level;

    private MessageKey(int level) => _level = level;

    /// <summary>Each message for itself.</summary>
    public static MessageKey None => new(-1);

    /// <summary>True where messages need no order at all.</summary>
    public bool IsNone => _level < 0;

    /// <summary>The key in a manifest.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MessageKey key)
    {
        key = default;
        if (text == OfTopic) return true;
        if (text == OfNothing)
        {
            key = None;
            return true;
        }

        if (text is null || !text.StartsWith(OfLevel, StringComparison.Ordinal)) return false;
        if (!int.TryParse(text.AsSpan(OfLevel.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int level) || level is < 1 or > 128) return false;
        key = new MessageKey(level);
        return true;
    }

    /// <summary>The key of a topic. A topic with too few levels has an empty one, which they share.</summary>
    /// <param name="topic">The topic: its levels have / between them, or . where it has no / (a subject of NATS).</param>
    public ReadOnlySpan<char> Of(ReadOnlySpan<char> topic)
    {
        if (_level <= 0) return topic;
        char separator = topic.Contains('/') ? '/' : '.';
        for (int level = 1; ; level++)
        {
            int end = topic.IndexOf(separator);
            if (level == _level) return end < 0 ? topic : topic[..end];
            if (end < 0) return [];
            topic = topic[(end + 1)..];
        }
    }

    /// <inheritdoc/>
    public override string ToString() => _level switch { 0 => OfTopic, < 0 => OfNothing, _ => $"{OfLevel}{_level}" };
}
