// Shared subscriptions ($share/GROUP/FILTER) where they can be had, and a clear refusal where they cannot.
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Triggers.Mqtt;

namespace Mote.Node;

internal static class SharedTopics
{
    /// <summary>Looks at the MQTT triggers of all apps.</summary>
    /// <param name="apps">The apps of the node.</param>
    /// <param name="isExternal">Whether its broker is one elsewhere.</param>
    /// <exception cref="ConfigException">The embedded broker has no shared subscriptions; or another trigger's topics overlap with a shared one's.</exception>
    public static void Check(IReadOnlyList<AppManifest> apps, bool isExternal)
    {
        (AppManifest App, MqttTriggerManifest Trigger)[] all = [.. apps.SelectMany(a => a.MqttTriggers.Select(t => (a, t)))];
        foreach ((AppManifest app, MqttTriggerManifest shared) in all)
        {
            if (!SharedFilter.Is(shared.Topic)) continue;
            if (!isExternal)
            {
                throw new ConfigException(app.File, shared.Line, $"`{shared.Topic}`: the embedded broker has no shared subscriptions, because there is one node on it: use topic = \"{SharedFilter.TopicsOf(shared.Topic)}\", or an external broker ([broker] with url = \"mqtt://HOST\" in node.toml)");
            }

            // A message comes once for each of the two subscriptions, and nothing in it says for which (MQTT 3.1.1 has no
            // means, MQTT 5's identifiers are not on every broker): both components would get both.
            foreach ((AppManifest otherApp, MqttTriggerManifest other) in all)
            {
                if (other.Topic == shared.Topic || !SharedFilter.Overlap(shared.Topic, other.Topic)) continue;
                throw new ConfigException(app.File, shared.Line, $"`{shared.Topic}` and `{other.Topic}` ({(otherApp == app ? "" : $"{otherApp.File}:")}line {other.Line}) overlap, and a shared subscription must not overlap with another one of its node: use the same filter for both, or filters that have no topic in common");
            }
        }
    }
}
