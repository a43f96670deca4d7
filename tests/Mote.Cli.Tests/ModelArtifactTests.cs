// mote model add of artifacts in a registry: pinned, checked, and nothing left of one that fails or is killed; the same model
// bound in node.toml.
using System.Text.Json;
using Mote.Capabilities.Tests;
using Mote.Tests.Servers;

namespace Mote.Cli.Tests;

public sealed class ModelArtifactTests : IDisposable
{
    private static readonly byte[] s_model = OnnxFile.Add(OnnxType.Float, 2, -1);
    private static readonly Artifact s_artifact = new(new ArtifactLayer("# Adder"u8.ToArray(), "text/markdown", "readme.md"), new ArtifactLayer(s_model, "application/onnx", null));

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Data => _folder["data"];

    private Dictionary<string, string> Variables => new() { ["DOCKER_CONFIG"] = _folder.Path };

    private string[] Contents => Directory.Exists(Path.Combine(Data, "models")) ? [.. Directory.GetFiles(Path.Combine(Data, "models")).Select(f => Path.GetFileName(f)!).Where(f => f != "lock").Order(StringComparer.Ordinal)] : [];

    private MoteResult Model(params string[] args) => MoteRun.RunWith(null, Variables, ["model", .. args, "--data", Data]);

    [Fact]
    public async Task Tag_IsPinned_AndPulled_AndNeedsNoRegistryAnyMore()
    {
        using var registry = DockerRegistry.StartNew();
        using (HttpClient http = DockerRegistry.Pusher()) await s_artifact.Push(http, registry.Url, "plant/adder", "v1");
        string pinned = $"{registry.Host}/plant/adder@{s_artifact.Digest}";
        string added = Model("add", $"{registry.Host}/plant/adder:v1").Succeeded();
        Assert.Contains($"{registry.Host}/plant/adder:v1 is now {pinned}", added, StringComparison.Ordinal);
        Assert.Contains($"adder: {Artifact.DigestOf(s_model)}", added, StringComparison.Ordinal);
        Assert.Contains("runs in a worker process", added, StringComparison.Ordinal);
        Assert.Contains("takes  a  float[2,?]", added, StringComparison.Ordinal);
        Assert.Equal(["adder.toml", $"{Artifact.DigestOf(s_model).Replace(':', '-')}.onnx"], Contents);

        using (JsonDocument again = JsonDocument.Parse(Model("add", pinned, "--name", "same", "--json").Succeeded()))
        {
            Assert.Equal((pinned, Artifact.DigestOf(s_model)), (again.RootElement.GetProperty("artifact").GetString(), again.RootElement.GetProperty("digest").GetString()));
        }

        registry.Kill();
        Model("add", pinned, "--name", "third").Succeeded(); // it is here
        Assert.Contains("refused", Model("add", $"{registry.Host}/plant/adder:v1").FailedWith(69), StringComparison.Ordinal);
        Assert.Matches($@"adder +\d+ B  worker   sha256:[0-9a-f]{{12}}  {pinned}", Model("list").Succeeded());
        foreach (string name in (string[])["adder", "same", "third"]) Model("remove", name).Succeeded();
        Assert.Empty(Contents);
    }

    [Fact]
    public async Task NodeToml_NamesIt_AndDoctorSaysThatItIsHere()
    {
        using var registry = DockerRegistry.StartNew(login: true);
        using (HttpClient http = DockerRegistry.Pusher()) await s_artifact.Push(http, registry.Url, "plant/adder", "v1");
        string pinned = $"{registry.Host}/plant/adder@{s_artifact.Digest}";
        _folder.Wasm("sink.wasm", Guests.Indiscreet);
        _folder.Write("mote.toml", "mote = 1\n[app]\nname = \"a\"\n[[trigger.mqtt]]\ntopic = \"plant/#\"\ncomponent = \"sink\"\n[component.sink]\nsource = \"sink.wasm\"\n");
        _folder.Write("password", DockerRegistry.Password);
        _folder.Write("node.toml", $"[models]\nadder = {{ oci = \"{pinned}\" }}\n[registries]\n\"{registry.Host}\" = {{ plain-http = true, user = \"{DockerRegistry.User}\", password = {{ file = \"password\" }} }}\n");
        Assert.Matches($@"adder +not here yet  worker +node\.toml: {pinned}", MoteRun.Run("model", "list", "--app", _folder.Path).Succeeded());
        using MoteRun up = MoteRun.StartWith(Variables, "up", _folder.Path, "--listen", "127.0.0.1:0");
        up.WaitFor("the model `adder` is here");
        string doctor = MoteRun.Run("doctor", _folder.Path).Out;
        Assert.Contains($"adder ({pinned}): here", doctor, StringComparison.Ordinal);
        up.Signal("TERM");
        MoteResult ended = up.End();
        ended.NoInternals();
        Assert.DoesNotContain("s3cret", ended.Out + ended.Error + doctor, StringComparison.Ordinal);
        Assert.Matches(@"adder +\d+ B  worker   sha256:[0-9a-f]{12}", MoteRun.Run("model", "list", "--app", _folder.Path).Succeeded());
    }

