// mote model: into a data folder, out of it, and what may be wrong with a file. samples/07-inference: a model that computes
// for a component of a running node, also after its worker process was killed.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Mote.Capabilities.Tests;

namespace Mote.Cli.Tests;

public sealed class ModelTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Data => _folder["data"];

    private string[] Contents => [.. Directory.GetFiles(Path.Combine(Data, "models")).Select(f => Path.GetFileName(f)!).Where(f => f != "lock").Order(StringComparer.Ordinal)];

    private MoteResult Model(params string[] args) => MoteRun.Run(["model", .. args, "--data", Data]);

    [Fact]
    public void Add_CopiesAndShowsTheModel_List_HasIt_Remove_TakesItAway()
    {
        string file = _folder.Write("adder.onnx", OnnxFile.Add(OnnxType.Float, 2, -1));
        string added = Model("add", file).Succeeded();
        Assert.Contains("runs in a worker process", added, StringComparison.Ordinal);
        Assert.Contains("takes  a  float[2,?]", added, StringComparison.Ordinal);
        Assert.Contains("gives  y  float[2,?]", added, StringComparison.Ordinal);
        Assert.Contains("models = [\"adder\"]", added, StringComparison.Ordinal);
        using JsonDocument again = JsonDocument.Parse(Model("add", file, "--name", "same", "--trusted", "--json").Succeeded());
        string digest = again.RootElement.GetProperty("digest").GetString()!["sha256:".Length..];
        Assert.Equal(["adder.toml", "same.toml", $"sha256-{digest}.onnx"], Contents);

        JsonElement[] models = [.. JsonDocument.Parse(Model("list", "--json").Succeeded()).RootElement.GetProperty("models").EnumerateArray()];
        Assert.Equal(["adder", "same"], models.Select(m => m.GetProperty("name").GetString()));
        Assert.Equal([false, true], models.Select(m => m.GetProperty("trusted").GetBoolean()));
        Assert.Matches(@"adder +\d+ B  worker   sha256:[0-9a-f]{12}  adder\.onnx", Model("list").Succeeded());

        Model("remove", "adder").Succeeded();
        Assert.Equal(["same.toml", $"sha256-{digest}.onnx"], Contents); // another name has the bytes
        Model("remove", "same").Succeeded();
        Assert.Empty(Contents);
        Assert.Contains("`mote model list`", Model("remove", "same").FailedWith(66), StringComparison.Ordinal);
        Assert.Contains("mote model add", Model("list").Succeeded(), StringComparison.Ordinal);
    }

    [Fact]
    public void Add_OfAnotherModelUnderAName_ReplacesIt()
    {
        Model("add", _folder.Write("one.onnx", OnnxFile.Add(OnnxType.Float, 1)), "--name", "m").Succeeded();
        string[] before = Contents;
        Model("add", _folder.Write("two.onnx", OnnxFile.Add(OnnxType.Float, 2)), "--name", "m").Succeeded();
        Assert.Equal(2, Contents.Length);
        Assert.NotEqual(before, Contents);
    }

    [Theory]
    [InlineData("random")]
    [InlineData("empty")]
    [InlineData("half")]
    public void Add_OfWhatIsNoModel_LeavesNothing(string kind)
    {
        byte[] good = OnnxFile.Add(OnnxType.Float, 2), random = new byte[5000];
        new Random(1).NextBytes(random);
        string file = _folder.Write($"{kind}.onnx", kind switch { "random" => random, "empty" => [], _ => good[..(good.Length / 2)] });
        Assert.Contains(file, Model("add", file).FailedWith(65), StringComparison.Ordinal);
        Assert.Empty(Contents);
    }

    [Fact]
    public void Add_OfAModelWithWeightsBesideIt_SaysWhatToDo()
    {
        _folder.Write("weights.bin", [0, 0, 0, 0]);
        string file = _folder.Write("beside.onnx", OnnxFile.WithWeightsBeside("weights.bin"));
        Assert.Contains("save it as one file first", Model("add", file).FailedWith(65), StringComparison.Ordinal);
        Assert.Empty(Contents);
    }

    [Fact]
    public void Add_WithABadName_OrNoFile_SaysSo()
    {
        string file = _folder.Write("a b.onnx", OnnxFile.Add(OnnxType.Float, 2));
        Assert.Contains("--name NAME", Model("add", file).FailedWith(64), StringComparison.Ordinal);
        Assert.Contains("--name NAME", Model("add", file, "--name", "../x").FailedWith(64), StringComparison.Ordinal);
        Assert.Contains("no such file", Model("add", _folder["none.onnx"]).FailedWith(66), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_OfNodeToml_Win_AndThatIsSaid()
    {
        string file = _folder.Write("m.onnx", OnnxFile.Add(OnnxType.Float, 2));
        _folder.Write("mote.toml", "mote = 1\n[app]\nname = \"a\"\n");
        _folder.Write("node.toml", "[models]\nm = { file = \"m.onnx\", trusted = false }\n");
        Assert.Contains("that one is used", MoteRun.Run("model", "add", file, "--app", _folder.Path, "--data", Data).Succeeded(), StringComparison.Ordinal);
        string list = MoteRun.Run("model", "list", "--app", _folder.Path, "--data", Data).Succeeded();
        Assert.Contains("not used: node.toml has the name", list, StringComparison.Ordinal);
        Model("remove", "m").Succeeded();
        Assert.Contains("take it out of [models]", MoteRun.Run("model", "remove", "m", "--app", _folder.Path, "--data", Data).FailedWith(66), StringComparison.Ordinal);
    }

    /// <summary>A recording of a machine that is made up.</summary>
    private string Recording(string sample, string name, params string[] fault)
    {
        MoteRun.RunOther(["/usr/bin/env", "node"], [Path.Combine(sample, "training", "record.mjs"), _folder[name], "--seconds", "8", .. fault]).Succeeded();
        return _folder[name];
    }

    [Fact]
    public async Task Sample_FindsMachinesThatVibrateAsTheyShouldNot_AlsoAfterItsWorkerWasKilled()
    {
        string sample = DetectorSampleTests.Built("07-inference");
        using MoteRun up = MoteRun.Start("up", sample, "--data", Data, "--listen", "127.0.0.1:0");
        string broker = up.WaitFor("broker").Split("mqtt://")[1].Split(' ')[0];
        up.WaitFor("data      ");
        await using MqttTestClient client = await MqttTestClient.Connect(broker, "alerts");
        void Play(string file) => MoteRun.Run("simulate", "--wav", file, "--window", "1024", "--rate", "100", "--broker", $"mqtt://{broker}").Succeeded();

        Play(Recording(sample, "healthy.wav"));
        Play(Recording(sample, "loose.wav", "--looseness", "1"));
        await client.Until(all => !all.IsEmpty);
        using (JsonDocument alert = JsonDocument.Parse(Assert.Single(client.Received)))
        {
            Assert.Equal(("plant/loose/vibration", "raised"), (alert.RootElement.GetProperty("source").GetString(), alert.RootElement.GetProperty("state").GetString()));
            Assert.True(alert.RootElement.GetProperty("score").GetDouble() > 2, alert.RootElement.ToString());
        }

        Assert.Equal(1, Kill(Worker()));
        Play(Recording(sample, "bearing.wav", "--bearing", "1"));
        await client.Until(all => all.Count > 1);
        Assert.Contains(client.Received, m => m.Contains("plant/bearing/vibration", StringComparison.Ordinal) && m.Contains("raised", StringComparison.Ordinal));
        up.Signal("TERM");
        MoteResult ended = up.End();
        ended.NoInternals();
        Assert.Contains("was ended by signal 9; it is started again", ended.Error, StringComparison.Ordinal);

        // The worker has this test's data folder among its node's open files, and the sample's model as its argument.
        int[] Worker() => [.. Process.GetProcessesByName("mote").Where(p => Arguments(p.Id) is [_, "model-worker", ..] a && a[4].StartsWith(sample, StringComparison.Ordinal)).Select(p => p.Id)];
    }

    [Fact]
    public async Task Detector_SaysWhatIsInAFrame_OnceUntilItChanges()
    {
        string data = Path.Combine(Environment.GetEnvironmentVariable("MOTE_DATASETS") is { Length: > 0 } d ? d : Path.Combine(MoteBinary.Root, "..", "shared", "datasets"), "onnx-models", "fastestdet");
        Assert.SkipUnless(Directory.Exists(data), $"{data} is not there");
        string detector = Path.Combine(DetectorSampleTests.Built("07-inference/detector"), "detector.wasm");
        File.Copy(detector, _folder["detector.wasm"]);
        _folder.Write("mote.toml", """
            mote = 1
            [app]
            name = "detector"
            [[trigger.mqtt]]
            topic = "cameras/#"
            component = "detector"
            [component.detector]
            source = "detector.wasm"
            instance = "pooled"
            [component.detector.grants]
            models = ["detector"]
            publish = ["alerts"]
            [component.detector.limits]
            memory = "32MiB"
            time = "20s"
            concurrency = 1
            """);
        using MoteRun up = MoteRun.Start("up", _folder.Path, "--data", Data, "--listen", "127.0.0.1:0");
        string broker = up.WaitFor("broker").Split("mqtt://")[1].Split(' ')[0];
        up.WaitFor("data      ");
        Model("add", Path.Combine(data, "model.onnx"), "--name", "detector").Succeeded(); // the node has it at once
        await using MqttTestClient client = await MqttTestClient.Connect(broker, "alerts");
        // The model's own test: planes of blue, green and red from 0 to 1, 352 by 352.
        const int Side = 352;
        float[] planes = Floats(Path.Combine(data, "test_data_set_0", "input_0.pb"), 3 * Side * Side), expected = Floats(Path.Combine(data, "test_data_set_0", "output_0.pb"), 85 * 22 * 22);
        const int Stride = (3 * Side) + 32;
        var frame = new byte[Stride * Side];
        for (int i = 0; i < Side * Side; i++)
        {
            for (int c = 0; c < 3; c++) frame[(i / Side * Stride) + (i % Side * 3) + c] = (byte)Math.Round(planes[((2 - c) * Side * Side) + i] * 255);
        }

        (string, string)[] metadata = [("format", "rgb24"), ("width", "352"), ("height", "352"), ("stride", $"{Stride}")];
        for (int i = 0; i < 3; i++) await client.Publish("cameras/line-1", frame, "video/raw", metadata);
        await client.Publish("cameras/line-1", new byte[frame.Length], "video/raw", metadata);
        await client.Until(all => all.Count >= 2);
        JsonElement[] alerts = [.. client.Received.Select(m => JsonDocument.Parse(m).RootElement)];
        Assert.Equal(2, alerts.Length); // what was there, and that it is gone
        Assert.Equal(0, alerts[1].GetProperty("count").GetInt32());
        JsonElement[] objects = [.. alerts[0].GetProperty("objects").EnumerateArray()];
        Assert.True(objects.Count(o => o.GetProperty("label").GetString() == "person") > objects.Length / 2, alerts[0].ToString()); // the rest are mistakes of the model's
        const int Cells = 22 * 22;
        double best = Enumerable.Range(0, Cells).Max(cell => Math.Pow(expected[cell], 0.6) * Math.Pow(Enumerable.Range(5, 80).Max(p => expected[(p * Cells) + cell]), 0.4));
        Assert.Equal(best, objects[0].GetProperty("score").GetDouble(), 0.002);
        TestContext.Current.TestOutputHelper!.WriteLine(client.Received.First());
    }

    /// <summary>The raw data of a TensorProto: behind its field's number and length.</summary>
    private static float[] Floats(string file, int count)
    {
        byte[] bytes = File.ReadAllBytes(file);
        var field = new List<byte> { (9 << 3) | 2 };
        uint length = (uint)count * 4;
        for (; length >= 0x80; length >>= 7) field.Add((byte)(length | 0x80));
        field.Add((byte)length);
        int at = bytes.AsSpan().IndexOf([.. field]) + field.Count;
        var values = new float[count];
        Buffer.BlockCopy(bytes, at, values, 0, count * 4);
        return values;
    }

    private static string[] Arguments(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/cmdline").Split('\0');
        }
        catch (IOException)
        {
            return []; // it has ended
        }
    }

    private static int Kill(int[] processes)
    {
        foreach (int id in processes)
        {
            using Process process = Process.GetProcessById(id);
            process.Kill();
        }

        return processes.Length;
    }
}
