// Models in worker processes: the same answers as in this process, and none of what a hostile model or its worker does
// reaches further than the call.
using System.Diagnostics;
using System.Globalization;
using Mote.Backends.OnnxRuntime;
using Mote.Backends.OnnxRuntime.Isolation;
using Mote.Capabilities.Nn;

namespace Mote.Capabilities.Tests.Isolation;

public sealed class ModelWorkerTests : IDisposable
{
    /// <summary>Long enough for any machine; nothing waits so long unless it hangs.</summary>
    private static readonly TimeSpan s_forever = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("mote-worker-tests-").FullName;
    private readonly List<IDisposable> _used = [];
    private readonly List<string> _log = [];

    public void Dispose()
    {
        foreach (IDisposable it in Enumerable.Reverse(_used)) it.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Write(string name, byte[] model)
    {
        string path = Path.Combine(_folder, $"{name}.onnx");
        File.WriteAllBytes(path, model);
        return path;
    }

    private ModelWorkerOptions Options => new()
    {
        Program = Environment.ProcessPath!,
        Lanes = 2,
        Log = line =>
        {
            lock (_log) _log.Add(line);
        },
    };

    private IsolatedModel Start(string name, byte[] model, ModelWorkerOptions? options = null)
    {
        var started = new IsolatedModel(name, new ModelFile(Write(name, model), null, Trusted: false), 1, options ?? Options, TimeProvider.System);
        _used.Add(started);
        return started;
    }

    private OnnxTensor Tensor(INnTensors.TensorType type, long[] dimensions, byte[] data)
    {
        OnnxTensor tensor = OnnxTensor.Of(type, dimensions, data);
        _used.Add(tensor);
        return tensor;
    }

    private OnnxTensor Floats(params float[] values) => Tensor(INnTensors.TensorType.FP32, [values.Length], [.. values.SelectMany(BitConverter.GetBytes)]);

    private OnnxTensor Count(long n) => Tensor(INnTensors.TensorType.I64, [1], BitConverter.GetBytes(n));

    private static byte[] RunOf(ILoadedModel model, CancellationToken end, params (string Name, TensorValue Tensor)[] inputs)
    {
        (_, TensorValue tensor) = Assert.Single(model.Run([.. inputs.Select(i => i.Name)], [.. inputs.Select(i => i.Tensor)], end));
        using (tensor) return tensor.Data.ToArray();
    }

    private static float[] FloatsOf(byte[] bytes) => [.. Enumerable.Range(0, bytes.Length / 4).Select(i => BitConverter.ToSingle(bytes, i * 4))];

    private static async Task Signal(string signal, int process)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", process.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, kill.ExitCode);
    }

    private static async Task Until(Func<bool> isSo, string what)
    {
        long began = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < s_forever, what);
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    private static bool Lives(int process)
    {
        try
        {
            // A process that nobody has asked after yet is still listed, as a zombie.
            return !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException or IOException)
        {
            return false;
        }
    }

