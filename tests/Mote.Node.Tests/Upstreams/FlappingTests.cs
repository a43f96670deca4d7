// Upstreams that come and go 200 times in every way there is: nothing is lost, what comes first of each key comes in order.
using Mote.Backends.Sqlite;
using Mote.DataPlane;
using Mote.Tests.Servers;
using Mote.Triggers.Mqtt;
using MQTTnet;
using MQTTnet.Packets;

namespace Mote.Node.Tests.Upstreams;

public sealed class FlappingTests : IDisposable
{
    private static readonly int s_flaps = Environment.GetEnvironmentVariable("MOTE_LONG") == "1" ? 2000 : 200;
    private static readonly string[] s_keys = ["line/a", "line/b", "line/c"];
    private readonly UpstreamSite _site = new();
    private readonly Random _random;
    private int _next;

    public FlappingTests()
    {
        int seed = Environment.GetEnvironmentVariable("MOTE_SEED") is { Length: > 0 } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        _random = new Random(seed);
    }

    public void Dispose() => _site.Dispose();

    private void Put(SqliteOutbox outbox, int count) =>
        UpstreamSite.Put(outbox, [.. Enumerable.Range(0, count).Select(_ => (UpstreamSite.Class, UpstreamSite.Event(_next++, _random.Next(0, 200)) with { Subject = s_keys[_random.Next(s_keys.Length)] }))]);

    /// <summary>Everything came, and of each key what came first came in order; what came again is known by its id.</summary>
    private void Check(IReadOnlyList<(string Subject, string Id)> taken)
    {
        var seen = new HashSet<string>();
        var last = new Dictionary<string, int>();
        foreach ((string subject, string id) in taken)
        {
            if (!seen.Add(id)) continue;
            int n = int.Parse(id.AsSpan("boot-".Length), System.Globalization.CultureInfo.InvariantCulture);
            Assert.True(n > last.GetValueOrDefault(subject, -1), $"{id} of {subject} came behind boot-{last.GetValueOrDefault(subject)}");
            last[subject] = n;
        }

        Assert.Equal(_next, seen.Count);
    }

    [Fact]
    public async Task Collector_ThatFlaps_LosesNothing_AndKeepsTheOrderOfEachKey()
    {
        await using var collector = new FlappingCollector();
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { Timeout = TimeSpan.FromMilliseconds(150) };
        SqliteOutbox outbox = _site.Outbox();
        Flap[] ills = [.. Enum.GetValues<Flap>().Where(f => f > Flap.AnswersTwice)];
        await using (var pump = new UpstreamPump(new HttpUpstream(collector.Url, http, TimeProvider.System, _ => { }, batch: 7), outbox, new NoWaiting(), _ => { }))
        {
            for (int i = 0; i < s_flaps; i++)
            {
                long retries = pump.Counts.Retries, sent = pump.Counts.Sent;
                Flap ill = ills[i % ills.Length];
                while (collector.Late.Wait(0, TestContext.Current.CancellationToken))
                {
                    // Nobody was late when the last one was let go.
                }

                collector.Flap = ill;
                Put(outbox, _random.Next(1, 20));
                await Wait.Until(() => pump.Counts.Retries > retries, () => $"the pump does not notice {collector.Flap}: {pump.Counts}");
                Assert.NotNull(pump.Counts.LastError);
                collector.Flap = _random.Next(3) == 0 ? Flap.AnswersTwice : Flap.Well;
                if (ill == Flap.AnswersLate && _random.Next(2) == 0) collector.Late.Release(); // what was late comes behind what was sent again, or before it, or never
                // Half of the time the next fault meets what this one has left.
                await Wait.Until(() => _random.Next(2) == 0 ? pump.Counts.Waiting == 0 : pump.Counts.Sent > sent, () => $"nothing is sent: {pump.Counts}");
            }

            Assert.True(await pump.FlushAsync(Client.Patience, TestContext.Current.CancellationToken), $"{pump.Counts}");
            Assert.Equal((_next, 0L, 0L), (pump.Counts.Sent, pump.Counts.Refused, pump.Counts.Dropped));
        }

        Check(collector.Taken);
        Assert.True(collector.Taken.Length > _next, "nothing came twice: what cuts behind what was taken did not");
    }

    [Fact]
    public async Task LinkToABroker_ThatFlaps_LosesNothing_AndKeepsTheOrderOfEachKey()
    {
        using var mosquitto = new Mosquitto(_site.Folder, Loopback.FreePort(), "max_queued_messages 0\n");
        await using var link = new FlappingLink(mosquitto.Port);
        await using Client client = await Client.Connect(mosquitto.Address);
        var taken = new List<(string, string)>();
        client.Mqtt.ApplicationMessageReceivedAsync += e =>
        {
            lock (taken) taken.Add((e.ApplicationMessage.Topic, e.ApplicationMessage.UserProperties.Single(p => p.Name == "id").ReadValueAsString()));
            return Task.CompletedTask;
        };
        await client.Subscribe("#");
        SqliteOutbox outbox = _site.Outbox();
        await using var pump = new UpstreamPump(new MqttUpstream(new MqttEndpoint(new Uri($"mqtt://127.0.0.1:{link.Port}"), Is311: false), "flapping", "", _ => { }, batch: 30), outbox, new NoWaiting(), _ => { });
        for (int i = 0; i < s_flaps; i++)
        {
            long retries = pump.Counts.Retries, sent = pump.Counts.Sent;
            // Away, or cut somewhere: in what goes up, so that a part of it comes, or in the answers, so that it comes again.
            if (i % 3 == 0) link.GoAway();
            else if (i % 3 == 1) link.CutAfter(_random.Next(0, 1500), long.MaxValue);
            else link.CutAfter(long.MaxValue, _random.Next(0, 40));
            for (int n = 0; pump.Counts.Retries == retries; n++)
            {
                Assert.True(n < 1000, $"what was cut lets everything through: {pump.Counts}");
                Put(outbox, _random.Next(1, 40)); // until it is too much for what still passes
                await Wait.Until(() => pump.Counts.Retries > retries || pump.Counts.Waiting == 0, () => $"the pump is stuck: {pump.Counts}");
            }

            link.BeWell();
            await Wait.Until(() => _random.Next(2) == 0 ? pump.Counts.Waiting == 0 : pump.Counts.Sent > sent, () => $"nothing is sent: {pump.Counts}");
        }

        Assert.True(await pump.FlushAsync(Client.Patience, TestContext.Current.CancellationToken), $"{pump.Counts}");
        Assert.Equal((_next, 0L, 0L), (pump.Counts.Sent, pump.Counts.Refused, pump.Counts.Dropped));
        await Wait.Until(() => Seen() == _next, () => $"{Seen()} of {_next} events came");
        lock (taken) Check(taken);

        int Seen()
        {
            lock (taken) return taken.Select(t => t.Item2).Distinct().Count();
        }
    }
}
