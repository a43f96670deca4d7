// MQTT 3.1.1 has no word for a packet that is too large: the broker closes the connection, and would do so for ever over
// the same event. Which event that is, and whether its size is the reason, is found out here.
namespace Mote.Triggers.Mqtt;

/// <summary>
/// The event over which connections end.
/// 1. An event that waited for its acknowledgement when the connection ended is sent by itself from then on.
/// 2. Where that ends <see cref="Attempts"/> connections more, its size is tried without it: with an UNSUBSCRIBE as large,
///    which does nothing and which every broker answers.
/// 3. A connection that ends over that as well has a limit below the size: the event is refused, and for a while every other
///    one that is as large. One that is answered is no matter of size: the event waits.
/// </summary>
internal sealed class OversizeDoubt
{
    /// <summary>How many connections an event ends by itself before its size is looked at.</summary>
    public const int Attempts = 4;

    /// <summary>How long a limit is believed: brokers are configured anew.</summary>
    private static readonly long s_believed = (long)TimeSpan.FromMinutes(1).TotalMilliseconds;

    private string? _id;
    private int _failures;
    private long _limit = long.MaxValue;
    private long _until;

    /// <summary>A size that is too large, as far as is known.</summary>
    public long Limit => Environment.TickCount64 < _until ? _limit : long.MaxValue;

    /// <summary>True for the event that is to be sent by itself.</summary>
    public bool IsAbout(string id) => _id == id;

    /// <summary>True for an event whose size is to be looked at before it is sent again.</summary>
    public bool IsDue(string id) => _id == id && _failures >= Attempts;

    /// <summary>The connection ended while this event waited to be acknowledged.</summary>
    public void Ended(string id)
    {
        _failures = _id == id ? _failures + 1 : 0;
        _id = id;
    }

    /// <summary>It is acknowledged, or its size is not the reason.</summary>
    public void Clear() => (_id, _failures) = (null, 0);

    /// <summary>The broker takes nothing as large as this.</summary>
    public void TooLarge(long size)
    {
        Clear();
        _limit = size;
        _until = Environment.TickCount64 + s_believed;
    }

    /// <summary>Topic filters that nobody has subscribed to, of as many bytes together.</summary>
    public static List<string> Filters(long bytes)
    {
        // As short as topics are: a broker may have a limit for those as well.
        const int Length = 128;
        var filters = new List<string>();
        for (long n = 0; n < bytes; n += Length + 2) filters.Add($"mote/size/{filters.Count}/".PadRight(Length, 'x'));
        return filters;
    }
}
