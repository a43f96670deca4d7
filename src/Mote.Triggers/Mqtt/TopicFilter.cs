// Which topics a filter matches (MQTT 5, section 4.7). MQTTnet's own comparer does not let + match an empty level.
namespace Mote.Triggers.Mqtt;

/// <summary>Matches topics with filters.</summary>
public static class TopicFilter
{
    /// <summary>True where a message on this topic is for a subscription with this filter.</summary>
    public static bool Matches(ReadOnlySpan<char> topic, ReadOnlySpan<char> filter)
    {
        // Topics that begin with $ are the server's own: no wildcard at the beginning matches them.
        if (topic is ['$', ..] && filter is ['+' or '#', ..]) return false;
        while (true)
        {
            if (filter is "#") return true;
            int wanted = filter.IndexOf('/'), found = topic.IndexOf('/');
            ReadOnlySpan<char> wantedLevel = wanted < 0 ? filter : filter[..wanted], level = found < 0 ? topic : topic[..found];
            if (wantedLevel is not "+" && !wantedLevel.SequenceEqual(level)) return false;
            if (wanted < 0) return found < 0;
            filter = filter[(wanted + 1)..];
            if (found < 0) return filter is "#"; // a/# matches a itself
            topic = topic[(found + 1)..];
        }
    }
}
