// Sends a simulation's messages to a broker at their times.
using System.Buffers;
using System.Diagnostics;
using Mote.Packaging;
using MQTTnet;
using MQTTnet.Diagnostics.Logger;
using MQTTnet.Protocol;

namespace Mote.Cli.Simulation;

/// <summary>What was sent.</summary>
/// <param name="Messages">Messages that the broker has.</param>
/// <param name="Bytes">Their topics and data.</param>
/// <param name="Elapsed">How long it took.</param>
/// <param name="Behind">How much later than planned the last one went: the broker makes a publisher wait when its components cannot keep up.</param>
internal readonly record struct PublishSummary(long Messages, long Bytes, TimeSpan Elapsed, TimeSpan Behind);

/// <summary>Publishes with up to <see cref="Window"/> messages on the way.</summary>
internal static class Publisher
{
    private const int Window = 64;

    /// <summary>Sends all messages, or until asked to stop.</summary>
    /// <exception cref="CliException">The broker is not there, goes away or refuses a message.</exception>
    public static async Task<PublishSummary> RunAsync(Uri broker, int qos, IEnumerable<SimulatedMessage> messages, CancellationToken token)
    {
        using IMqttClient client = new MqttClientFactory(new MqttNetNullLogger()).CreateMqttClient();
        int port = broker.IsDefaultPort || broker.Port < 0 ? 1883 : broker.Port;
        MqttClientOptionsBuilder options = new MqttClientOptionsBuilder()
            .WithTcpServer(broker.Host, port)
            .WithProtocolVersion(MQTTnet.Formatter.MqttProtocolVersion.V500)
            .WithTimeout(TimeSpan.FromSeconds(30));
        if (broker.UserInfo.Split(':', 2) is { Length: 2 } user) options = options.WithCredentials(Uri.UnescapeDataString(user[0]), Uri.UnescapeDataString(user[1]));
        try
        {
            await client.ConnectAsync(options.Build(), token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or MQTTnet.Adapter.MqttConnectingFailedException)
        {
            throw new CliException(ExitCode.Unavailable, $"no MQTT broker answers at {broker.Host}:{port}: {e.GetBaseException().Message}; `mote up` starts one, --broker names another");
        }

        using var room = new SemaphoreSlim(Window);
        long start = Stopwatch.GetTimestamp(), sent = 0, bytes = 0;
        TimeSpan behind = TimeSpan.Zero;
        Exception? failure = null;
        try
        {
            foreach (SimulatedMessage m in messages)
            {
                TimeSpan early = m.At - Stopwatch.GetElapsedTime(start);
                // Timers are no finer than a millisecond: what falls into the same one goes together.
                if (early > TimeSpan.FromMilliseconds(1)) await Task.Delay(early, token).ConfigureAwait(false);
                await room.WaitAsync(token).ConfigureAwait(false);
                if (failure is not null) break;
                behind = -early;
                _ = Send(m);
            }
        }
        catch (OperationCanceledException)
        {
            // Asked to stop: what is on the way is waited for below.
        }

        for (int i = 0; i < Window; i++) await room.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        if (failure is not null) throw new CliException(ExitCode.Unavailable, $"the broker at {broker.Host}:{port} went away or refused a message after {sent} messages: {failure.Message}");
        await client.DisconnectAsync(new MqttClientDisconnectOptions(), CancellationToken.None).ConfigureAwait(false);
        return new PublishSummary(sent, bytes, elapsed, behind > TimeSpan.Zero ? behind : TimeSpan.Zero);

        async Task Send(SimulatedMessage m)
        {
            try
            {
                MqttClientPublishResult result = await client.PublishAsync(
                    new MqttApplicationMessage
                    {
                        Topic = m.Topic,
                        Payload = new ReadOnlySequence<byte>(m.Payload),
                        ContentType = m.ContentType,
                        QualityOfServiceLevel = (MqttQualityOfServiceLevel)qos,
                    },
                    CancellationToken.None).ConfigureAwait(false);
                if (!result.IsSuccess) throw new IOException($"{result.ReasonCode} {result.ReasonString}");
                Interlocked.Increment(ref sent);
                Interlocked.Add(ref bytes, m.Payload.Length + m.Topic.Length);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
            finally
            {
                room.Release();
            }
        }
    }
}
