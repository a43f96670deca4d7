// A stream of JetStream that comes and goes, in every way there is: each event is in it once, and in its order.
using Mote.Backends.Nats;
using Mote.Backends.Sqlite;
using Mote.DataPlane;
using Mote.Node.Tests.Upstreams;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace Mote.Node.Tests.Nats;

public sealed class JetStreamFlappingTests : IDisposable
{
    /// <summary>How often it goes away: all 200 in the long run. The client waits 200 ms and more before it connects again.</summary>
    private static readonly int s_flaps = Environment.GetEnvironmentVariable("MOTE_LONG") == "1" ? 200 : 20;
    private readonly UpstreamSite _site = new();
    private readonly Random _random;
    private int _next;

    public JetStreamFlappingTests()
    {
        int seed = Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        _random = new Random(seed);
    }

    public void Dispose() => _site.Dispose();

    [Fact]
    public async Task Stream_ThatFlaps_HasEachEventOnce_InItsOrder()
    {
        await using var nats = new NatsSite();
        await nats.Stream("EVENTS", "edge.events");
        await using var link = new FlappingLink(nats.Server.Port);
        await using var client = new NatsLink(new NatsSettings([new Uri($"nats://127.0.0.1:{link.Port}")], "flapping"), nats.Log.Enqueue);
        SqliteOutbox outbox = _site.Outbox();
        await using var pump = new UpstreamPump(new JetStreamUpstream(client, "edge.events", batch: 30), outbox, new NoWaiting(), _ => { });
        for (int i = 0; i < s_flaps; i++)
        {
            long retries = pump.Counts.Retries, sent = pump.Counts.Sent;
            int ill = i % 4;
            // Away, killed, or cut somewhere: in what goes up, so that a part of it comes, or in the answers, so that it comes again.
            if (ill == 0) link.GoAway();
            else if (ill == 1) link.CutAfter(_random.Next(0, 100_000), long.MaxValue);
            else if (ill == 2) link.CutAfter(long.MaxValue, _random.Next(0, 1000));
            for (int n = 0; pump.Counts.Retries == retries; n++)
            {
                Assert.True(n < 1000, $"what was cut lets everything through: {pump.Counts}");
                Put(outbox, _random.Next(1, 40)); // until it is too much for what still passes
                if (ill == 3) nats.Server.Kill(); // while they go
                await Wait.Until(() => pump.Counts.Retries > retries || pump.Counts.Waiting == 0, () => $"the pump is stuck: {pump.Counts}");
            }

            if (ill == 3) nats.Server.Start();
            link.BeWell();
            // Half of the time the next fault meets what this one has left.
            bool whole = _random.Next(2) == 0;
            await Wait.Until(() => pump.Counts.Waiting == 0 || (!whole && pump.Counts.Sent > sent), () => $"nothing is sent: {pump.Counts}");
        }

        Assert.True(await pump.FlushAsync(Client.Patience, TestContext.Current.CancellationToken), $"{pump.Counts}");
        Assert.Equal((_next, 0L, 0L), (pump.Counts.Sent, pump.Counts.Refused, pump.Counts.Dropped));
        Assert.Equal(Enumerable.Range(0, _next).Select(i => $"boot-{i}"), await Ids(nats));
    }

    /// <summary>Mostly small, some as large as what a connection has under way when it breaks.</summary>
    private void Put(SqliteOutbox outbox, int count) =>
        UpstreamSite.Put(outbox, [.. Enumerable.Range(0, count).Select(_ => (UpstreamSite.Class, UpstreamSite.Event(_next++, _random.Next(10) == 0 ? _random.Next(100_000) : _random.Next(200))))]);

    private static async Task<List<string>> Ids(NatsSite nats)
    {
        var ids = new List<string>();
        await foreach (INatsJSMsg<byte[]> m in (await nats.JetStream.CreateOrderedConsumerAsync("EVENTS")).ConsumeAsync<byte[]>())
        {
            ids.Add(m.Headers!["Nats-Msg-Id"].ToString());
            if (m.Metadata!.Value.NumPending == 0) break;
        }

        return ids;
    }
}
