// The keys of a bucket, page by page. Each key has its place by a hash of it, so that a walk meets every key that stays
// once, whatever is written meanwhile; a page reads the bucket's headers, and keeps what it can for the pages after it.
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mote.Capabilities.KeyValue;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Backends.Nats.KeyValue;

internal sealed class KeyWalk(NatsLink link, string bucket, TimeProvider time)
{
    private const int PageSize = 1000;

    /// <summary>Most keys, and about as many of their characters, that are kept of one reading.</summary>
    private const int MaxKept = 20 * PageSize;
    private const long MaxCharacters = 4 << 20;

    private static readonly TimeSpan s_keptFor = TimeSpan.FromSeconds(10);

    private volatile Kept? _kept;

    /// <summary>The keys whose place is behind the cursor's; from the first where there is none.</summary>
    public async Task<KeyPage> List(ulong? after, CancellationToken token)
    {
        // 1. What an earlier page has read, if it is of just now. A walk begins with what is there.
        if (after is { } place && _kept is { } kept && kept.From <= place && place < kept.To && time.GetElapsedTime(kept.At) < s_keptFor) return Page(kept, place);

        // 2. Otherwise the bucket.
        var found = new SortedSet<(ulong Place, string Key)>();
        long characters = 0;
        bool isAll = true;
        await Read(
            key =>
            {
                ulong p = PlaceOf(key);
                if ((after is { } a && p <= a) || !found.Add((p, key))) return;
                characters += key.Length;
                while (found.Count > MaxKept || (characters > MaxCharacters && found.Count > PageSize + 1))
                {
                    (ulong, string Key) last = found.Max;
                    found.Remove(last);
                    characters -= last.Key.Length;
                    isAll = false;
                }
            },
            token).ConfigureAwait(false);
        var read = new Kept([.. found], after ?? 0, isAll ? ulong.MaxValue : found.Max.Place, time.GetTimestamp());
        _kept = read;
        return Page(read, after);
    }

    private static KeyPage Page(Kept kept, ulong? after)
    {
        int from = 0;
        while (from < kept.Keys.Length && after is { } a && kept.Keys[from].Place <= a) from++;
        int to = Math.Min(from + PageSize, kept.Keys.Length);
        bool isLast = to == kept.Keys.Length && kept.To == ulong.MaxValue;
        ulong cursor = to > from ? kept.Keys[to - 1].Place : kept.To;
        string[] keys = [.. kept.Keys[from..to].Select(k => k.Key)];
        return new KeyPage(keys, isLast ? null : cursor.ToString(CultureInfo.InvariantCulture));
    }

    private static ulong PlaceOf(string key) => BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(key))) >> 1;

    /// <summary>Gives each key that has a value; one that changes meanwhile may be given twice.</summary>
    private async Task Read(Action<string> found, CancellationToken token)
    {
        string stream = NatsBucket.StreamOf(bucket), prefix = $"$KV.{bucket}.";
        INatsJSStream bound = await link.JetStream.GetStreamAsync(stream, cancellationToken: token).ConfigureAwait(false);
        if (bound.Info.State.Messages == 0) return;
        INatsJSConsumer consumer = await link.JetStream.CreateConsumerAsync(
            stream,
            new ConsumerConfig
            {
                Name = $"mote-walk-{Guid.NewGuid():N}",
                DeliverPolicy = ConsumerConfigDeliverPolicy.LastPerSubject,
                FilterSubject = $"{prefix}>",
                AckPolicy = ConsumerConfigAckPolicy.None,
                HeadersOnly = true,
                MemStorage = true,
                InactiveThreshold = TimeSpan.FromSeconds(30),
            },
            token).ConfigureAwait(false);
        try
        {
            for (bool isMore = consumer.Info.NumPending > 0; isMore;)
            {
                isMore = false;
                await foreach (INatsJSMsg<byte[]> m in consumer.FetchNoWaitAsync<byte[]>(new NatsJSFetchOpts { MaxMsgs = 5000 }, cancellationToken: token).ConfigureAwait(false))
                {
                    isMore = m.Metadata is { NumPending: > 0 };
                    string? header = null;
                    if (m.Headers is { } headers)
                    {
                        if (headers.ContainsKey("KV-Operation")) continue;
                        headers.TryGetLastValue(KeyNames.Header, out header);
                    }

                    if (KeyNames.TryRead(m.Subject[prefix.Length..], header, out string? key)) found(key);
                }
            }
        }
        finally
        {
            await link.JetStream.DeleteConsumerAsync(stream, consumer.Info.Name, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Keys in the order of their places.</summary>
    /// <param name="Keys">The keys behind <paramref name="From"/>.</param>
    /// <param name="From">The place that they begin behind.</param>
    /// <param name="To">The place that they go to; the highest number where these are all.</param>
    /// <param name="At">When they were read.</param>
    private sealed record Kept((ulong Place, string Key)[] Keys, ulong From, ulong To, long At);
}
