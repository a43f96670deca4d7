// Broker, upstream and disk of a node at a moment: what `mote doctor` says about them in an operator's words.
using Mote.DataPlane;
using Mote.Packaging;
using Mote.Triggers.Mqtt;

namespace Mote.Node;

/// <summary>A broker at a moment.</summary>
/// <param name="Address">Host and port.</param>
/// <param name="Embedded">True where it is in the node itself.</param>
/// <param name="Fault">Why it is not connected; null where it is.</param>
/// <param name="Dropped">Messages that it had to drop.</param>
public sealed record BrokerStatus(string Address, bool Embedded, string? Fault, long Dropped)
{
    /// <summary>Messages that the embedded one retains; null of another.</summary>
    public long? Retained { get; init; }

    /// <summary>Their bytes.</summary>
    public long? RetainedBytes { get; init; }

    /// <summary>Messages that it did not retain because as many were as may be.</summary>
    public long? RetainedRefused { get; init; }

    internal static BrokerStatus Of(IMqttBroker broker, Func<string, string> mask)
    {
        var status = new BrokerStatus(mask(broker.Address), broker is EmbeddedBroker, broker.Fault is { } fault ? mask(fault) : null, broker.Dropped);
        return broker is not EmbeddedBroker own ? status : status with { Retained = own.Retained.Messages, RetainedBytes = own.Retained.Bytes, RetainedRefused = own.RetainedRefused };
    }
}

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

/// <summary>The connection to NATS at a moment.</summary>
/// <param name="Address">Its servers.</param>
/// <param name="Fault">Why it cannot be used; null where it can.</param>
/// <param name="Dropped">Messages without a stream for which a component had no room.</param>
public sealed record NatsStatus(string Address, string? Fault, long Dropped);

/// <summary>Broker, upstream and disk of a node; each null where it has none.</summary>
public sealed record DataPlaneStatus(BrokerStatus? Broker, UpstreamStatus? Upstream, DiskStatus? Disk)
{
    /// <summary>NATS; null where the node has none.</summary>
    public NatsStatus? Nats { get; init; }

    /// <param name="broker">The broker.</param>
    /// <param name="url">Where events go.</param>
    /// <param name="upstream">Counts of the upstream.</param>
    /// <param name="disk">Inbox and outbox.</param>
    /// <param name="nats">The connection to NATS.</param>
    /// <param name="mask">Takes out of a text what nobody is to read: faults are in others' words.</param>
    internal static DataPlaneStatus Of(IMqttBroker? broker, Uri? url, UpstreamCounts? upstream, Backends.Sqlite.SqliteOutbox? disk, NatsStatus? nats, Func<string, string> mask)
    {
        OutboxCounts o = disk?.Counts ?? default;
        InboxCounts i = disk?.InboxCounts ?? default;
        return new DataPlaneStatus(
            broker is null ? null : BrokerStatus.Of(broker, mask),
            url is null || upstream is not { } u ? null : new UpstreamStatus(mask(UrlUserInfo.Show(url)), u.Sent, u.Waiting, u.Refused, u.Dropped, Masked(u.LastError)),
            disk is null ? null : new DiskStatus(o.Waiting, o.Bytes, i.Waiting, i.Bytes, !disk.HasRoom, o.Damaged + i.Damaged, o.BytesWritten + i.BytesWritten, o.Fault))
        {
            Nats = nats is null ? null : nats with { Address = mask(nats.Address), Fault = Masked(nats.Fault) },
        };

        string? Masked(string? text) => text is null ? null : mask(text);
    }
}
