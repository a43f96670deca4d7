// Puts together what the page is told every second.
using Mote.DataPlane;
using Mote.Packaging;
using Mote.Packaging.Cameras;
using Mote.Triggers;
using Mote.Triggers.Camera;

namespace Mote.Node.View;

internal static class ViewPages
{
    /// <summary>The state of a node, as people who look at it are told.</summary>
    public static ViewPage Of(NodeConfig config, IReadOnlyList<AppManifest> apps, NodeCameras cameras, IReadOnlyList<MessageQueue> queues, IReadOnlyList<AppLedger> ledgers, IReadOnlyList<string> privacy, int viewers)
    {
        (string App, CameraTriggerManifest Trigger)[] wanted = [.. apps.SelectMany(a => a.CameraTriggers.Select(t => (a.Name, t)))];
        var totals = ledgers.ToDictionary(l => l.App, l => l.Totals);
        return new ViewPage(
            config.Name,
            config.View is { Remote: true },
            [.. cameras.Streams.Zip(cameras.Status, Camera)],
            [.. wanted.Where(w => !config.Cameras.ContainsKey(w.Trigger.Camera)).Select(w => new ViewMissing(w.Trigger.Camera, $"{w.App}/{w.Trigger.Component}"))],
            [.. totals.Select(t => new ViewApp(t.Key, t.Value.Sum(r => r.BytesIn), t.Value.Sum(r => r.BytesOut)))],
            privacy,
            viewers);

        ViewCamera Camera(CameraStream s, CameraStatus status)
        {
            CameraOptions o = s.Options;
            (string App, string Component)[] to = [.. wanted.Where(w => w.Trigger.Camera == o.Name && w.Trigger.Size == o.Size && w.Trigger.Format == o.Format && w.Trigger.Rate == o.Rate).Select(w => (w.App, w.Trigger.Component))];
            long failed = queues.Where(q => q.Component.Camera == o.Name && to.Contains((q.Component.App, q.Component.Name))).Sum(q => q.Counts.Failed);
            // An app's ledger has a camera's pictures on the topic of its name.
            LedgerRow[] rows = [.. to.Select(t => t.App).Distinct().SelectMany(a => totals[a].Where(r => r.Topic == o.Name))];
            return new ViewCamera(o.Name, status.Pictures, status.State, status.Fault, status.Frames, status.Dropped, failed, [.. to.Select(t => $"{t.App}/{t.Component}")], rows.Sum(r => r.BytesIn), rows.Sum(r => r.BytesMade));
        }
    }
}
