// The timers of a node's apps: from the manifests to the service that fires them.
using Mote.Packaging;
using Mote.Packaging.Timers;
using Mote.Triggers;
using Mote.Triggers.Timer;

namespace Mote.Node;

internal static class NodeTimers
{
    /// <summary>What the timers of the apps are; null where there are none. None fires yet.</summary>
    /// <param name="apps">The apps.</param>
    /// <param name="file">Where the service keeps what they did last.</param>
    /// <param name="queueOf">The queue of each component of an app that a timer calls.</param>
    /// <param name="log">Told of clocks that were set, and of faults of the disk.</param>
    /// <param name="wear">Told what is written.</param>
    public static TimerService? Make(IReadOnlyList<AppManifest> apps, string file, IReadOnlyDictionary<(string App, string Component), MessageQueue> queueOf, Action<string> log, Runtime.DiskWear wear)
    {
        if (apps.All(a => a.TimerTriggers.Count == 0)) return null;
        var service = new TimerService(TimeProvider.System, Random.Shared, file, log, wear);
        foreach (AppManifest app in apps)
        {
            foreach (TimerTriggerManifest t in app.TimerTriggers) service.Add(Options(app.Name, t), (e, token) => queueOf[(app.Name, t.Component)].EnqueueAsync(e, token));
        }

        return service;
    }

    private static TimerOptions Options(string app, TimerTriggerManifest t) => new(
        app, t.Component, t.Name,
        t.Cron is { } cron ? TimerSchedule.Of(cron.After, cron.Zone) : TimerSchedule.Every(t.Every!.Value),
        t.When, t.Jitter,
        t.Missed switch { MissedFirings.Once => CatchUp.Once, MissedFirings.All => CatchUp.All, _ => CatchUp.Skip });
}
