// The program as a process of its own, publishers that outlive it, and what arrived at its collector.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;

namespace Mote.Node.Tests;

internal static class NodeProcess
{
    /// <summary>Publishes message after message, over new connections where old ones end; keeps the ids of those that were acknowledged.</summary>
    public static async Task Publish(int port, ConcurrentBag<string> acknowledged, Func<string> next, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using Client client = await Client.Connect($"127.0.0.1:{port}");
                while (!stop.IsCancellationRequested)
                {
                    string id = next();
                    if ((await client.Publish("in/a", id).WaitAsync(stop)).IsSuccess) acknowledged.Add(id);
                }
            }
            catch (Exception e) when (e is MQTTnet.Exceptions.MqttCommunicationException or OperationCanceledException or SocketException or InvalidOperationException)
            {
                // It is not there yet, or not any more.
                await Task.Delay(5, CancellationToken.None);
            }
        }
    }

    /// <summary>The data of the events in the collector's file; its last line may be half of one.</summary>
    public static IEnumerable<string> ArrivedIn(string file)
    {
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            int at = line.IndexOf("\"data_base64\":\"", StringComparison.Ordinal);
            if (at < 0) continue;
            at += 15;
            int end = line.IndexOf('"', at);
            if (end > 0) yield return System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(line[at..end]));
        }
    }

    public static Process Start(string program, string folder, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, ["up", folder]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
