// A client of a node's broker.
using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using MQTTnet;
using MQTTnet.Protocol;

namespace Mote.Cli.Tests;

internal sealed class MqttTestClient : IAsyncDisposable
{
    /// <summary>Ends tests that would hang; nothing takes this long when it works.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly IMqttClient _client = new MqttClientFactory().CreateMqttClient();
    private readonly SemaphoreSlim _came = new(0);

    private MqttTestClient() => _client.ApplicationMessageReceivedAsync += e =>
    {
        Received.Enqueue(Encoding.UTF8.GetString(System.Buffers.BuffersExtensions.ToArray(e.ApplicationMessage.Payload)));
        _came.Release();
        return Task.CompletedTask;
    };

    /// <summary>Texts of the messages that came.</summary>
    public ConcurrentQueue<string> Received { get; } = new();

    /// <summary>Connects to host:port and subscribes.</summary>
    public static async Task<MqttTestClient> Connect(string address, string topic)
    {
        var client = new MqttTestClient();
        string[] parts = address.Split(':');
        await client._client.ConnectAsync(new MqttClientOptionsBuilder().WithTcpServer(parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture)).WithTimeout(s_patience).WithProtocolVersion(MQTTnet.Formatter.MqttProtocolVersion.V500).Build(), TestContext.Current.CancellationToken);
        await client._client.SubscribeAsync(topic, MqttQualityOfServiceLevel.AtLeastOnce, TestContext.Current.CancellationToken);
        return client;
    }

    /// <summary>Publishes, and returns when the broker has it.</summary>
    public async Task Publish(string topic, string text)
    {
        MqttClientPublishResult result = await _client.PublishStringAsync(topic, text, MqttQualityOfServiceLevel.AtLeastOnce, cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(result.IsSuccess, $"{result.ReasonCode} {result.ReasonString}");
    }

    /// <summary>Publishes bytes of a type, with metadata, and returns when the broker has them.</summary>
    public async Task Publish(string topic, byte[] data, string type, params (string Key, string Value)[] metadata)
    {
        MqttApplicationMessageBuilder message = new MqttApplicationMessageBuilder().WithTopic(topic).WithPayload(data).WithContentType(type).WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce);
        foreach ((string key, string value) in metadata) message = message.WithUserProperty(key, Encoding.UTF8.GetBytes(value));
        MqttClientPublishResult result = await _client.PublishAsync(message.Build(), TestContext.Current.CancellationToken);
        Assert.True(result.IsSuccess, $"{result.ReasonCode} {result.ReasonString}");
    }

    /// <summary>Waits until something is so of what has come.</summary>
    public async Task Until(Func<ConcurrentQueue<string>, bool> condition)
    {
        while (!condition(Received)) Assert.True(await _came.WaitAsync(s_patience, TestContext.Current.CancellationToken), $"{Received.Count} messages came, and not those that were to come; the last: {Received.LastOrDefault()}");
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisconnectAsync();
        _client.Dispose();
        _came.Dispose();
    }
}
