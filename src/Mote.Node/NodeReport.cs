// What a node did: the numbers that its owner pays it for.
using Mote.DataPlane;
using Mote.Runtime;
using Mote.Triggers;
using Mote.Triggers.Http;

namespace Mote.Node;

/// <summary>Sums over a node's components since it started.</summary>
/// <param name="MessagesIn">Messages taken.</param>
/// <param name="BytesIn">Their topics and data.</param>
/// <param name="Handled">Messages handled.</param>
/// <param name="Failed">Messages that a component could not handle.</param>
/// <param name="Published">Messages that components sent.</param>
/// <param name="EventsOut">CloudEvents that upstream has taken.</param>
/// <param name="BytesOut">Their data and attributes.</param>
/// <param name="EventsWaiting">CloudEvents that wait for upstream.</param>
/// <param name="EventsLost">CloudEvents dropped or refused.</param>
/// <param name="MessagesDropped">Messages that the broker had to drop.</param>
/// <param name="MicroVmsStarted">MicroVMs made.</param>
/// <param name="MicroVmsReused">Messages that found a warm one.</param>
/// <param name="MicroVmsTrapped">MicroVMs that ended by a trap.</param>
/// <param name="Cold">From the start of a microVM to the end of its first message: median and 99th percentile.</param>
/// <param name="Warm">A message in a warm microVM: median and 99th percentile.</param>
/// <param name="TakesMessages">True where a component has a trigger for messages.</param>
/// <param name="Requests">What became of HTTP requests; null where no app has a route.</param>
public sealed record NodeReport(
    long MessagesIn, long BytesIn, long Handled, long Failed, long Published, long EventsOut, long BytesOut, long EventsWaiting, long EventsLost, long MessagesDropped,
    long MicroVmsStarted, long MicroVmsReused, long MicroVmsTrapped, Latency Cold, Latency Warm, bool TakesMessages, RequestReport? Requests)
{
    /// <summary>Share of the traffic that did not have to be sent, in percent; null where nothing came in.</summary>
    public double? SavedPercent => BytesIn == 0 ? null : 100.0 * (BytesIn - BytesOut) / BytesIn;

    internal static NodeReport Of(IReadOnlyList<MessageQueue> queues, UpstreamCounts? upstream, long dropped, HttpApps? http)
    {
        UpstreamCounts up = upstream ?? default;
        EventCounts[] events = [.. queues.Select(q => q.Counts)];
        PoolCounts[] vms = [.. queues.Select(q => q.MicroVms)];
        return new NodeReport(
            events.Sum(e => e.Received), events.Sum(e => e.ReceivedBytes), events.Sum(e => e.Handled), events.Sum(e => e.Failed + e.NotDelivered), events.Sum(e => e.Published),
            up.Sent, up.BytesSent, up.Waiting, up.Dropped + up.Refused, dropped,
            vms.Sum(v => v.Started), vms.Sum(v => v.Reused), vms.Sum(v => v.Trapped),
            Latency.Of(queues.Select(q => q.Cold)), Latency.Of(queues.Select(q => q.Warm)), queues.Count > 0, http is null ? null : RequestReport.Of(http));
    }
}

/// <summary>HTTP requests since the node started.</summary>
/// <param name="Received">Requests that were let in.</param>
/// <param name="Answered">Of these, the ones that a component answered.</param>
/// <param name="Failed">The ones that it trapped in, or left without an answer.</param>
/// <param name="Cancelled">The ones whose client went away.</param>
/// <param name="Refused">Requests that were not let in: too many were there.</param>
/// <param name="NotFound">Requests for which there was no route.</param>
/// <param name="MicroVmsStarted">MicroVMs made for them.</param>
/// <param name="Took">From a request's head to the end of the guest: median and 99th percentile.</param>
public sealed record RequestReport(long Received, long Answered, long Failed, long Cancelled, long Refused, long NotFound, long MicroVmsStarted, Latency Took)
{
    internal static RequestReport Of(HttpApps http)
    {
        HttpCounts[] counts = [.. http.Handlers.Select(h => h.Counts)];
        return new RequestReport(
            counts.Sum(c => c.Received), counts.Sum(c => c.Answered), counts.Sum(c => c.Failed), counts.Sum(c => c.Cancelled), counts.Sum(c => c.Refused), http.NotFound,
            http.Handlers.Sum(h => h.Component.Usage.Counts.Started), Latency.Of(http.Handlers.Select(h => h.Took).OfType<LatencyHistogram>()));
    }
}

/// <summary>Latencies of events.</summary>
/// <param name="Count">How many.</param>
/// <param name="Median">Half took no longer.</param>
/// <param name="P99">99 of 100 took no longer.</param>
public readonly record struct Latency(long Count, TimeSpan Median, TimeSpan P99)
{
    internal static Latency Of(IEnumerable<LatencyHistogram> parts)
    {
        var all = new LatencyHistogram();
        foreach (LatencyHistogram part in parts) all.Add(part);
        return new Latency(all.Count, all.Percentile(0.5), all.Percentile(0.99));
    }
}
