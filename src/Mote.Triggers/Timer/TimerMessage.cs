// What a component gets when a timer fires.
using System.Globalization;
using System.Text;
using Mote.Capabilities.Messaging;

namespace Mote.Triggers.Timer;

internal static class TimerMessage
{
    /// <summary>A message on `timer/NAME`: {"scheduled":"…","fired":"…","missed":N}, times as in RFC 3339 with the zone's offset.</summary>
    public static Message Of(TimerOptions timer, Firing firing, DateTimeOffset fired)
    {
        TimeZoneInfo zone = timer.Schedule.Zone;
        string json = string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"scheduled":"{{Show(TimeZoneInfo.ConvertTime(firing.Scheduled, zone))}}","fired":"{{Show(TimeZoneInfo.ConvertTime(fired, zone))}}","missed":{{firing.Missed}}}""");
        return new Message(Encoding.UTF8.GetBytes(json)) { Topic = timer.Topic, Type = "application/json" };
    }

    /// <summary>A time as in RFC 3339.</summary>
    public static string Show(DateTimeOffset time) =>
        time.ToString(time.Offset == TimeSpan.Zero ? "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'" : "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture);
}
