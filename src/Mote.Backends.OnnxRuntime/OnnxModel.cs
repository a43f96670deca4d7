// A session of ONNX Runtime as a model of wasi:nn: loading it, and runs of it.
using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime;

/// <summary>A model in this process; all who use it share it.</summary>
internal sealed class OnnxModel : ILoadedModel
{
    private readonly InferenceSession _session;
    private readonly string[] _outputNames;

    private OnnxModel(InferenceSession session)
    {
        _session = session;
        Signature = new ModelSignature([.. session.InputMetadata.Select(m => Describe(m.Key, m.Value))], [.. session.OutputMetadata.Select(m => Describe(m.Key, m.Value))]);
        _outputNames = [.. Signature.Given.Select(o => o.Name)];
    }

    public ModelSignature Signature { get; }

    /// <summary>Loads a model and runs it once.</summary>
    /// <param name="name">What components call it.</param>
    /// <param name="file">Where it is.</param>
    /// <param name="threads">Threads of each run.</param>
    /// <exception cref="ModelException">It cannot be loaded.</exception>
    public static OnnxModel Load(string name, ModelFile file, int threads)
    {
        try
        {
            // By its path where it may be anything: the weights of large models are in files beside it.
            using SessionOptions options = Session(threads);
            var model = new OnnxModel(file.Digest is null ? FromPath(file.Path, options) : new InferenceSession(Pinned(name, file), options));
            model.Warm();
            return model;
        }
        catch (OnnxRuntimeException e)
        {
            throw new ModelException(INnErrors.ErrorCode.InvalidEncoding, $"the model `{name}` cannot be loaded: {file.Path}: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(INnErrors.ErrorCode.NotFound, $"the model `{name}` cannot be read: {e.Message}");
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or OutOfMemoryException)
        {
            throw new ModelException(INnErrors.ErrorCode.Unknown, $"the model `{name}` cannot be loaded: {(e.InnerException ?? e).Message}");
        }
    }

    public IReadOnlyList<(string Name, TensorValue Tensor)> Run(IReadOnlyList<string> names, IReadOnlyList<TensorValue> inputs, CancellationToken end)
    {
        Signature.Check(names, inputs);
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
                if (Signature.Inputs[Signature.IndexOf(names[i])].Dimensions.Count == 0 && tensor.Dimensions.Length == 1) single.Add(tensor = OnnxTensor.Of(tensor.Type, [], tensor.Data.Span));
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

    public void Dispose() => _session.Dispose();

    private static InferenceSession FromPath(string path, SessionOptions options)
    {
        File.OpenHandle(path).Dispose(); // what cannot be read says so in the system's words
        return new InferenceSession(path, options);
    }

    private static byte[] Pinned(string name, ModelFile file)
    {
        byte[] bytes = File.ReadAllBytes(file.Path);
        string found = Convert.ToHexStringLower(SHA256.HashData(bytes));
        return found == file.Digest ? bytes : throw new ModelException(INnErrors.ErrorCode.Security, $"the model `{name}` is not the one that is pinned: {file.Path} has the digest sha256:{found}, pinned is sha256:{file.Digest}");
    }

    /// <summary>Runs it once with zeros, so that the first real run finds everything in place. What cannot be run so is left cold.</summary>
    private void Warm()
    {
        var values = new List<TensorValue>();
        try
        {
            foreach (ModelTensor i in Signature.Inputs)
            {
                long[] shape = [.. i.Dimensions.Select(d => d < 0 ? 1 : d)];
                long bytes = shape.Aggregate((long)TensorValue.SizeOf(i.Type ?? INnTensors.TensorType.I64), (a, d) => checked(a * d));
                if (i.Type is not { } type || bytes > 64 << 20) return;
                values.Add(OnnxTensor.Of(type, shape, new byte[bytes]));
            }

            foreach ((_, TensorValue tensor) in Run([.. Signature.Inputs.Select(i => i.Name)], values, CancellationToken.None)) tensor.Dispose();
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

    private static SessionOptions Session(int threads)
    {
        var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, // what goes wrong comes as an exception
        };
        // Threads that wait for work spinning have a core each, for nothing.
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        options.AddSessionConfigEntry("session.inter_op.allow_spinning", "0");
        return options;
    }

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

    private static ModelTensor Describe(string name, NodeMetadata m)
    {
        if (m.OnnxValueType != OnnxValueType.ONNX_TYPE_TENSOR) return new ModelTensor(name, null, [], m.OnnxValueType.ToString()["ONNX_TYPE_".Length..].ToLowerInvariant());
        return new ModelTensor(name, OnnxTensor.TypeOf(m.ElementDataType), [.. m.Dimensions.Select(d => (long)d)], m.ElementDataType.ToString().ToLowerInvariant());
    }
}
