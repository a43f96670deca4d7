// A node whose component takes batches, and what it made of them.
using System.Text;

namespace Mote.Node.Tests.Batches;

internal sealed class BatchSite : IDisposable
{
    public BatchSite() => File.WriteAllBytes(Path.Combine(Site.Folder, "handler.wasm"), BatchHandlerGuest.Wasm);

    public TestSite Site { get; } = new();

    /// <summary>The app of <see cref="TestSite"/> with more to say of its trigger and of its component's limits.</summary>
    public static string App(string trigger = "", string limits = "") =>
        TestSite.App.Replace("component = \"handler\"\n", $"component = \"handler\"\n{trigger}\n", StringComparison.Ordinal)
            .Replace("\"alerts\"]", "\"batches\"]", StringComparison.Ordinal) + $"\n{limits}\n";

    public void Dispose() => Site.Dispose();

    /// <summary>Publishes texts at once, in their order, without waiting for one before the next.</summary>
    public static async Task Publish(Client client, string topic, IEnumerable<string> texts)
    {
        Task[] all = [.. texts.Select(t => client.Publish(topic, t))];
        await Task.WhenAll(all).WaitAsync(Client.Patience);
    }

    /// <summary>The batches that were handled, as their messages.</summary>
    public static string[][] Batches(Client client) => [.. client.Received.Where(m => m.Topic == "batches").Select(m => Encoding.UTF8.GetString(m.Data).Split('\n', StringSplitOptions.RemoveEmptyEntries))];

    /// <summary>What was sent on for single messages.</summary>
    public static string[] Outs(Client client) => [.. client.Received.Where(m => m.Topic == "out").Select(m => Encoding.UTF8.GetString(m.Data))];
}
