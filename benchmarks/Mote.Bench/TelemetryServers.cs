// What the telemetry benchmark measures, each in a process of its own: a node with a filter, the same pipeline without a
// component, and the bare embedded broker.
using System.Buffers;
using System.Net;
using System.Text.Json;
using Mote.Backends.Sqlite;
using Mote.DataPlane;
using Mote.Node;
using Mote.Packaging;
using MQTTnet;
using MQTTnet.Diagnostics.Logger;
using MQTTnet.Server;

namespace Mote.Bench;

internal static class TelemetryServers
{
    /// <summary>Nothing listens here: what goes upstream waits in the outbox.</summary>
    private static readonly Uri s_nowhere = new("http://127.0.0.1:9/");

    /// <summary>Runs one until it is killed.</summary>
    /// <param name="kind">node, pass or bare.</param>
    /// <param name="folder">For its files; the node's manifest is there.</param>
    /// <param name="port">Where it listens.</param>
    public static async Task<int> Run(string kind, string folder, int port)
    {
        if (kind == "node")
        {
            var config = new NodeConfig { DataFolder = Path.Combine(folder, "data"), BrokerListen = $"127.0.0.1:{port}", UpstreamUrl = s_nowhere, OutboxMaxBytes = 1L << 40 };
            await using EdgeNode node = await EdgeNode.StartAsync(config, [AppManifest.Load(folder, _ => null)], Console.Error.WriteLine).ConfigureAwait(false);
            await Task.Delay(Timeout.Infinite).ConfigureAwait(false);
            return 0;
        }

        double threshold = File.Exists(Path.Combine(folder, "threshold")) ? double.Parse(File.ReadAllText(Path.Combine(folder, "threshold")), System.Globalization.CultureInfo.InvariantCulture) : 0;
        using MqttServer server = new MqttServerFactory(new MqttNetNullLogger()).CreateMqttServer(new MqttServerOptionsBuilder()
            .WithDefaultEndpoint().WithDefaultEndpointPort(port).WithDefaultEndpointBoundIPAddress(IPAddress.Loopback).WithDefaultEndpointBoundIPV6Address(IPAddress.None)
            .WithMaxPendingMessagesPerClient(1000).Build());
        using SqliteOutbox? outbox = kind == "pass" ? new SqliteOutbox(Path.Combine(folder, "outbox.db"), 1L << 40, Console.Error.WriteLine, TimeProvider.System) : null;
        if (outbox is not null)
        {
            var c = new OutboxClass("default");
            long number = 0;
            server.InterceptingPublishAsync += e =>
            {
                ReadOnlySequence<byte> payload = e.ApplicationMessage.Payload;
                var reader = new Utf8JsonReader(payload);
                while (reader.Read() && !(reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("value"u8)))
                {
                }

                reader.Read();
                if (reader.GetDouble() < threshold) return Task.CompletedTask;
                var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                outbox.Put([(c, new CloudEvent($"{Interlocked.Increment(ref number)}", "/pass", CloudEvent.MessageType, DateTimeOffset.UtcNow, "alerts", "application/json", payload.ToArray()))], _ => done.SetResult());
                return done.Task;
            };
        }

        await server.StartAsync().ConfigureAwait(false);
        await Task.Delay(Timeout.Infinite).ConfigureAwait(false);
        return 0;
    }
}
