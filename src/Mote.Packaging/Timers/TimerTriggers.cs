// Reads [[trigger.timer]].
using System.Text.RegularExpressions;
using Mote.Packaging.Toml;

namespace Mote.Packaging.Timers;

internal static partial class TimerTriggers
{
    /// <summary>Most timers of an app: each is looked at whenever one fires.</summary>
    public const int Max = 1000;

    private static readonly TimeSpan s_minEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_maxEvery = TimeSpan.FromDays(366);
    private static readonly TimeSpan s_maxJitter = TimeSpan.FromHours(1);

    /// <summary>All timers of a manifest.</summary>
    /// <param name="triggers">The table `trigger`.</param>
    /// <param name="target">Reads which component is called.</param>
    /// <param name="name">What a name must look like.</param>
    public static List<TimerTriggerManifest> Read(TomlTable triggers, Func<TomlTable, string> target, Regex name)
    {
        var timers = new List<TimerTriggerManifest>();
        foreach (TomlTable t in triggers.Tables("timer"))
        {
            if (timers.Count == Max) throw t.Error($"an app has at most {Max} timers");
            TimerTriggerManifest timer = ReadOne(t, target(t), name);
            if (timers.Find(other => other.Name == timer.Name) is { } same)
            {
                throw (t.Get("name") ?? t).Error($"there is a timer `{timer.Name}` already, at line {same.Line}: {(t.Get("name") is null ? "a timer is called as its component where it has no name: add name = \"…\"" : "give this one another name")}");
            }

            timers.Add(timer);
            t.RejectUnknown("[[trigger.timer]]");
        }

        return timers;
    }

    private static TimerTriggerManifest ReadOne(TomlTable t, string component, Regex namePattern)
    {
        string name = t.String("name") ?? component;
        if (!namePattern.IsMatch(name)) throw t.Values["name"].Error($"the timer's name `{name}` may have lowercase letters, digits and dashes, and begins with a letter");
        TimeSpan? every = t.Time("every", s_maxEvery);
        string? cron = t.String("cron");
        if (every is not null && cron is not null) throw t.Values["cron"].Error("a timer has `every` or `cron`, and this one has both");
        if (every is null && cron is null) throw t.Error("a timer needs every = \"10s\" or cron = \"*/5 * * * *\"");
        if (every < s_minEvery) throw t.Values["every"].Error($"`every` must be at least {s_minEvery.TotalMilliseconds}ms, found \"{t.String("every")}\"");
        TimeZoneInfo? zone = Zone(t);
        CronSchedule? schedule = null;
        if (cron is not null && !CronSchedule.TryParse(cron, zone ?? TimeZoneInfo.Utc, out schedule, out string? fault)) throw t.Values["cron"].Error($"`cron`: {fault}");
        if (every is not null && zone is not null) throw t.Values["timezone"].Error("`timezone` is for a timer with `cron`: the length of `every` is the same in all of them");
        TimeSpan jitter = t.Time("jitter", s_maxJitter) ?? TimeSpan.Zero;
        if (jitter > every) throw t.Values["jitter"].Error("`jitter` must not be more than `every`");
        MissedFirings missed = t.String("catch-up") switch
        {
            null or "skip" => MissedFirings.Skip,
            "once" => MissedFirings.Once,
            "all" => MissedFirings.All,
            { } other => throw t.Values["catch-up"].Error($"`catch-up` is \"skip\", \"once\" or \"all\", found \"{other}\""),
        };
        return new TimerTriggerManifest(name, component, every, schedule, jitter, missed, t.Line);
    }

    private static TimeZoneInfo? Zone(TomlTable t)
    {
        if (t.String("timezone") is not { } id) return null;
        if (id is "UTC") return TimeZoneInfo.Utc;
        try
        {
            // The name is that of a file below the system's folder of zones, and must stay there.
            if (ZonePattern().IsMatch(id)) return TimeZoneInfo.FindSystemTimeZoneById(id);
        }
        catch (Exception e) when (e is TimeZoneNotFoundException or InvalidTimeZoneException or System.Security.SecurityException or UnauthorizedAccessException)
        {
            // As one that is no name.
        }

        throw t.Values["timezone"].Error($"`timezone`: there is no time zone \"{id}\" here: it is a name of the IANA database like \"Europe/Berlin\", and on Linux the package tzdata has them");
    }

    [GeneratedRegex(@"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}\z")]
    private static partial Regex ZonePattern();
}
