// What the telemetry benchmark measures, each in a process of its own: a node with a filter, the same pipeline without a
// component, and the bare broker of MQTTnet that the embedded one is made of.
using System.Net;
using System.Text.Json;
using Mote.Backends.Sqlite;
using Mote.Capabilities.Messaging;
using Mote.DataPlane;
using Mote.Node;
using Mote.Packaging;
using Mote.Triggers;
using Mote.Triggers.Mqtt;
using MQTTnet.Diagnostics.Logger;
using MQTTnet.Server;

namespace Mote.Bench;

internal static class TelemetryServers
{
    /// <summary>Nothing listens here: what goes upstream waits in the outbox.</summary>
    private static readonly Uri s_nowhere = new("http://127.0.0.1:9/");

    /// <summary>Runs one until it is killed.</summary>
    /// <param name="kind">node, pass or bare; load and durable are the publishers for 10 s, for a profile of one of the others.</param>
    /// <param name="folder">For its files; the node's manifest is there.</param>
    /// <param name="port">Where it listens.</param>
    public static async Task<int> Run(string kind, string folder, int port)
    {
        if (kind is "load" or "durable")
        {
            Console.WriteLine($"{TelemetryBench.Publish(port, TimeSpan.FromSeconds(10), durable: kind == "durable"):F0} msg/s");
            return 0;
        }

        if (kind == "node")
        {
            var config = new NodeConfig { DataFolder = Path.Combine(folder, "data"), BrokerListen = $"127.0.0.1:{port}", UpstreamUrl = s_nowhere, OutboxMaxBytes = 1L << 40 };
            await using EdgeNode node = await EdgeNode.StartAsync(config, [AppManifest.Load(folder, _ => null)], Console.Error.WriteLine).ConfigureAwait(false);
            await Task.Delay(Timeout.Infinite).ConfigureAwait(false);
            return 0;
        }

        if (kind == "pass")
        {
            using var outbox = new SqliteOutbox(Path.Combine(folder, "outbox.db"), 1L << 40, Console.Error.WriteLine, TimeProvider.System);
            double threshold = double.Parse(File.ReadAllText(Path.Combine(folder, "threshold")), System.Globalization.CultureInfo.InvariantCulture);
            await using EmbeddedBroker broker = await EmbeddedBroker.StartAsync(new IPEndPoint(IPAddress.Loopback, port), Console.Error.WriteLine).ConfigureAwait(false);
            await broker.StartAsync([new PassThrough(outbox, threshold)], CancellationToken.None).ConfigureAwait(false);
            await Task.Delay(Timeout.Infinite).ConfigureAwait(false);
        }

        using MqttServer server = new MqttServerFactory(new MqttNetNullLogger()).CreateMqttServer(new MqttServerOptionsBuilder()
            .WithDefaultEndpoint().WithDefaultEndpointPort(port).WithDefaultEndpointBoundIPAddress(IPAddress.Loopback).WithDefaultEndpointBoundIPV6Address(IPAddress.None)
            .WithMaxPendingMessagesPerClient(1000).Build());
        await server.StartAsync().ConfigureAwait(false);
        await Task.Delay(Timeout.Infinite).ConfigureAwait(false);
        return 0;
    }

    /// <summary>In the place of a component, its inbox and its queue: the same filter, in C#, on the thread that has the message.</summary>
    private sealed record PassThrough(SqliteOutbox Outbox, double Threshold) : MqttRoute("in/#", 1, null!)
    {
        private readonly OutboxClass _class = new("default");
        private long _number;

        public override int Together => 1;

        public override ValueTask AcceptAsync(Message message, Action<Outcome> done, CancellationToken token, bool here = false)
        {
            var reader = new Utf8JsonReader(message.Bytes.Span);
            while (reader.Read() && !(reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("value"u8)))
            {
            }

            reader.Read();
            if (reader.GetDouble() < Threshold)
            {
                done(Outcome.Handled);
                return ValueTask.CompletedTask;
            }

            var e = new CloudEvent($"{Interlocked.Increment(ref _number)}", "/pass", CloudEvent.MessageType, DateTimeOffset.UtcNow, "alerts", "application/json", message.Bytes);
            Outbox.Put([(_class, e)], fault => done(fault is null ? Outcome.Handled : Outcome.NotDelivered));
            return ValueTask.CompletedTask;
        }
    }
}
