// A video has so many pictures a second; a camera has its own mind about it.
namespace Mote.Triggers.Camera.Clips;

/// <summary>
/// Says how often a picture stands in the video so that it takes as long as the scene took. None is left out, and those that
/// come in a burst after a pause of the network do not race: it is only where the video falls behind by more than a second,
/// as when a camera was away, that the picture is repeated.
/// </summary>
/// <param name="rate">Pictures a second; taken as from 1 to 240.</param>
/// <param name="start">When the first one was taken.</param>
internal struct ClipPace(double rate, DateTimeOffset start)
{
    /// <summary>A camera that is away for longer is not waited for in the video.</summary>
    private static readonly TimeSpan s_longestGap = TimeSpan.FromSeconds(30);

    private DateTimeOffset _start = start;
    private long _written;

    /// <summary>Pictures a second of the video.</summary>
    public double Rate { get; } = Math.Clamp(rate, 1, 240);

    /// <summary>How often the next picture is to be written.</summary>
    public int TimesOf(DateTimeOffset time)
    {
        long due = (long)((time - _start).TotalSeconds * Rate), behind = due - _written;
        int times = 1;
        if (behind > s_longestGap.TotalSeconds * Rate) _start = time - TimeSpan.FromSeconds(_written / Rate);
        else if (behind > Rate) times = (int)behind;
        _written += times;
        return times;
    }
}
