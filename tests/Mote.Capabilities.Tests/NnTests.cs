// wasi:nn as a guest meets it, on ONNX Runtime.
using System.Diagnostics;
using System.Security.Cryptography;
using Mote.Backends.OnnxRuntime;
using Mote.Capabilities.Nn;
using Mote.Components;
using Mote.Runtime;
using Mote.Wasmtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests;

public sealed class NnTests : IDisposable
{
    private const string Version = "@0.2.0-rc-2024-10-28";
    private const string Tensors = "wasi:nn/tensor" + Version, Graphs = "wasi:nn/graph" + Version, Inference = "wasi:nn/inference" + Version, Errors = "wasi:nn/errors" + Version;

    private readonly string _folder = Directory.CreateTempSubdirectory("mote-nn-tests-").FullName;
    private readonly Dictionary<string, ModelFile> _files = [];
    private readonly List<IDisposable> _used = [];
    private OnnxModels? _models;

    public void Dispose()
    {
        foreach (IDisposable it in Enumerable.Reverse(_used)) it.Dispose();
        _models?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Add(string name, byte[] model, string? digest = null)
    {
        string path = Path.Combine(_folder, $"{name}.onnx");
        File.WriteAllBytes(path, model);
        _files[name] = new ModelFile(path, digest);
        return path;
    }

    private Guest Start(string[] granted, MicroVmLimits? limits = null, long maxBytes = 512 << 20)
    {
        _models ??= new OnnxModels(new OnnxOptions { Find = _files.GetValueOrDefault, MaxBytes = maxBytes });
        Guest guest = Guest.Start(new CapabilitySet(new NnCapability(_models)), App(new Grants { Models = granted }, limits), Tensors, Graphs, Inference, Errors);
        _used.Add(guest);
        return guest;
    }

    private static void Drop(Value resource) => ((ResourceValue)resource).Handle.Drop();

    private static Value Context(Guest guest, string name) => guest.Ok(Graphs, "[method]graph.init-execution-context", guest.Ok(Graphs, "load-by-name", S(name))!)!;

    private static Value Tensor(Guest guest, string type, uint[] dimensions, byte[] data) =>
        guest.Call(Tensors, "[constructor]tensor", List([.. dimensions.Select(d => U(d))]), new EnumValue(type), Bytes(data))!;

    private static byte[] Floats(params float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    private static Value Compute(Guest guest, Value context, params (string Name, Value Tensor)[] inputs) =>
        guest.Call(Inference, "[method]graph-execution-context.compute", context, List([.. inputs.Select(i => Pair(S(i.Name), i.Tensor))]))!;

    /// <summary>The kind of a fault, and its words.</summary>
    private static (string Code, string Words) Fault(Guest guest, Value result)
    {
        var r = (ResultValue)result;
        Assert.False(r.IsOk);
        return (Show(guest.Call(Errors, "[method]error.code", r.Payload!)), ((StringValue)guest.Call(Errors, "[method]error.data", r.Payload!)!).Value);
    }

    private static (string Name, string Dimensions, string Type, byte[] Data)[] Outputs(Guest guest, Value result)
    {
        var r = (ResultValue)result;
        Assert.True(r.IsOk, r.IsOk ? "" : Fault(guest, result).Words);
        return [.. ((ListValue)r.Payload!).Items.Select(i =>
        {
            var pair = (TupleValue)i;
            Value tensor = pair.Items[1];
            return (((StringValue)pair.Items[0]).Value, Show(guest.Call(Tensors, "[method]tensor.dimensions", tensor)), Show(guest.Call(Tensors, "[method]tensor.ty", tensor)), BytesOf(guest.Call(Tensors, "[method]tensor.data", tensor)));
        })];
    }

    [Theory]
    [InlineData("FP16", OnnxType.Float16, 2)]
    [InlineData("FP32", OnnxType.Float, 4)]
    [InlineData("FP64", OnnxType.Double, 8)]
    [InlineData("BF16", OnnxType.BFloat16, 2)]
    [InlineData("U8", OnnxType.UInt8, 1)]
    [InlineData("I32", OnnxType.Int32, 4)]
    [InlineData("I64", OnnxType.Int64, 8)]
    public void Tensors_OfEachType_GoThroughAModel_BitForBit(string type, object onnx, int size)
    {
        Add("same", OnnxFile.Of("Identity", (OnnxType)onnx, [2, -1], (OnnxType)onnx, [2, -1]));
        Guest guest = Start(["same"]);
        byte[] data = new byte[2 * 3 * size];
        new Random(1).NextBytes(data);
        Value context = Context(guest, "same");
        for (int round = 0; round < 3; round++)
        {
            (string name, string dimensions, string ty, byte[] given) = Assert.Single(Outputs(guest, Compute(guest, context, ("x", Tensor(guest, type, [2, 3], data)))));
            Assert.Equal(("y", "[2, 3]", type), (name, dimensions, ty));
            Assert.Equal(data, given);
        }
    }

    [Fact]
    public void NamedInputs_MayComeInAnyOrder()
    {
        Add("add", OnnxFile.Add(OnnxType.Float, 2));
        Guest guest = Start(["add"]);
        Value context = Context(guest, "add");
        Assert.Equal(Floats(11, 22), Outputs(guest, Compute(guest, context, ("b", Tensor(guest, "FP32", [2], Floats(10, 20))), ("a", Tensor(guest, "FP32", [2], Floats(1, 2)))))[0].Data);
    }

    [Fact]
    public void SingleValue_HasTheDimensionsOne_WhereTheModelHasNone()
    {
        Add("single", OnnxFile.Of("Neg", OnnxType.Float, [], OnnxType.Float, []));
        Guest guest = Start(["single"]);
        Value context = Context(guest, "single");
        (_, string dimensions, _, byte[] data) = Outputs(guest, Compute(guest, context, ("x", Tensor(guest, "FP32", [1], Floats(2.5f)))))[0];
        Assert.Equal("[1]", dimensions);
        Assert.Equal(Floats(-2.5f), data);
    }

    [Fact]
    public void WhatIsNotGranted_OrNotThere_IsTheInterfacesOwnError()
    {
        Add("here", OnnxFile.Add(OnnxType.Float, 2));
        Guest guest = Start(["here", "gone"]);
        Assert.Equal(("security", "the model `other` is not granted: models = [\"other\"]"), Fault(guest, guest.Call(Graphs, "load-by-name", S("other"))!));
        Assert.Contains(guest.Denials, d => d.Contains("models = [\"other\"]", StringComparison.Ordinal));
        (string code, string words) = Fault(guest, guest.Call(Graphs, "load-by-name", S("gone"))!);
        Assert.Equal("not-found", code);
        Assert.Contains("gone = \"FILE.onnx\"", words, StringComparison.Ordinal);
        (code, words) = Fault(guest, guest.Call(Graphs, "load", List(Bytes(OnnxFile.Add(OnnxType.Float, 2))), new EnumValue("onnx"), new EnumValue("cpu"))!);
        Assert.Equal("security", code);
        Assert.Contains("load-by-name", words, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutModels_TheNodeSaysSo()
    {
        using Guest guest = Guest.Start(new CapabilitySet(new NnCapability(null)), App(new Grants { Models = ["m"] }), Tensors, Graphs, Inference, Errors);
        (string code, string words) = Fault(guest, guest.Call(Graphs, "load-by-name", S("m"))!);
        Assert.Equal("not-found", code);
        Assert.Contains("[models] of node.toml", words, StringComparison.Ordinal);
    }

    [Fact]
    public void HostileTensors_AreFaultsOfTheCall_AndTheModelGoesOn()
    {
        Add("add", OnnxFile.Add(OnnxType.Float, 2, 2));
        Guest guest = Start(["add"], new MicroVmLimits { MemoryBytes = 4 << 20, Time = TimeSpan.FromSeconds(30) });
        Value context = Context(guest, "add");
        Value Good() => Tensor(guest, "FP32", [2, 2], Floats(1, 2, 3, 4));
        void Refused(string code, string words, params (string, Value)[] inputs)
        {
            (string c, string w) = Fault(guest, Compute(guest, context, inputs));
            Assert.Equal(code, c);
            Assert.Contains(words, w, StringComparison.Ordinal);
            Assert.Equal(Floats(2, 4, 6, 8), Outputs(guest, Compute(guest, context, ("a", Good()), ("b", Good())))[0].Data);
        }

        Refused("invalid-argument", "has 16 bytes of data, this one 15", ("a", Good()), ("b", Tensor(guest, "FP32", [2, 2], new byte[15])));
        Refused("invalid-argument", "18446744073709551615 bytes", ("a", Tensor(guest, "FP64", [uint.MaxValue, uint.MaxValue, uint.MaxValue], [])), ("b", Good()));
        Refused("invalid-argument", "at most 32 dimensions, this one 33", ("a", Tensor(guest, "U8", [.. Enumerable.Repeat(1u, 33)], [1])), ("b", Good()));
        Refused("invalid-argument", "is float[2,2], given was FP32[4]", ("a", Tensor(guest, "FP32", [4], Floats(1, 2, 3, 4))), ("b", Good()));
        Refused("invalid-argument", "is float[2,2], given was I32[2,2]", ("a", Tensor(guest, "I32", [2, 2], new byte[16])), ("b", Good()));
        Refused("invalid-argument", "is float[2,2], given was FP32[2,0]", ("a", Tensor(guest, "FP32", [2, 0], [])), ("b", Good()));
        Refused("invalid-argument", "the model has no input `c`: it has `a` float[2,2], `b` float[2,2]", ("a", Good()), ("c", Good()));
        Refused("invalid-argument", "`a` is given twice", ("a", Good()), ("a", Good()));
        Refused("invalid-argument", "`b` float[2,2] is missing", ("a", Good()));
        Refused("invalid-argument", "2 inputs, given were 0");
        Value large = Tensor(guest, "U8", [2_500_000], new byte[2_500_000]);
        Refused("too-large", "raise `memory`", ("a", Tensor(guest, "U8", [2_000_000], new byte[2_000_000])), ("b", Good()));
        Drop(large);
        Refused("invalid-argument", "is float[2,2], given was U8[2000000]", ("a", Tensor(guest, "U8", [2_000_000], new byte[2_000_000])), ("b", Good())); // there is room again
    }

    [Fact]
    public void OutputOfATypeWithoutAName_IsUnsupported()
    {
        Add("nan", OnnxFile.Of("IsNaN", OnnxType.Float, [2], OnnxType.Bool, [2]));
        Guest guest = Start(["nan"]);
        (string code, string words) = Fault(guest, Compute(guest, Context(guest, "nan"), ("x", Tensor(guest, "FP32", [2], Floats(1, 2)))));
        Assert.Equal("unsupported-operation", code);
        Assert.Contains("`y` bool[2]", words, StringComparison.Ordinal);
    }

    [Fact]
    public void CorruptModels_AreNotLoaded_AndNothingFalls()
    {
        byte[] good = OnnxFile.Add(OnnxType.Float, 2);
        Add("good", good);
        Add("empty", []);
        int seed = Seeds.Of(5);
        var random = new Random(seed);
        var names = new List<string> { "empty" };
        for (int i = 0; i < 60; i++)
        {
            byte[] bytes = i % 3 == 0 ? good[..random.Next(good.Length)] : [.. good];
            for (int k = 0; k < 1 + (i % 4) && i % 3 != 0; k++) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (i % 10 == 9) random.NextBytes(bytes);
            names.Add($"bad{i}");
            Add(names[^1], bytes);
        }

        Guest guest = Start([.. names, "good"]);
        foreach (string name in names)
        {
            var r = (ResultValue)guest.Call(Graphs, "load-by-name", S(name))!;
            if (r.IsOk) continue; // some changes leave a model
            (string code, string words) = Fault(guest, r);
            Assert.True(code == "invalid-encoding", $"{name}: {code} {words} (seed {seed})");
            Assert.Contains(name, words, StringComparison.Ordinal);
        }

        Assert.Equal(Floats(4, 6), Outputs(guest, Compute(guest, Context(guest, "good"), ("a", Tensor(guest, "FP32", [2], Floats(1, 2))), ("b", Tensor(guest, "FP32", [2], Floats(3, 4)))))[0].Data);
    }

    [Fact]
    public void PinnedModel_IsLoadedOnlyWhereItsDigestIsRight()
    {
        byte[] model = OnnxFile.Add(OnnxType.Float, 2);
        string digest = Convert.ToHexStringLower(SHA256.HashData(model));
        Add("right", model, digest);
        Add("wrong", OnnxFile.Add(OnnxType.Float, 3), digest);
        Guest guest = Start(["right", "wrong"]);
        Assert.NotNull(Context(guest, "right"));
        (string code, string words) = Fault(guest, guest.Call(Graphs, "load-by-name", S("wrong"))!);
        Assert.Equal("security", code);
        Assert.Contains($"pinned is sha256:{digest}", words, StringComparison.Ordinal);
    }

    [Fact]
    public void Models_AreShared_AndTheOldestWithoutUsersGoes()
    {
        foreach (string name in (string[])["a", "b", "c"]) Add(name, OnnxFile.Add(OnnxType.Float, 2));
        long size = new FileInfo(_files["a"].Path).Length;
        Guest guest = Start(["a", "b", "c"], maxBytes: 2 * size);
        Guest other = Start(["a", "b", "c"]);
        Value first = guest.Ok(Graphs, "load-by-name", S("a"))!, again = other.Ok(Graphs, "load-by-name", S("a"))!;
        Assert.Equal((1, size), _models!.Loaded);
        Value second = guest.Ok(Graphs, "load-by-name", S("b"))!;
        (string code, string words) = Fault(guest, guest.Call(Graphs, "load-by-name", S("c"))!);
        Assert.Equal("too-large", code);
        Assert.Contains("`memory` under [inference]", words, StringComparison.Ordinal);
        Drop(second);
        Value context = guest.Ok(Graphs, "[method]graph.init-execution-context", first)!;
        Drop(first);
        other.Dispose(); // with what it has left behind
        Value third = guest.Ok(Graphs, "load-by-name", S("c"))!; // in b's place: a has a user, the context
        Assert.Equal((2, 2 * size), _models.Loaded);
        Assert.Equal(Floats(2, 2), Outputs(guest, Compute(guest, context, ("a", Tensor(guest, "FP32", [2], Floats(1, 1))), ("b", Tensor(guest, "FP32", [2], Floats(1, 1)))))[0].Data);
        Drop(third);
        Drop(context);
    }

    [Fact]
    public void ModelThatTakesTooLong_EndsWithTheCallsDeadline_AndOthersMayUseIt()
    {
        Add("loop", OnnxFile.Loop());
        Guest before = Start(["loop"]);
        Assert.NotNull(Context(before, "loop")); // loading it is not what takes too long here
        var limits = new MicroVmLimits { MemoryBytes = 1 << 20, Time = TimeSpan.FromMilliseconds(300) };
        Guest guest = Start(["loop"], limits);
        Value context = Context(guest, "loop");
        Value n = Tensor(guest, "I64", [1], BitConverter.GetBytes(1L << 60)), x = Tensor(guest, "FP32", [2], Floats(0, 0));
        long start = Stopwatch.GetTimestamp();
        TrapException e = Assert.Throws<TrapException>(() => Compute(guest, context, ("n", n), ("x", x)));
        Assert.IsType<DeadlineException>(e.InnerException);
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(5));

        Guest next = Start(["loop"]);
        Assert.Equal(Floats(8, 16), Outputs(next, Compute(next, Context(next, "loop"), ("n", Tensor(next, "I64", [1], BitConverter.GetBytes(3L))), ("x", Tensor(next, "FP32", [2], Floats(1, 2)))))[0].Data);

        Guest cancelled = Start(["loop"]);
        Value loop = Context(cancelled, "loop"), many = Tensor(cancelled, "I64", [1], BitConverter.GetBytes(1L << 60)), zero = Tensor(cancelled, "FP32", [2], Floats(0, 0));
        using var timer = new Timer(_ => cancelled.Vm.Cancel(new TrapException("nobody wants it any more")), null, 100, Timeout.Infinite);
        Assert.Contains("nobody wants it", Assert.ThrowsAny<Exception>(() => Compute(cancelled, loop, ("n", many), ("x", zero))).ToString(), StringComparison.Ordinal);
    }
}
