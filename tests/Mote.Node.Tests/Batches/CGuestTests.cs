// guests/batch, which is C on the bindings that `mote bindings c` writes.
namespace Mote.Node.Tests.Batches;

public sealed class CGuestTests
{
    [Fact]
    public async Task Batch_IsAddedUp_AndWhatIsNoNumberFails()
    {
        string path = Path.Combine(Environment.GetEnvironmentVariable("MOTE_GUESTS") ?? "", "batch.wasm");
        Assert.SkipUnless(File.Exists(path), "MOTE_GUESTS names no folder with batch.wasm (./test builds it, where there is clang-19)");
        using var batches = new BatchSite();
        File.Copy(path, Path.Combine(batches.Site.Folder, "handler.wasm"), overwrite: true);
        await using EdgeNode node = await batches.Site.Start(BatchSite.App("batch = 100\nbatch-wait = \"30s\"\nretries = 0"));
        await using Client client = await Client.Connect(node.Broker!.Address), listener = await Client.Connect(node.Broker.Address);
        await listener.Subscribe("out");
        await listener.Subscribe("dead-letter/#");
        await BatchSite.Publish(client, "in/a", Enumerable.Range(1, 100).Select(i => i is 10 or 60 ? "ten" : $"{i}"));
        await listener.Until(3);
        Assert.Equal(["4980/98"], BatchSite.Outs(listener));
        Assert.Equal(["ten", "ten"], listener.Texts.Where(t => t == "ten"));
        await Wait.Until(() => node.Queues[0].Counts is { Handled: 98, Failed: 2, Waiting: 0 }, () => node.Queues[0].Counts.ToString());
        // And again in the same instance, which has given back all that it was given.
        await BatchSite.Publish(client, "in/a", Enumerable.Range(0, 1000).Select(_ => "7"));
        await listener.Until(13);
        Assert.Equal(Enumerable.Repeat("700/100", 10), BatchSite.Outs(listener).Skip(1));
        Assert.Equal(1, node.Queues[0].MicroVms.Started);
    }
}
