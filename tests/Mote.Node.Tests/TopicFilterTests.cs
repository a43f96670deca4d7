// Topic filters, by the examples of the specification (MQTT 5, section 4.7) and its edges.
using Mote.Triggers.Mqtt;

namespace Mote.Node.Tests;

public sealed class TopicFilterTests
{
    [Theory]
    [InlineData("sport/tennis/player1", "sport/tennis/player1/#", true)]
    [InlineData("sport/tennis/player1/ranking", "sport/tennis/player1/#", true)]
    [InlineData("sport/tennis/player1/score/wimbledon", "sport/tennis/player1/#", true)]
    [InlineData("sport", "sport/#", true)]
    [InlineData("sports", "sport/#", false)]
    [InlineData("anything/at/all", "#", true)]
    [InlineData("sport/tennis/player1", "sport/tennis/+", true)]
    [InlineData("sport/tennis/player1/ranking", "sport/tennis/+", false)]
    [InlineData("sport", "sport/+", false)]
    [InlineData("sport/", "sport/+", true)]
    [InlineData("/finance", "+/+", true)]
    [InlineData("/finance", "/+", true)]
    [InlineData("/finance", "+", false)]
    [InlineData("plant//vibration", "plant/+/vibration", true)]
    [InlineData("a", "+/#", true)]
    [InlineData("a/b", "a", false)]
    [InlineData("a", "a/b", false)]
    [InlineData("a", "a/", false)]
    [InlineData("a/", "a", false)]
    [InlineData("A", "a", false)]
    [InlineData("a/b/c/d", "a/+/c/#", true)]
    [InlineData("a/b/x/d", "a/+/c/#", false)]
    [InlineData("$SYS/load", "#", false)]
    [InlineData("$SYS/load", "+/load", false)]
    [InlineData("$SYS/load", "$SYS/#", true)]
    [InlineData("$SYS/load", "$SYS/+", true)]
    [InlineData("a/$SYS", "a/+", true)]
    public void Matches_IsAsSpecified(string topic, string filter, bool matches) => Assert.Equal(matches, TopicFilter.Matches(topic, filter));
}
