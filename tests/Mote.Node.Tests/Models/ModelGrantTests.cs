// An app whose manifest grants a model: the node finds it by its name, in node.toml or among those that were added, and the
// component's messages are computed by it.
using System.Runtime.InteropServices;
using Mote.Capabilities.Tests;
using Mote.Packaging;

namespace Mote.Node.Tests.Models;

public sealed class ModelGrantTests
{
    private static byte[] Floats(params float[] values) => MemoryMarshal.AsBytes<float>(values).ToArray();

    private static string Model(TestSite site)
    {
        string file = Path.Combine(site.Folder, "neg.onnx");
        File.WriteAllBytes(file, NegSite.Model);
        return file;
    }

    [Fact]
    public async Task Component_ComputesWithTheModelThatItIsGranted()
    {
        using TestSite site = NegSite.Make();
        site.Config = site.Config with { Models = new ModelsConfig { Files = new Dictionary<string, ModelConfig> { ["neg"] = new(Model(site)) } } };
        await using EdgeNode node = await site.Start(NegSite.App);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        for (int i = 0; i < 3; i++) await client.Publish("in/a", Floats(i, -2.5f));
        await client.Until(3);
        Assert.Equal([Floats(-0f, 2.5f), Floats(-1, 2.5f), Floats(-2, 2.5f)], client.Received.Select(m => m.Data));
        Assert.Equal(3, node.Queues[0].Counts.Handled);
    }

    [Fact]
    public async Task ModelThatIsAddedWhileTheNodeRuns_IsFound()
    {
        using TestSite site = NegSite.Make();
        await using EdgeNode node = await site.Start(NegSite.App);
        Assert.Contains(site.Log, l => l.Contains("mote model add FILE.onnx --name neg", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        await client.Publish("in/a", Floats(1, 2));
        Assert.Equal(1, node.Queues[0].Counts.Failed);

        var store = new ModelStore(site.Config.DataFolder);
        using (store.Hold()) store.Give("neg", store.Import(Model(site)).Digest, trusted: true, "neg.onnx");
        await client.Publish("in/a", Floats(1, 2));
        await client.Until(1);
        Assert.Equal(Floats(-1, -2), client.Received.Single().Data);
    }

    [Fact]
    public async Task ModelThatIsNotGranted_IsDenied_WithTheLineThatAllowsIt()
    {
        using TestSite site = NegSite.Make();
        site.Config = site.Config with { Models = new ModelsConfig { Files = new Dictionary<string, ModelConfig> { ["neg"] = new(Model(site)) } } };
        await using EdgeNode node = await site.Start(NegSite.App.Replace("models = [\"neg\"]\n", "", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Publish("in/a", Floats(1, 2));
        Assert.Equal((0L, 1L), (node.Queues[0].Counts.Handled, node.Queues[0].Counts.Failed));
        Assert.Contains(site.Log, l => l.Contains("models = [\"neg\"]", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NameOfNodeToml_Wins_AndThatIsSaid()
    {
        using TestSite site = NegSite.Make();
        site.Config = site.Config with { Models = new ModelsConfig { Files = new Dictionary<string, ModelConfig> { ["neg"] = new(Model(site)) } } };
        File.WriteAllBytes(Path.Combine(site.Folder, "other.onnx"), OnnxFile.Of("Abs", OnnxType.Float, [2], OnnxType.Float, [2]));
        var store = new ModelStore(site.Config.DataFolder);
        using (store.Hold()) store.Give("neg", store.Import(Path.Combine(site.Folder, "other.onnx")).Digest, trusted: true, "other.onnx");
        await using EdgeNode node = await site.Start(NegSite.App);
        Assert.Contains(site.Log, l => l.Contains("that of `mote model add` is not used", StringComparison.Ordinal));
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        await client.Publish("in/a", Floats(1, 2));
        await client.Until(1);
        Assert.Equal(Floats(-1, -2), client.Received.Single().Data);
    }

    [Fact]
    public async Task ModelThatIsNotTrusted_IsNotRunInTheNode_WhereItHasNoWorker()
    {
        using TestSite site = NegSite.Make();
        site.Config = site.Config with { Models = new ModelsConfig { Files = new Dictionary<string, ModelConfig> { ["neg"] = new(Model(site), null, Trusted: false) } } };
        await using EdgeNode node = await site.Start(NegSite.App);
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Publish("in/a", Floats(1, 2));
        Assert.Equal((0L, 1L), (node.Queues[0].Counts.Handled, node.Queues[0].Counts.Failed));
    }
}
