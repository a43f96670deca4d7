// [[trigger.timer]]: a component is called by the clock.
using System.Globalization;

namespace Mote.Packaging.Timers;

/// <summary>What becomes of firings whose time came while the node was off.</summary>
public enum MissedFirings
{
    /// <summary>Nothing: the timer goes on with the next.</summary>
    Skip,

    /// <summary>One firing stands for all of them.</summary>
    Once,

    /// <summary>Each comes, up to a bound.</summary>
    All,
}

/// <summary>A timer of an app: exactly one of <paramref name="Every"/> and <paramref name="Cron"/> is there.</summary>
/// <param name="Name">Its name in the app; its messages have the topic `timer/NAME`.</param>
/// <param name="Component">The component's name.</param>
/// <param name="Every">Fires at the multiples of this time since 1970-01-01T00:00:00Z.</param>
/// <param name="Cron">Fires when this says so.</param>
/// <param name="Jitter">Each firing is late by a random time below this.</param>
/// <param name="Missed">What becomes of firings whose time came while the node was off.</param>
/// <param name="Line">Where it is in the manifest.</param>
public sealed record TimerTriggerManifest(string Name, string Component, TimeSpan? Every, CronSchedule? Cron, TimeSpan Jitter, MissedFirings Missed, int Line)
{
    /// <summary>When it fires, for people; two timers that fire at the same times have the same.</summary>
    public string When => Cron is not null ? Cron.ToString() : string.Create(CultureInfo.InvariantCulture, $"every {Show(Every!.Value)}");

    private static string Show(TimeSpan time) =>
        time.Ticks % TimeSpan.TicksPerHour == 0 ? $"{time.Ticks / TimeSpan.TicksPerHour}h"
        : time.Ticks % TimeSpan.TicksPerMinute == 0 ? $"{time.Ticks / TimeSpan.TicksPerMinute}min"
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#######}s");
}
