// Broker, upstream and disk of a node at a moment: what `mote doctor` says about them in an operator's words.
using Mote.DataPlane;
using Mote.Triggers.Mqtt;

namespace Mote.Node;

/// <summary>A broker at a moment.</summary>
/// <param name="Address">Host and port.</param>
/// <param name="Embedded">True where it is in the node itself.</param>
/// <param name="Fault">Why it is not connected; null where it is.</param>
/// <param name="Dropped">Messages that it had to drop.</param>
public sealed record BrokerStatus(string Address, bool Embedded, string? Fault, long Dropped);

/// <summary>An upstream at a moment. Counts are since the node's start.</summary>
/// <param name="Url">Where events go, without credentials.</param>
/// <param name="Sent">Events that it has taken.</param>
/// <param name="Waiting">Events that wait for it.</param>
/// <param name="Refused">Events that it will not take, which are dropped.</param>
/// <param name="Dropped">Events for which there was no room, or that became too old.</param>
/// <param name="Fault">Why it takes none now; null where it does.</param>
public sealed record UpstreamStatus(string Url, long Sent, long Waiting, long Refused, long Dropped, string? Fault);

/// <summary>What waits on disk, and whether the disk takes it.</summary>
/// <param name="OutboxMessages">Events that wait for the upstream.</param>
/// <param name="OutboxBytes">Their bytes.</param>
/// <param name="InboxMessages">Messages that wait for components.</param>
/// <param name="InboxBytes">Their bytes.</param>
/// <param name="InboxFull">True where publishers wait because no more may wait on disk.</param>
/// <param name="Damaged">Records that were damaged and are kept apart, since the start.</param>
/// <param name="BytesWritten">Bytes of records written since the start.</param>
/// <param name="Fault">Why nothing can be written now; null where it can.</param>
public sealed record DiskStatus(long OutboxMessages, long OutboxBytes, long InboxMessages, long InboxBytes, bool InboxFull, long Damaged, long BytesWritten, string? Fault);

/// <summary>Broker, upstream and disk of a node; each null where it has none.</summary>
public sealed record DataPlaneStatus(BrokerStatus? Broker, UpstreamStatus? Upstream, DiskStatus? Disk)
{
    internal static DataPlaneStatus Of(IMqttBroker? broker, Uri? url, UpstreamCounts? upstream, Backends.Sqlite.SqliteOutbox? disk)
    {
        OutboxCounts o = disk?.Counts ?? default;
        InboxCounts i = disk?.InboxCounts ?? default;
        return new DataPlaneStatus(
            broker is null ? null : new BrokerStatus(broker.Address, broker is EmbeddedBroker, broker.Fault, broker.Dropped),
            url is null || upstream is not { } u ? null : new UpstreamStatus(url.UserInfo.Length == 0 ? url.ToString() : url.ToString().Replace($"{url.UserInfo}@", "", StringComparison.Ordinal), u.Sent, u.Waiting, u.Refused, u.Dropped, u.LastError),
            disk is null ? null : new DiskStatus(o.Waiting, o.Bytes, i.Waiting, i.Bytes, !disk.HasRoom, o.Damaged + i.Damaged, o.BytesWritten + i.BytesWritten, o.Fault));
    }
}
