// What a timer is, and what it did.
namespace Mote.Triggers.Timer;

/// <summary>What becomes of firings whose time came while the node was off, or the machine asleep.</summary>
public enum CatchUp
{
    /// <summary>Nothing: the timer goes on with the next. It keeps nothing on disk.</summary>
    Skip,

    /// <summary>One firing, for the latest of them, stands for all.</summary>
    Once,

    /// <summary>Each comes, in order, one at a time: the latest <see cref="TimerReckoning.MaxBacklog"/>.</summary>
    All,
}

/// <summary>A timer.</summary>
/// <param name="App">Its app.</param>
/// <param name="Component">The component that it calls.</param>
/// <param name="Name">Its name in the app.</param>
/// <param name="Schedule">When it fires.</param>
/// <param name="When">The same for people. A mark on disk that was made under another is not used.</param>
/// <param name="Jitter">Each firing is late by a random time below this.</param>
/// <param name="CatchUp">What becomes of missed firings.</param>
public sealed record TimerOptions(string App, string Component, string Name, TimerSchedule Schedule, string When, TimeSpan Jitter, CatchUp CatchUp)
{
    /// <summary>Its name on this node.</summary>
    public string Key => $"{App}/{Name}";

    /// <summary>The topic of its messages.</summary>
    public string Topic => $"timer/{Name}";
}

/// <summary>A timer at a moment.</summary>
/// <param name="Options">The timer.</param>
/// <param name="Fired">Firings that the component was called for.</param>
/// <param name="Missed">Times that came and went without a firing of their own.</param>
/// <param name="Next">When it fires next, its jitter aside; null where it never does.</param>
public sealed record TimerStatus(TimerOptions Options, long Fired, long Missed, DateTimeOffset? Next);

/// <summary>One firing.</summary>
/// <param name="Scheduled">The time that it is for.</param>
/// <param name="Missed">Times since the last firing that had none.</param>
internal readonly record struct Firing(DateTimeOffset Scheduled, long Missed);
