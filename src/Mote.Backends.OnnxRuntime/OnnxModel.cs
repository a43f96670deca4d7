// A session of ONNX Runtime as a model of wasi:nn: what it takes and gives, and runs of it.
using Microsoft.ML.OnnxRuntime;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime;

/// <summary>A loaded model; all who use it share it.</summary>
internal sealed class OnnxModel : IDisposable
{
    private const int MostNamed = 16;

    private readonly InferenceSession _session;
    private readonly Dictionary<string, ModelTensor> _byName;
    private readonly string[] _outputNames;

    public OnnxModel(InferenceSession session)
    {
        _session = session;
        Inputs = [.. session.InputMetadata.Select(m => Describe(m.Key, m.Value))];
        Outputs = [.. session.OutputMetadata.Select(m => Describe(m.Key, m.Value))];
        _byName = Inputs.ToDictionary(i => i.Name, StringComparer.Ordinal);
        _outputNames = [.. Outputs.Where(o => o.Type is not null).Select(o => o.Name)];
    }

    public IReadOnlyList<ModelTensor> Inputs { get; }

    public IReadOnlyList<ModelTensor> Outputs { get; }

    /// <summary>Runs it once with zeros, so that the first real run finds everything in place. What cannot be run so is left cold.</summary>
    public void Warm()
    {
        var values = new List<TensorValue>();
        try
        {
            foreach (ModelTensor i in Inputs)
            {
                long[] shape = [.. i.Dimensions.Select(d => d < 0 ? 1 : d)];
                long bytes = shape.Aggregate((long)TensorValue.SizeOf(i.Type ?? INnTensors.TensorType.I64), (a, d) => checked(a * d));
                if (i.Type is not { } type || bytes > 64 << 20) return;
                values.Add(NewTensor(type, shape, new byte[bytes]));
            }

            foreach ((_, TensorValue tensor) in Run([.. Inputs.Select(i => i.Name)], values, CancellationToken.None)) tensor.Dispose();
        }
        catch (Exception e) when (e is ModelException or OnnxRuntimeException or OverflowException)
        {
            // Zeros mean nothing to it (an index, a length): the first real run warms it.
        }
        finally
        {
            foreach (TensorValue value in values) value.Dispose();
        }
    }

    public IReadOnlyList<(string Name, TensorValue Tensor)> Run(IReadOnlyList<string> names, IReadOnlyList<TensorValue> inputs, CancellationToken end)
    {
        if (_outputNames.Length == 0) throw new ModelException(INnErrors.ErrorCode.UnsupportedOperation, $"no output of the model has a type that wasi:nn has a name for: {Text(Outputs)}");
        Check(names, inputs);
        var values = new OrtValue[inputs.Count];
        var single = new List<OnnxTensor>();
        using var options = new RunOptions();
        using CancellationTokenRegistration registration = end.Register(static o => ((RunOptions)o!).Terminate = true, options);
        try
        {
            for (int i = 0; i < values.Length; i++)
            {
                var tensor = (OnnxTensor)inputs[i];
                // The interface says that a single value has the dimensions [1]; a model may want it without any.
                if (_byName[names[i]].Dimensions.Count == 0 && tensor.Dimensions.Length == 1) single.Add(tensor = NewTensor(tensor.Type, [], tensor.Data.Span));
                values[i] = tensor.Value;
            }

            return Take(_session.Run(options, names, values, _outputNames));
        }
        catch (OnnxRuntimeException e)
        {
            end.ThrowIfCancellationRequested();
            bool argument = e.Message.StartsWith("[ErrorCode:InvalidArgument]", StringComparison.Ordinal);
            throw new ModelException(argument ? INnErrors.ErrorCode.InvalidArgument : INnErrors.ErrorCode.RuntimeError, e.Message);
        }
        finally
        {
            foreach (OnnxTensor tensor in single) tensor.Dispose();
        }
    }