    [Fact]
    public async Task Fault_LeavesNothing_AndIsOneLine()
    {
        await using var notModel = ScriptedRegistry.With(new Artifact(new ArtifactLayer([1, 2, 3, 4])));
        string said = Model("add", $"{notModel.Host}/models/m:v1", "--json").Failed(65);
        Assert.Contains($"{notModel.Host}/models/m@sha256:", said, StringComparison.Ordinal);
        Assert.Empty(Contents);

        await using var liar = ScriptedRegistry.With(s_artifact, async r =>
        {
            if (!r.Path.Contains("/blobs/", StringComparison.Ordinal)) return false;
            await r.Reply(200, new byte[s_model.Length]);
            return true;
        });
        Assert.Contains("other bytes", Model("add", $"{liar.Host}/models/m@{s_artifact.Digest}").FailedWith(65), StringComparison.Ordinal);
        Assert.Contains("the registry has none", Model("add", $"{liar.Host}/models/n@{s_artifact.Digest}").FailedWith(66), StringComparison.Ordinal);
        Assert.Contains("lower-case letters", Model("add", $"{liar.Host}/Models/n:v1").FailedWith(64), StringComparison.Ordinal);
        Assert.Contains("HOST/PATH@sha256:DIGEST", Model("add", "no-such-file").FailedWith(66), StringComparison.Ordinal);
        Assert.Empty(Contents);
    }

    [Fact]
    public async Task Credentials_AreInNothingThatIsWritten()
    {
        using var registry = DockerRegistry.StartNew(login: true);
        using (HttpClient http = DockerRegistry.Pusher()) await s_artifact.Push(http, registry.Url, "plant/adder", "v1");
        void Docker(string password) => _folder.Write("config.json", $"{{\"auths\":{{\"{registry.Host}\":{{\"auth\":\"{Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{DockerRegistry.User}:{password}"))}\"}}}}}}");
        Docker("wrong-s3cret");
        string refused = Model("add", $"{registry.Host}/plant/adder:v1").FailedWith(69);
        Docker(DockerRegistry.Password);
        MoteResult added = Model("add", $"{registry.Host}/plant/adder:v1");
        added.Succeeded();
        foreach (string text in (string[])[refused, added.Out, added.Error, .. Directory.GetFiles(Data, "*", SearchOption.AllDirectories).Select(File.ReadAllText)])
        {
            Assert.DoesNotContain("s3cret", text, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToBase64String("edge:"u8.ToArray()).TrimEnd('=')[..5], text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Killed_InTheMiddle_IsGoneOnWith()
    {
        byte[] model = OnnxFile.Add(OnnxType.Float, 3);
        bool isOpen = false;
        var half = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ScriptedRegistry? registry = null;
        registry = ScriptedRegistry.With(new Artifact(new ArtifactLayer(model)), async r =>
        {
            if (!r.Path.Contains("/blobs/", StringComparison.Ordinal)) return false;
            if (Volatile.Read(ref isOpen)) return false;
            await r.Reply(200, model[..20], $"Content-Length: {model.Length}");
            half.TrySetResult();
            await Task.Delay(Timeout.Infinite, registry!.End);
            return true;
        });
        await using (registry)
        {
            using (MoteRun killed = MoteRun.StartWith(Variables, "model", "add", $"{registry.Host}/models/m:v1", "--data", Data))
            {
                await half.Task;
                killed.Signal("KILL");
                killed.End();
            }

            Assert.StartsWith("pull-", Assert.Single(Contents), StringComparison.Ordinal);
            Volatile.Write(ref isOpen, true);
            Model("add", $"{registry.Host}/models/m:v1").Succeeded();
            Assert.Equal(["m.toml", $"{Artifact.DigestOf(model).Replace(':', '-')}.onnx"], Contents);

            // To be asked to end is no kill: nothing is left of it. (SIGTERM: where this process was started with SIGINT ignored, its children ignore that too.)
            Model("remove", "m").Succeeded();
            Volatile.Write(ref isOpen, false);
            half = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using MoteRun ended = MoteRun.StartWith(Variables, "model", "add", $"{registry.Host}/models/m:v1", "--data", Data);
            await half.Task;
            ended.Signal("TERM");
            Assert.Contains("interrupted", ended.End().Error, StringComparison.Ordinal);
            Assert.Empty(Contents);
        }
    }
}
