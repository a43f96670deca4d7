// The ONNX standard's own test vectors and trained models with known answers, through the backend of wasi:nn. They are in
// ../shared/datasets/onnx-models, which is no part of the project: where it is absent the tests are skipped.
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mote.Backends.OnnxRuntime;
using Mote.Capabilities.Nn;

namespace Mote.Capabilities.Tests;

public sealed class OnnxVectorsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-onnx-vectors-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task OperatorsOfTheStandard_GiveWhatItPublishes()
    {
        string zip = Path.Combine(Data(), "node-tests", "onnx_node_tests_shared.zip");
        Assert.SkipUnless(File.Exists(zip), $"{zip} is not there");
        await ZipFile.ExtractToDirectoryAsync(zip, _folder, TestContext.Current.CancellationToken);
        int run = 0, without = 0;
        var wrong = new List<string>();
        foreach (string file in Directory.GetFiles(_folder, "model.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string? fault = await Try(file, rtol: 1e-3, atol: 1e-5);
            if (fault == "") without++;
            else run++;
            if (fault is { Length: > 0 }) wrong.Add($"{Path.GetFileName(Path.GetDirectoryName(file))}: {fault}");
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        TestContext.Current.TestOutputHelper!.WriteLine($"{run} operators' tests, and {without} with types that wasi:nn has no name for");
        Assert.True(run > 200, $"{run}");
    }

    [Theory]
    [InlineData("fastestdet")]
    [InlineData("yolox-nano")]
    [InlineData("ultraface-rfb-320")]
    public async Task TrainedModels_GiveTheirKnownAnswers(string name)
    {
        string file = Path.Combine(Data(), name, "model.onnx");
        Assert.SkipUnless(File.Exists(file), $"{file} is not there");
        Assert.Null(await Try(file, rtol: 1e-3, atol: 1e-4));
    }

    /// <summary>Where the data is.</summary>
    internal static string DataFolder => Data();

    private static string Data([CallerFilePath] string here = "") =>
        Path.Combine(Environment.GetEnvironmentVariable("MOTE_DATASETS") is { Length: > 0 } d ? d : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../shared/datasets")), "onnx-models");

    /// <summary>Null where the model gives what it should, empty where it has types without a name; else what is wrong.</summary>
    private static async Task<string?> Try(string file, double rtol, double atol)
    {
        using var models = new OnnxModels(new OnnxOptions { Find = _ => new ModelFile(file) });
        using IModel model = await models.OpenAsync("m");
        if (model.Inputs.Any(i => i.Type is null) || model.Outputs.Any(o => o.Type is null)) return "";
        string vectors = Path.Combine(Path.GetDirectoryName(file)!, "test_data_set_0");
        var inputs = new List<TensorValue>();
        try
        {
            for (int i = 0; i < model.Inputs.Count; i++)
            {
                TensorProto t = TensorProto.Read(Path.Combine(vectors, $"input_{i}.pb"));
                inputs.Add(models.NewTensor(t.Type, t.Dimensions, t.Data));
            }

            IReadOnlyList<(string Name, TensorValue Tensor)> outputs = model.Run([.. model.Inputs.Select(i => i.Name)], inputs, CancellationToken.None);
            string? fault = null;
            for (int i = 0; i < outputs.Count; i++)
            {
                using TensorValue given = outputs[i].Tensor;
                fault ??= Compare(outputs[i].Name, given, TensorProto.Read(Path.Combine(vectors, $"output_{i}.pb")), rtol, atol);
            }

            return fault;
        }
        catch (ModelException e)
        {
            return $"{e.Code}: {e.Message}";
        }
        finally
        {
            foreach (TensorValue input in inputs) input.Dispose();
        }
    }

    private static string? Compare(string name, TensorValue given, TensorProto expected, double rtol, double atol)
    {
        if (given.Type != expected.Type || !given.Dimensions.SequenceEqual(expected.Dimensions)) return $"{name} is {given.Type}[{string.Join(',', given.Dimensions.ToArray())}], expected {expected.Type}[{string.Join(',', expected.Dimensions)}]";
        double[] a = Numbers(given.Type, given.Data.Span), b = Numbers(expected.Type, expected.Data);
        for (int i = 0; i < a.Length; i++)
        {
            bool same = a[i].Equals(b[i]) || Math.Abs(a[i] - b[i]) <= atol + (rtol * Math.Abs(b[i]));
            if (!same) return $"{name}[{i}] is {a[i]}, expected {b[i]}";
        }

        return null;
    }

    private static double[] Numbers(INnTensors.TensorType type, ReadOnlySpan<byte> data) => type switch
    {
        INnTensors.TensorType.FP32 => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(data).ToArray(), v => (double)v),
        INnTensors.TensorType.FP64 => MemoryMarshal.Cast<byte, double>(data).ToArray(),
        INnTensors.TensorType.FP16 => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(data).ToArray(), v => (double)v),
        INnTensors.TensorType.BF16 => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(data).ToArray(), v => (double)BitConverter.Int32BitsToSingle(v << 16)),
        INnTensors.TensorType.U8 => Array.ConvertAll(data.ToArray(), v => (double)v),
        INnTensors.TensorType.I32 => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(data).ToArray(), v => (double)v),
        _ => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(data).ToArray(), v => (double)v),
    };

    /// <summary>A TensorProto of onnx.proto, as the test vectors have it: dims, data_type, raw_data or the field of its type.</summary>
    private sealed record TensorProto(INnTensors.TensorType Type, long[] Dimensions, byte[] Data)
    {
        public static TensorProto Read(string file)
        {
            ReadOnlySpan<byte> p = File.ReadAllBytes(file);
            var dims = new List<long>();
            var data = new List<byte>();
            int type = 0;
            while (p.Length > 0)
            {
                ulong key = Varint(ref p);
                int field = (int)(key >> 3);
                ReadOnlySpan<byte> bytes = default;
                ulong number = 0;
                switch (key & 7)
                {
                    case 0:
                        number = Varint(ref p);
                        break;
                    case 2:
                        int length = (int)Varint(ref p);
                        bytes = p[..length];
                        p = p[length..];
                        break;
                    case 5:
                        bytes = p[..4];
                        p = p[4..];
                        break;
                    default:
                        bytes = p[..8];
                        p = p[8..];
                        break;
                }

                if (field == 1 && (key & 7) == 0) dims.Add((long)number);
                else if (field == 1) while (bytes.Length > 0) dims.Add((long)Varint(ref bytes));
                else if (field == 2) type = (int)number;
                else if (field is 9 or 4 or 10) data.AddRange(bytes); // raw_data, float_data, double_data: as they are in memory
                else if (field is 5 or 7)
                {
                    var numbers = new List<long>();
                    if ((key & 7) == 0) numbers.Add((long)number);
                    while (bytes.Length > 0) numbers.Add((long)Varint(ref bytes));
                    int size = TensorValue.SizeOf(Of(type));
                    foreach (long n in numbers) data.AddRange(BitConverter.GetBytes(n).AsSpan(0, size));
                }
            }

            return new TensorProto(Of(type), [.. dims], [.. data]);
        }

        private static INnTensors.TensorType Of(int type) => (OnnxType)type switch
        {
            OnnxType.Float => INnTensors.TensorType.FP32,
            OnnxType.UInt8 => INnTensors.TensorType.U8,
            OnnxType.Int32 => INnTensors.TensorType.I32,
            OnnxType.Int64 => INnTensors.TensorType.I64,
            OnnxType.Float16 => INnTensors.TensorType.FP16,
            OnnxType.Double => INnTensors.TensorType.FP64,
            OnnxType.BFloat16 => INnTensors.TensorType.BF16,
            _ => throw new InvalidDataException($"element type {type}"),
        };

        private static ulong Varint(ref ReadOnlySpan<byte> p)
        {
            ulong value = 0;
            int at = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte b = p[at++];
                value |= (ulong)(b & 0x7f) << shift;
                if (b < 0x80) break;
            }

            p = p[at..];
            return value;
        }
    }
}
