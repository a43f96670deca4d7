// Models of node.toml that are artifacts of a registry: pulled while the node runs, used without the registry afterwards,
// and an error of the interface until they are here.
using System.Runtime.InteropServices;
using Mote.Capabilities.Tests;
using Mote.Packaging;
using Mote.Packaging.Oci;
using Mote.Tests.Servers;

namespace Mote.Node.Tests.Models;

public sealed class ArtifactModelTests
{
    /// <summary>A microVM for each message: none of them has the model from before.</summary>
    private static readonly string s_app = NegSite.App.Replace("instance = \"pooled\"", "", StringComparison.Ordinal);

    private static readonly Artifact s_artifact = new(new ArtifactLayer(NegSite.Model, Title: "neg.onnx"));

    private static TestSite Site(params (string Name, string Reference)[] models)
    {
        TestSite site = NegSite.Make();
        Bind(site, models);
        return site;
    }

    private static void Bind(TestSite site, params (string Name, string Reference)[] models) =>
        site.Config = site.Config with { Models = new ModelsConfig { Artifacts = models.ToDictionary(m => m.Name, m => new ArtifactModel(OciReference.Parse(m.Reference, out _)!, Trusted: true)) } };

    private static string Folder(TestSite site) => Path.Combine(site.Config.DataFolder, "models");

    private static string[] Files(TestSite site) => [.. Directory.GetFiles(Folder(site)).Select(f => Path.GetFileName(f)!).Where(f => f != "lock").Order(StringComparer.Ordinal)];

    private static byte[] Floats(params float[] values) => MemoryMarshal.AsBytes<float>(values).ToArray();

    private static Task Here(EdgeNode node, TestSite site) => Wait.Until(() => node.Status().Models!.All(m => m.State == "here"), () => $"{string.Join('\n', node.Status().Models!)}\n{string.Join('\n', site.Log)}");

    /// <summary>A message that the component computes with the model.</summary>
    private static async Task Computes(EdgeNode node)
    {
        await using Client client = await Client.Connect(node.Broker!.Address);
        await client.Subscribe("out");
        await client.Publish("in/a", Floats(1, -2.5f));
        await client.Until(1);
        Assert.Equal(Floats(-1, 2.5f), client.Received.Single().Data);
    }

