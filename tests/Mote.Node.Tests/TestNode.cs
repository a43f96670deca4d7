// A node with its app in a folder of a test's own, and clients of its broker.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Mote.Packaging;
using Mote.Runtime;
using MQTTnet;
using MQTTnet.Protocol;

namespace Mote.Node.Tests;

/// <summary>Where a node's files are; the node may be started on them again and again.</summary>
internal sealed class TestSite : IDisposable
{
    /// <summary>One component that gets every message below in/.</summary>
    public const string App = """
        mote = 1
        [app]
        name = "test"
        [[trigger.mqtt]]
        topic = "in/#"
        component = "handler"
        [component.handler]
        source = "handler.wasm"
        instance = "pooled"
        [component.handler.grants]
        keyvalue = ["default"]
        publish = ["out", "counts", "alerts"]
        [component.handler.limits]
        memory = "64MiB"
        time = "500ms"
        """;

    public TestSite()
    {
        Folder = Directory.CreateTempSubdirectory("mote-node-tests-").FullName;
        File.WriteAllBytes(Path.Combine(Folder, "handler.wasm"), Handler.Wasm);
        Config = new NodeConfig { DataFolder = Path.Combine(Folder, "data"), BrokerListen = "127.0.0.1:0", Name = "test-node", Profile = ProfileKind.SmallDevice };
    }

    /// <summary>The same app, but that a message is tried only once.</summary>
    public static string AppOnce { get; } = App.Replace("component = \"handler\"", "component = \"handler\"\nretries = 0", StringComparison.Ordinal);

    public string Folder { get; }

    public NodeConfig Config { get; set; }

    public ConcurrentQueue<string> Log { get; } = new();

    public async Task<EdgeNode> Start(string manifest = App)
    {
        File.WriteAllText(Path.Combine(Folder, AppManifest.FileName), manifest);
        return await EdgeNode.StartAsync(Config, [AppManifest.Load(Folder, _ => null)], Log.Enqueue, TestContext.Current.CancellationToken);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

/// <summary>A client of a broker, and what it has received.</summary>
internal sealed class Client : IAsyncDisposable
{
    /// <summary>Ends tests that would hang; nothing takes this long when it works.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private Client(IMqttClient client) => Mqtt = client;

    public IMqttClient Mqtt { get; }

    public ConcurrentQueue<(string Topic, byte[] Data)> Received { get; } = new();

    public IEnumerable<string> Texts => Received.Select(m => Encoding.UTF8.GetString(m.Data));

    /// <summary>A client; one that is named may ask the broker to keep its session while it is away.</summary>
    public static async Task<Client> Connect(string address, string? id = null, bool keep = false)
    {
        string[] parts = address.Split(':');
        IMqttClient mqtt = new MqttClientFactory().CreateMqttClient();
        var client = new Client(mqtt);
        mqtt.ApplicationMessageReceivedAsync += e =>
        {
            client.Received.Enqueue((e.ApplicationMessage.Topic, System.Buffers.BuffersExtensions.ToArray(e.ApplicationMessage.Payload)));
            return Task.CompletedTask;
        };
        await mqtt.ConnectAsync(new MqttClientOptionsBuilder()
            .WithTcpServer(parts[0], int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture))
            .WithProtocolVersion(MQTTnet.Formatter.MqttProtocolVersion.V500)
            .WithClientId(id ?? $"test-{Guid.NewGuid():N}")
            .WithTimeout(Patience)
            .WithCleanStart(!keep)
            .WithSessionExpiryInterval(keep ? 3600u : 0)
            .Build());
        return client;
    }

    public Task<MqttClientSubscribeResult> Subscribe(string filter, int qos = 1) => Mqtt.SubscribeAsync(filter, (MqttQualityOfServiceLevel)qos);

    public Task<MqttClientPublishResult> Publish(string topic, string text, int qos = 1) => Publish(topic, Encoding.UTF8.GetBytes(text), qos);

    public Task<MqttClientPublishResult> Publish(string topic, byte[] data, int qos = 1) =>
        Mqtt.PublishAsync(new MqttApplicationMessage { Topic = topic, Payload = new(data), QualityOfServiceLevel = (MqttQualityOfServiceLevel)qos });

    public Task Until(int count) => Wait.Until(() => Received.Count >= count, () => $"{Received.Count} of {count} messages came");

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (Mqtt.IsConnected) await Mqtt.DisconnectAsync();
        }
        catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or OperationCanceledException)
        {
            // The broker is gone.
        }

        Mqtt.Dispose();
    }
}

internal static class Wait
{
    /// <summary>Waits until something is so; says what was instead where that does not come.</summary>
    public static async Task Until(Func<bool> condition, Func<string> otherwise)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Client.Patience, otherwise());
            await Task.Delay(10);
        }
    }
}
