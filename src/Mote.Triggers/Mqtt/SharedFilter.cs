// Shared subscriptions (MQTT 5, section 4.8.2): $share/GROUP/FILTER gives each message to one of the group.
namespace Mote.Triggers.Mqtt;

/// <summary>What is in the filter of a shared subscription.</summary>
public static class SharedFilter
{
    private const string Begin = "$share/";

    /// <summary>True for $share/GROUP/FILTER.</summary>
    public static bool Is(string filter) => filter.StartsWith(Begin, StringComparison.Ordinal);

    /// <summary>The filter that topics are matched with: FILTER of a shared one, and any other as it is.</summary>
    public static string TopicsOf(string filter)
    {
        if (!Is(filter)) return filter;
        int group = filter.IndexOf('/', Begin.Length);
        return group < 0 ? filter : filter[(group + 1)..];
    }

    /// <summary>True where there can be a topic that both filters match.</summary>
    public static bool Overlap(string a, string b)
    {
        string[] one = TopicsOf(a).Split('/'), other = TopicsOf(b).Split('/');
        if ((one[0].StartsWith('$') && other[0] is "+" or "#") || (other[0].StartsWith('$') && one[0] is "+" or "#")) return false;
        for (int i = 0; ; i++)
        {
            bool end = i == one.Length, otherEnd = i == other.Length;
            if (end && otherEnd) return true;
            if (end) return other[i] == "#";
            if (otherEnd) return one[i] == "#";
            if (one[i] == "#" || other[i] == "#") return true;
            if (one[i] != "+" && other[i] != "+" && one[i] != other[i]) return false;
        }
    }
}
