// A node on a real nats-server, and a client beside it.
using System.Collections.Concurrent;
using System.Text;
using Mote.Packaging;
using Mote.Packaging.Nats;
using Mote.Tests.Servers;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Mote.Node.Tests.Nats;

internal sealed class NatsSite : IAsyncDisposable
{
    private readonly TestSite _site = new();

    public NatsSite(string config = "")
    {
        Server = NatsServer.StartNew(config);
        _site.Config = _site.Config with
        {
            Nats = new NatsConfig([Server.Url]),
            MessagingClients = new MessagingClients { Named = new Dictionary<string, MessageBrokerKind> { ["default"] = MessageBrokerKind.Nats } },
        };
        Client = Connect();
        JetStream = new NatsJSContext(Client);
    }

    public NatsServer Server { get; }

    public TestSite Site => _site;

    public NatsConnection Client { get; }

    public INatsJSContext JetStream { get; }

    public ConcurrentQueue<string> Log => _site.Log;

    public NatsConnection Connect() => new(new NatsOpts { Url = Server.Url.ToString(), ReconnectWaitMin = TimeSpan.FromMilliseconds(20), ReconnectWaitMax = TimeSpan.FromMilliseconds(100), MaxReconnectRetry = -1 });

    /// <summary>An app whose component is Handler, on this trigger: subject, and what else it has.</summary>
    public static string App(string trigger, string limits = "") => TestSite.App
        .Replace("[[trigger.mqtt]]\ntopic = \"in/#\"", $"[[trigger.messaging]]\n{trigger}", StringComparison.Ordinal)
        .Replace("memory = \"64MiB\"", $"memory = \"64MiB\"\n{limits}", StringComparison.Ordinal);

    public async Task<EdgeNode> Start(string manifest)
    {
        EdgeNode node = await _site.Start(manifest);
        await Wait.Until(() => node.NatsIsReady, () => $"not ready: {string.Join(" | ", Log)}");
        return node;
    }

    public async Task<INatsJSStream> Stream(string name, params string[] subjects) =>
        await JetStream.CreateStreamAsync(new StreamConfig(name, subjects) { Storage = StreamConfigStorage.File });

    /// <summary>Puts a text into a stream, and returns when it is there.</summary>
    public async Task Put(string subject, string text) => (await JetStream.PublishAsync(subject, Encoding.UTF8.GetBytes(text))).EnsureSuccess();

    /// <summary>The one consumer of a stream.</summary>
    public async Task<ConsumerInfo> Consumer(string stream)
    {
        ConsumerInfo? found = null;
        await foreach (INatsJSConsumer c in JetStream.ListConsumersAsync(stream))
        {
            Assert.Null(found);
            found = c.Info;
        }

        return found ?? throw new InvalidOperationException($"{stream} has no consumer");
    }

    /// <summary>Waits until the one consumer of a stream is as it should be.</summary>
    public async Task Until(string stream, Func<ConsumerInfo, bool> condition)
    {
        ConsumerInfo now = await Consumer(stream);
        for (DateTime end = DateTime.UtcNow + Node.Tests.Client.Patience; !condition(now); now = await Consumer(stream))
        {
            Assert.True(DateTime.UtcNow < end, $"pending {now.NumPending}, unacknowledged {now.NumAckPending}, redelivered {now.NumRedelivered}: {string.Join(" | ", Log)}");
            await Task.Delay(10);
        }
    }

    /// <summary>What a stream has, as text.</summary>
    public async Task<List<string>> All(string stream)
    {
        var all = new List<string>();
        INatsJSStream s = await JetStream.GetStreamAsync(stream);
        if (s.Info.State.Messages == 0) return all;
        INatsJSConsumer consumer = await JetStream.CreateOrderedConsumerAsync(stream);
        await foreach (INatsJSMsg<byte[]> m in consumer.ConsumeAsync<byte[]>())
        {
            all.Add(Encoding.UTF8.GetString(m.Data ?? []));
            if (m.Metadata!.Value.NumPending == 0) break;
        }

        return all;
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        _site.Dispose();
        Server.Dispose();
    }
}

/// <summary>What came to a subject.</summary>
internal sealed class Heard : IAsyncDisposable
{
    private readonly INatsSub<byte[]> _subscription;
    private readonly Task _reading;

    private Heard(INatsSub<byte[]> subscription)
    {
        _subscription = subscription;
        _reading = Task.Run(async () =>
        {
            await foreach (NatsMsg<byte[]> m in subscription.Msgs.ReadAllAsync()) Messages.Enqueue(m);
        });
    }

    public ConcurrentQueue<NatsMsg<byte[]>> Messages { get; } = new();

    public IEnumerable<string> Texts => Messages.Select(m => Encoding.UTF8.GetString(m.Data ?? []));

    public static async Task<Heard> On(NatsConnection client, string subject)
    {
        var heard = new Heard(await client.SubscribeCoreAsync<byte[]>(subject, opts: new NatsSubOpts { ChannelOpts = new NatsSubChannelOpts { Capacity = 200_000 } }));
        await client.PingAsync();
        return heard;
    }

    public Task Until(int count) => Wait.Until(() => Messages.Count >= count, () => $"{Messages.Count} of {count} messages came");

    public async ValueTask DisposeAsync()
    {
        await _subscription.DisposeAsync();
        await _reading;
    }
}