    private static double CpuTicks(int process)
    {
        string[] fields = File.ReadAllText($"/proc/{process}/stat").Split(") ")[1].Split(' ');
        return double.Parse(fields[11], CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData(INnTensors.TensorType.FP16, OnnxType.Float16, 2)]
    [InlineData(INnTensors.TensorType.FP32, OnnxType.Float, 4)]
    [InlineData(INnTensors.TensorType.FP64, OnnxType.Double, 8)]
    [InlineData(INnTensors.TensorType.BF16, OnnxType.BFloat16, 2)]
    [InlineData(INnTensors.TensorType.U8, OnnxType.UInt8, 1)]
    [InlineData(INnTensors.TensorType.I32, OnnxType.Int32, 4)]
    [InlineData(INnTensors.TensorType.I64, OnnxType.Int64, 8)]
    public void Tensors_OfEachTypeAndManySizes_ComeBackBitForBit(INnTensors.TensorType type, object onnx, int size)
    {
        IsolatedModel model = Start("same", OnnxFile.Of("Identity", (OnnxType)onnx, [-1], (OnnxType)onnx, [-1]));
        var random = new Random(1);
        foreach (int n in (int[])[1, 0, 7, 100_000, 3, 1_000_000, 2])
        {
            byte[] data = new byte[n * size];
            random.NextBytes(data);
            IReadOnlyList<(string Name, TensorValue Tensor)> outputs = model.Run(["x"], [Tensor(type, [n], data)], CancellationToken.None);
            (string name, TensorValue tensor) = Assert.Single(outputs);
            Assert.Equal(("y", type, n), (name, tensor.Type, (int)tensor.Dimensions[0]));
            Assert.True(data.AsSpan().SequenceEqual(tensor.Data.Span), $"{n} elements");
            tensor.Dispose();
        }
    }

    [Fact]
    public void TrainedModels_GiveWhatTheyGiveInThisProcess_BitForBit()
    {
        string[] files = Directory.Exists(OnnxVectorsTests.DataFolder) ? Directory.GetFiles(OnnxVectorsTests.DataFolder, "model.onnx", SearchOption.AllDirectories) : [];
        Assert.SkipWhen(files.Length == 0, $"{OnnxVectorsTests.DataFolder} has no models");
        foreach (string file in files)
        {
            using OnnxModel here = OnnxModel.Load("here", new ModelFile(file), 1);
            if (here.Signature.Inputs.Any(i => i.Type is not INnTensors.TensorType.FP32)) continue;
            using var there = new IsolatedModel("there", new ModelFile(file, null, Trusted: false), 1, Options, TimeProvider.System);
            Assert.True(here.Signature.IsSameAs(there.Signature));
            var random = new Random(2);
            var inputs = new List<TensorValue>();
            foreach (ModelTensor i in here.Signature.Inputs)
            {
                long[] shape = [.. i.Dimensions.Select(d => d < 0 ? 1 : d)];
                var values = new byte[4 * shape.Aggregate(1L, (a, d) => a * d)];
                for (int k = 0; k < values.Length; k += 4) BitConverter.TryWriteBytes(values.AsSpan(k), random.NextSingle());
                inputs.Add(Tensor(INnTensors.TensorType.FP32, shape, values));
            }

            string[] names = [.. here.Signature.Inputs.Select(i => i.Name)];
            foreach (((string name, TensorValue a), (_, TensorValue b)) in here.Run(names, inputs, CancellationToken.None).Zip(there.Run(names, inputs, CancellationToken.None)))
            {
                Assert.True(a.Dimensions.SequenceEqual(b.Dimensions) && a.Data.Span.SequenceEqual(b.Data.Span), $"{file} {name}");
            }
        }
    }

    [Fact]
    public void WhatDoesNotFit_IsRefusedHere()
    {
        IsolatedModel model = Start("add", OnnxFile.Add(OnnxType.Float, 2));
        ModelException e = Assert.Throws<ModelException>(() => model.Run(["a", "b"], [Floats(1, 2), Floats(1, 2, 3)], CancellationToken.None));
        Assert.Equal((INnErrors.ErrorCode.InvalidArgument, "the input `b` is float[2], given was FP32[3]"), (e.Code, e.Message));
        Assert.Equal([4f, 6], FloatsOf(RunOf(model, CancellationToken.None, ("b", Floats(3, 4)), ("a", Floats(1, 2)))));
    }

    [Fact]
    public async Task WorkerThatIsKilledInARun_FailsThatRunOnly_AndIsStartedAgain()
    {
        IsolatedModel model = Start("loop", OnnxFile.Loop()), other = Start("add", OnnxFile.Add(OnnxType.Float, 2));
        int first = (await model.Worker).Id, others = (await other.Worker).Id;
        double began = CpuTicks(first);
        Task<byte[]> run = Task.Run(() => RunOf(model, CancellationToken.None, ("n", Count(1L << 60)), ("x", Floats(0, 0))), TestContext.Current.CancellationToken);
        await Until(() => CpuTicks(first) > began + 5, "it does not run");
        await Signal("KILL", first);
        ModelException e = await Assert.ThrowsAsync<ModelException>(() => run.WaitAsync(s_forever, TestContext.Current.CancellationToken));
        Assert.Equal(INnErrors.ErrorCode.RuntimeError, e.Code);
        Assert.Contains("was ended by signal 9", e.Message, StringComparison.Ordinal);

        long killed = Stopwatch.GetTimestamp();
        Assert.Equal([8f, 16], FloatsOf(RunOf(model, CancellationToken.None, ("n", Count(3)), ("x", Floats(1, 2)))));
        TestContext.Current.TestOutputHelper!.WriteLine($"it answers again after {Stopwatch.GetElapsedTime(killed).TotalMilliseconds:0} ms");
        Assert.NotEqual(first, (await model.Worker).Id);
        Assert.Equal(others, (await other.Worker).Id);
        Assert.Equal([4f, 6], FloatsOf(RunOf(other, CancellationToken.None, ("a", Floats(1, 2)), ("b", Floats(3, 4)))));
        lock (_log) Assert.Contains("`loop` was ended by signal 9; it is started again", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WorkerThatIsKilledBetweenRuns_IsThereForTheNext()
    {
        IsolatedModel model = Start("add", OnnxFile.Add(OnnxType.Float, 2));
        WorkerProcess first = await model.Worker;
        await Signal("KILL", first.Id);
        await first.Ended.WaitAsync(s_forever, TestContext.Current.CancellationToken);
        await Until(() => model.Worker is { IsCompletedSuccessfully: true } w && w.Result != first, "it is not started again by itself");
        Assert.Equal([4f, 6], FloatsOf(RunOf(model, CancellationToken.None, ("a", Floats(1, 2)), ("b", Floats(3, 4)))));
    }

    [Fact]
    public async Task RunWhoseTimeIsOver_Ends_AndTheWorkerStays()
    {
        IsolatedModel model = Start("loop", OnnxFile.Loop(), Options with { Grace = s_forever });
        int worker = (await model.Worker).Id;
        for (int i = 0; i < 3; i++)
        {
            using var end = new CancellationTokenSource(TimeSpan.FromMilliseconds(i == 0 ? 0 : 100));
            Assert.ThrowsAny<OperationCanceledException>(() => RunOf(model, end.Token, ("n", Count(1L << 60)), ("x", Floats(0, 0))));
        }

        Assert.Equal([8f, 16], FloatsOf(RunOf(model, CancellationToken.None, ("n", Count(3)), ("x", Floats(1, 2)))));
        Assert.Equal(worker, (await model.Worker).Id);
    }

    [Fact]
    public async Task WorkerThatStopsAnswering_IsEndedWithTheCall_AndStartedAgain()
    {
        IsolatedModel model = Start("add", OnnxFile.Add(OnnxType.Float, 2));
        int first = (await model.Worker).Id;
        await Signal("STOP", first);
        using var end = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Run(() => RunOf(model, end.Token, ("a", Floats(1, 2)), ("b", Floats(3, 4)))).WaitAsync(s_forever, TestContext.Current.CancellationToken));
        Assert.Equal([4f, 6], FloatsOf(RunOf(model, CancellationToken.None, ("a", Floats(1, 2)), ("b", Floats(3, 4)))));
        Assert.False(Lives(first));
        lock (_log) Assert.Contains("did not end a run within 500 ms after its time was over", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task NodeThatIsKilled_TakesItsWorkersWithIt()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Program.NodeCommand, Write("loop", OnnxFile.Loop())]) { RedirectStandardOutput = true };
        using Process node = Process.Start(start)!;
        int worker = int.Parse((await node.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!, CultureInfo.InvariantCulture);
        double began = CpuTicks(worker);
        await Until(() => CpuTicks(worker) > began + 5, "it does not run");
        node.Kill();
        await Until(() => !Lives(worker), "the worker goes on without its node");
    }

    [Fact]
    public async Task Worker_LeavesNothing_AndIsGoneWithItsModel()
    {
        string[] Mine() => Directory.Exists("/dev/shm") ? Directory.GetDirectories("/dev/shm", "mote-*") : [];
        string[] before = Mine();
        int worker;
        using (var model = new IsolatedModel("add", new ModelFile(Write("add", OnnxFile.Add(OnnxType.Float, 2)), null, Trusted: false), 1, Options, TimeProvider.System))
        {
            worker = (await model.Worker).Id;
            string environment = await File.ReadAllTextAsync($"/proc/{worker}/environ", TestContext.Current.CancellationToken);
            Assert.DoesNotContain("HOME=", environment, StringComparison.Ordinal);
        }

        Assert.False(Lives(worker));
        Assert.Empty(Mine().Except(before));
    }

    [Fact]
    public async Task ManyCallers_EachGetTheirOwnAnswer()
    {
        IsolatedModel model = Start("add", OnnxFile.Add(OnnxType.Float, -1));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(caller => Task.Run(() =>
        {
            for (int i = 0; i < 300; i++)
            {
                float[] values = [.. Enumerable.Range(0, 1 + (i * 37 % 2000)).Select(k => (float)((caller * 10_000) + i + k))];
                byte[] data = [.. values.SelectMany(BitConverter.GetBytes)];
                using OnnxTensor a = OnnxTensor.Of(INnTensors.TensorType.FP32, [values.Length], data), b = OnnxTensor.Of(INnTensors.TensorType.FP32, [values.Length], data);
                Assert.Equal(values.Select(v => v + v), FloatsOf(RunOf(model, CancellationToken.None, ("a", a), ("b", b))));
            }
        })));
    }

    [Fact]
    public async Task TenThousandRuns_TakeNoMoreMemory()
    {
        IsolatedModel model = Start("add", OnnxFile.Add(OnnxType.Float, -1));
        int worker = (await model.Worker).Id;
        var values = new float[4000];
        OnnxTensor a = Floats(values), b = Floats(values);
        void Many(int n)
        {
            for (int i = 0; i < n; i++) model.Run(["a", "b"], [a, b], CancellationToken.None)[0].Tensor.Dispose();
        }

        Many(10_000);
        (long here, long there) = (Resident(Environment.ProcessId), Resident(worker));
        Many(10_000);
        (long hereAfter, long thereAfter) = (Resident(Environment.ProcessId), Resident(worker));
        TestContext.Current.TestOutputHelper!.WriteLine($"node {here >> 10} -> {hereAfter >> 10} KiB, worker {there >> 10} -> {thereAfter >> 10} KiB");
        // 10,000 outputs of 16 kB are 160 MB: what is kept of each, if anything, is less than 2 % of one.
        Assert.InRange(hereAfter - here, long.MinValue, 32 << 20);
        Assert.InRange(thereAfter - there, long.MinValue, 16 << 20);
    }

    private static long Resident(int process)
    {
        GC.Collect();
        return 4096 * long.Parse(File.ReadAllText($"/proc/{process}/statm").Split(' ')[1], CultureInfo.InvariantCulture);
    }

    public static TheoryData<string> HostileFiles => ["random", "empty", "truncated", "long-field", "nested", "huge-tensor", "huge-tensor-with-data", "many-names"];

    [Theory]
    [MemberData(nameof(HostileFiles))]
    public void HostileFile_IsAFault_AndNothingFalls(string kind)
    {
        byte[] good = OnnxFile.Add(OnnxType.Float, 2);
        byte[] random = new byte[100_000];
        new Random(3).NextBytes(random);
        byte[] file = kind switch
        {
            "random" => random,
            "empty" => [],
            "truncated" => good[..(good.Length / 2)],
            "long-field" => [0x3a, 0xff, 0xff, 0xff, 0xff, 0x07, .. good],
            "nested" => OnnxFile.Nested(2_000),
            "huge-tensor" => OnnxFile.WithInitializer([1L << 40], []),
            "huge-tensor-with-data" => OnnxFile.WithInitializer([1L << 62, 4], new byte[64]),
            _ => OnnxFile.ManyNodes(200_000),
        };
        try
        {
            Start(kind, file, Options with { LoadTime = TimeSpan.FromSeconds(60), MemoryBytes = 512 << 20 });
            Assert.Equal("many-names", kind); // that one is only long
        }
        catch (ModelException e)
        {
            Assert.True(e.Code is INnErrors.ErrorCode.InvalidEncoding, $"{e.Code}: {e.Message}");
            Assert.Contains(kind, e.Message, StringComparison.Ordinal);
        }

        Assert.Equal([4f, 6], FloatsOf(RunOf(Start("good", good), CancellationToken.None, ("a", Floats(1, 2)), ("b", Floats(3, 4)))));
    }

    [Fact]
    public void RunThatTakesMoreMemoryThanItMay_Fails_AndTheNextDoesNot()
    {
        IsolatedModel model = Start("fill", OnnxFile.Of("ConstantOfShape", OnnxType.Int64, [1], OnnxType.Float, [-1]), Options with { MemoryBytes = 512 << 20, TensorBytes = 1 << 20 });
        ModelException e = Assert.Throws<ModelException>(() => RunOf(model, CancellationToken.None, ("x", Count(1L << 28))));
        Assert.Equal(INnErrors.ErrorCode.RuntimeError, e.Code);
        e = Assert.Throws<ModelException>(() => RunOf(model, CancellationToken.None, ("x", Count(1 << 19))));
        Assert.Equal(INnErrors.ErrorCode.TooLarge, e.Code);
        Assert.Equal(new float[5], FloatsOf(RunOf(model, CancellationToken.None, ("x", Count(5)))));
        e = Assert.Throws<ModelException>(() => RunOf(Start("same", OnnxFile.Of("Identity", OnnxType.UInt8, [-1], OnnxType.UInt8, [-1]), Options with { TensorBytes = 1 << 20 }), CancellationToken.None, ("x", Tensor(INnTensors.TensorType.U8, [2 << 20], new byte[2 << 20]))));
        Assert.Equal(INnErrors.ErrorCode.TooLarge, e.Code);
    }

    public static TheoryData<string> LiesWhenLoading => [.. LyingWorker.WhenLoading];

    [Theory]
    [MemberData(nameof(LiesWhenLoading))]
    public void LieWhereAModelWasToBeLoaded_IsAFault(string lie)
    {
        ModelException e = Assert.Throws<ModelException>(() => Start(lie, [], Options with { LoadTime = TimeSpan.FromSeconds(lie == "lie-nothing" ? 2 : 60) }));
        Assert.Equal(INnErrors.ErrorCode.InvalidEncoding, e.Code);
        Assert.Contains("its worker process", e.Message, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper!.WriteLine(e.Message);
    }

    public static TheoryData<string> LiesWhenRunning => [.. LyingWorker.WhenRunning];

    [Theory]
    [MemberData(nameof(LiesWhenRunning))]
    public async Task LieWhereARunWasToEnd_IsAFaultOfTheRun_AndTheWorkerIsReplaced(string lie)
    {
        IsolatedModel model = Start(lie, [], Options with { Lanes = 1 });
        WorkerProcess first = await model.Worker;
        ModelException e = Assert.Throws<ModelException>(() => RunOf(model, CancellationToken.None, ("x", Floats(1, 2))));
        Assert.Equal(INnErrors.ErrorCode.RuntimeError, e.Code);
        await first.Ended.WaitAsync(s_forever, TestContext.Current.CancellationToken);
        await Until(() => model.Worker is { IsCompletedSuccessfully: true } w && w.Result != first, "it is not started again");
        TestContext.Current.TestOutputHelper!.WriteLine(e.Message);
    }

    [Fact]
    public async Task WorkerThatLeavesAProcessBehind_IsNotWaitedFor()
    {
        IsolatedModel model = Start(LyingWorker.LeavesAChild, [], Options with { Lanes = 1 });
        try
        {
            Task<ModelException> run = Task.Run(() => Assert.Throws<ModelException>(() => RunOf(model, CancellationToken.None, ("x", Floats(1, 2)))), TestContext.Current.CancellationToken);
            Assert.Contains("ended with 7", (await run.WaitAsync(s_forever, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
            await Task.Run(model.Dispose, TestContext.Current.CancellationToken).WaitAsync(s_forever, TestContext.Current.CancellationToken);
        }
        finally
        {
            await Signal("KILL", int.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, $"{LyingWorker.LeavesAChild}.onnx.child"), TestContext.Current.CancellationToken), CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public async Task WorkerThatEndsAgainAndAgain_IsStartedMoreAndMoreSeldom()
    {
        IsolatedModel model = Start("lie-run-exit", [], Options with { Lanes = 1 });
        string last = "";
        for (int i = 0; i < 20 && !last.Contains("in a row", StringComparison.Ordinal); i++)
        {
            ModelException e = await Task.Run(() => Assert.Throws<ModelException>(() => RunOf(model, CancellationToken.None, ("x", Floats(1, 2))))).WaitAsync(s_forever, TestContext.Current.CancellationToken);
            Assert.Equal(INnErrors.ErrorCode.RuntimeError, e.Code);
            last = e.Message;
        }

        Assert.Matches(@"has ended \d+ times in a row: it is started again in \d+\.\d s", last);
    }

    [Fact]
    public async Task ModelThatIsNotTrusted_IsNotLoadedHere_WhereThereIsNoWorker()
    {
        var file = new ModelFile(Write("add", OnnxFile.Add(OnnxType.Float, 2)), null, Trusted: false);
        using var models = new OnnxModels(new OnnxOptions { Find = _ => file });
        ModelException e = await Assert.ThrowsAsync<ModelException>(() => models.OpenAsync("add"));
        Assert.Equal(INnErrors.ErrorCode.Security, e.Code);
        using var isolated = new OnnxModels(new OnnxOptions { Find = _ => file, Worker = Options });
        using IModel model = await isolated.OpenAsync("add");
        using TensorValue y = model.Run(["a", "b"], [Floats(1, 2), Floats(3, 4)], CancellationToken.None)[0].Tensor;
        Assert.Equal([4f, 6], FloatsOf(y.Data.ToArray()));
    }

    [Fact]
    public async Task Fault_OfAnyKind_LeavesNoEntry()
    {
        string file = Write("add", OnnxFile.Add(OnnxType.Float, 2));
        using var models = new OnnxModels(new OnnxOptions { Find = _ => new ModelFile(file) }, static (_, _) => throw new InvalidOperationException("of a kind that nobody thought of"));
        ModelException e = await Assert.ThrowsAsync<ModelException>(() => models.OpenAsync("add"));
        Assert.Equal(INnErrors.ErrorCode.Unknown, e.Code);
        Assert.Contains("nobody thought of", e.Message, StringComparison.Ordinal);
        Assert.Equal((0, 0), models.Loaded);
    }
}