    [Fact]
    public async Task Model_IsPulled_AndThereAfterwards_WithoutTheRegistry()
    {
        using var registry = DockerRegistry.StartNew();
        using (HttpClient http = DockerRegistry.Pusher()) await s_artifact.Push(http, registry.Url, "plant/neg", "v1");
        using TestSite site = Site(("neg", $"{registry.Host}/plant/neg@{s_artifact.Digest}"));
        await using (EdgeNode node = await site.Start(s_app))
        {
            await Here(node, site);
            await Computes(node);
            Assert.Contains(site.Log, l => l.Contains($"`neg` is pulled from {registry.Host}/plant/neg@sha256:", StringComparison.Ordinal));
            Assert.Contains(site.Log, l => l.Contains("the model `neg` is here, after", StringComparison.Ordinal));
        }

        registry.Kill();
        site.Log.Clear();
        await using (EdgeNode node = await site.Start(s_app))
        {
            await Computes(node);
            await Here(node, site);
            Assert.DoesNotContain(site.Log, l => l.Contains("models", StringComparison.Ordinal) && l.Contains("pulled", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Registry_ThatIsNotThereYet_IsWaitedFor_AndTheModelIsNotFoundUntilThen()
    {
        bool isUp = false;
        await using var registry = ScriptedRegistry.With(s_artifact, async r =>
        {
            if (Volatile.Read(ref isUp)) return false;
            await r.Reply(503);
            return true;
        });
        using TestSite site = Site(("neg", $"{registry.Host}/models/m@{s_artifact.Digest}"));
        await using EdgeNode node = await site.Start(s_app);
        await Wait.Until(() => node.Status().Models!.Single().Fault is not null, () => "no attempt failed");
        ModelStatus waiting = node.Status().Models!.Single();
        Assert.Equal(("neg", "waiting"), (waiting.Name, waiting.State));
        Assert.Contains("answered 503", waiting.Fault, StringComparison.Ordinal);
        await using (Client client = await Client.Connect(node.Broker!.Address)) await client.Publish("in/a", Floats(1, 2));
        Assert.Equal((0L, 1L), (node.Queues[0].Counts.Handled, node.Queues[0].Counts.Failed));
        Volatile.Write(ref isUp, true);
        await Here(node, site);
        await Computes(node);
        // What is tried again and again is said once.
        Assert.Single(site.Log, l => l.Contains("cannot be pulled", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Download_ThatBrokeOffWithTheNode_IsGoneOnWith()
    {
        byte[] large = new byte[400_000];
        new Random(3).NextBytes(large);
        var artifact = new Artifact(new ArtifactLayer(large));
        var half = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ScriptedRegistry? registry = null;
        registry = ScriptedRegistry.With(artifact, async r =>
        {
            if (!r.Path.Contains("/blobs/", StringComparison.Ordinal)) return false;
            if (r.Header("range") is { } range)
            {
                int from = int.Parse(range["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture);
                await r.Reply(206, large[from..], $"Content-Range: bytes {from}-{large.Length - 1}/{large.Length}");
                return true;
            }

            await r.Reply(200, large[..200_000], $"Content-Length: {large.Length}");
            half.TrySetResult();
            await Task.Delay(Timeout.Infinite, registry!.End);
            return true;
        });
        await using (registry)
        {
            using TestSite site = Site(("neg", $"{registry.Host}/models/m@{artifact.Digest}"));
            await using (EdgeNode node = await site.Start(s_app))
            {
                await half.Task;
                await Wait.Until(() => node.Status().Models!.Single().Bytes == 200_000, () => $"{node.Status().Models!.Single()}");
            }

            Assert.Equal(200_000, new FileInfo(Path.Combine(Folder(site), Assert.Single(Files(site)))).Length);
            await using (EdgeNode node = await site.Start(s_app)) await Here(node, site);
            Assert.Contains(registry.Requests, r => r.Range == "bytes=200000-");
            Assert.Equal([$"{artifact.Digest.Replace(':', '-')}.artifact", $"{Artifact.DigestOf(large).Replace(':', '-')}.onnx"], Files(site).OrderBy(f => f.EndsWith(".onnx", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task ModelThatIsDamagedOnDisk_IsPulledAgain()
    {
        await using var registry = ScriptedRegistry.With(s_artifact);
        using TestSite site = Site(("neg", $"{registry.Host}/models/m@{s_artifact.Digest}"));
        await using (EdgeNode node = await site.Start(s_app)) await Here(node, site);
        string file = Path.Combine(Folder(site), Files(site).Single(f => f.EndsWith(".onnx", StringComparison.Ordinal)));
        byte[] bytes = File.ReadAllBytes(file);
        bytes[5] ^= 1;
        File.WriteAllBytes(file, bytes);
        await using (EdgeNode node = await site.Start(s_app))
        {
            await Here(node, site);
            await Computes(node);
        }

        Assert.Contains(site.Log, l => l.Contains("is damaged on disk", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ArtifactThatIsNotNamedAnyMore_GoesWhenTheNewOneIsHere_AndNotBefore()
    {
        bool isUp = false;
        var newer = new Artifact(new ArtifactLayer(OnnxFile.Of("Neg", OnnxType.Float, [-1], OnnxType.Float, [-1])));
        await using var registry = ScriptedRegistry.With(s_artifact);
        await using var other = ScriptedRegistry.With(newer, async r =>
        {
            if (Volatile.Read(ref isUp)) return false;
            await r.Reply(503);
            return true;
        });
        using TestSite site = Site(("neg", $"{registry.Host}/models/m@{s_artifact.Digest}"), ("again", $"{registry.Host}/models/m@{s_artifact.Digest}"));
        await using (EdgeNode node = await site.Start(s_app)) await Here(node, site);
        Assert.Single(registry.Requests, r => r.Path.Contains("/blobs/", StringComparison.Ordinal)); // two names, one artifact
        string[] before = Files(site);
        Bind(site, ("neg", $"{other.Host}/models/m@{newer.Digest}"));
        await using (EdgeNode node = await site.Start(s_app))
        {
            await Wait.Until(() => node.Status().Models!.Single().Fault is not null, () => "no attempt failed");
            Assert.Equal(before, Files(site));
            Volatile.Write(ref isUp, true);
            await Here(node, site);
            await Wait.Until(() => !Files(site).Intersect(before).Any(), () => string.Join('\n', Files(site)));
            Assert.Equal(2, Files(site).Length);
            await Computes(node);
        }
    }

    [Fact]
    public async Task ModelOfABadArtifact_LeavesTheNodeAndOtherModelsAlone()
    {
        await using var registry = ScriptedRegistry.With(s_artifact);
        await using var liar = ScriptedRegistry.With(new Artifact(new ArtifactLayer([1])));
        using TestSite site = Site(("bad", $"{liar.Host}/models/m@{s_artifact.Digest[..^2]}00"), ("neg", $"{registry.Host}/models/m@{s_artifact.Digest}"));
        await using EdgeNode node = await site.Start(s_app);
        await Wait.Until(() => node.Status().Models!.Single(m => m.Name == "bad").Fault?.Contains("another digest", StringComparison.Ordinal) == true && node.Status().Models!.Single(m => m.Name == "neg").State == "here", () => string.Join('\n', node.Status().Models!));
        await Computes(node);
    }

    [Fact]
    public async Task CredentialsOfNodeToml_AreInNoLine()
    {
        const string Secret = "hunter2-planted";
        await using var registry = new ScriptedRegistry(r => r.Header("authorization") is not { } said
            ? r.Reply(401, "", "WWW-Authenticate: Basic realm=\"r\"") : r.Reply(500, $$"""{"errors":[{"code":"UNKNOWN","message":"{{said}} {{Secret}}"}] }"""));
        using TestSite site = Site(("neg", $"{registry.Host}/models/m@{s_artifact.Digest}"));
        string file = Path.Combine(site.Folder, "node.toml");
        File.WriteAllText(file, $"[registries]\n\"{registry.Host}\" = {{ plain-http = true, user = \"edge\", password = \"{Secret}\" }}\n");
        site.Config = site.Config with { Registries = NodeConfig.Load(file, new NodeConfig()).Registries };
        await using EdgeNode node = await site.Start(s_app);
        await Wait.Until(() => node.Status().Models!.Single().Fault is not null, () => "no attempt failed");
        Assert.Contains("answered 500: UNKNOWN", node.Status().Models!.Single().Fault, StringComparison.Ordinal);
        string all = string.Join('\n', site.Log) + node.Status().Models!.Single();
        Assert.DoesNotContain("hunter2", all, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"edge:{Secret}")), all, StringComparison.Ordinal);
        Assert.Contains(registry.Requests, r => r.Authorization is not null);
    }
}