    public static OnnxTensor NewTensor(INnTensors.TensorType type, ReadOnlySpan<long> dimensions, ReadOnlySpan<byte> data)
    {
        OrtValue value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, OnnxTensor.ElementTypeOf(type), dimensions.ToArray());
        try
        {
            if (data.Length > 0) data.CopyTo(value.GetTensorMutableRawData());
            return new OnnxTensor(value, type);
        }
        catch
        {
            value.Dispose();
            throw;
        }
    }

    public void Dispose() => _session.Dispose();

    /// <summary>The outputs one by one; the collection itself, which would dispose of them all, is left to the collector.</summary>
    private List<(string, TensorValue)> Take(IReadOnlyList<OrtValue> outputs)
    {
        var taken = new List<(string, TensorValue)>(outputs.Count);
        try
        {
            for (int i = 0; i < outputs.Count; i++)
            {
                OrtValue value = outputs[i];
                if (!value.IsTensor || OnnxTensor.TypeOf(value.GetTensorTypeAndShape().ElementDataType) is not { } type)
                {
                    throw new ModelException(INnErrors.ErrorCode.UnsupportedOperation, $"the output `{_outputNames[i]}` is no tensor that wasi:nn has a type for");
                }

                taken.Add((_outputNames[i], new OnnxTensor(value, type)));
            }

            return taken;
        }
        catch
        {
            foreach (OrtValue value in outputs) value.Dispose();
            throw;
        }
    }

    private void Check(IReadOnlyList<string> names, IReadOnlyList<TensorValue> inputs)
    {
        for (int i = 0; i < names.Count; i++)
        {
            if (!_byName.TryGetValue(names[i], out ModelTensor? input)) throw Invalid($"the model has no input `{Short(names[i])}`: it has {Text(Inputs)}");
            for (int j = 0; j < i; j++)
            {
                if (names[j] == names[i]) throw Invalid($"the input `{names[i]}` is given twice");
            }

            TensorValue tensor = inputs[i];
            if (input.Type is null) throw new ModelException(INnErrors.ErrorCode.UnsupportedOperation, $"the input `{input.Name}` is {input}, which wasi:nn has no type for");
            if (input.Type != tensor.Type || !Fits(input.Dimensions, tensor.Dimensions)) throw Invalid($"the input `{input.Name}` is {input}, given was {tensor.Type}[{string.Join(',', tensor.Dimensions.ToArray())}]");
        }

        if (names.Count == Inputs.Count) return;
        throw Invalid($"the model has {Inputs.Count} inputs, given were {names.Count}: {Text([.. Inputs.Where(i => !names.Contains(i.Name))])} is missing");
    }

    private static bool Fits(IReadOnlyList<long> wanted, ReadOnlySpan<long> given)
    {
        if (wanted.Count == 0) return given is [] or [1];
        if (wanted.Count != given.Length) return false;
        for (int i = 0; i < given.Length; i++)
        {
            if (wanted[i] >= 0 && wanted[i] != given[i]) return false;
        }

        return true;
    }

    private static ModelException Invalid(string message) => new(INnErrors.ErrorCode.InvalidArgument, message);

    private static string Short(string name) => name.Length <= 100 ? name : $"{name[..100]}…";

    private static string Text(IReadOnlyList<ModelTensor> tensors) =>
        $"{string.Join(", ", tensors.Take(MostNamed).Select(t => $"`{t.Name}` {t}"))}{(tensors.Count > MostNamed ? $" and {tensors.Count - MostNamed} more" : "")}";

    private static ModelTensor Describe(string name, NodeMetadata m)
    {
        if (m.OnnxValueType != OnnxValueType.ONNX_TYPE_TENSOR) return new ModelTensor(name, null, [], m.OnnxValueType.ToString()["ONNX_TYPE_".Length..].ToLowerInvariant());
        return new ModelTensor(name, OnnxTensor.TypeOf(m.ElementDataType), [.. m.Dimensions.Select(d => (long)d)], m.ElementDataType.ToString().ToLowerInvariant());
    }
}
