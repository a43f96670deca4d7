// What a backend of wasi:nn does: it keeps models and tensors, and runs the one on the others.
namespace Mote.Capabilities.Nn;

/// <summary>A model cannot be had or cannot be run: what the guest is told.</summary>
/// <param name="code">The interface's own kind of fault.</param>
/// <param name="message">What is wrong and what to do about it.</param>
public sealed class ModelException(INnErrors.ErrorCode code, string message) : Exception(message)
{
    /// <summary>The interface's own kind of fault.</summary>
    public INnErrors.ErrorCode Code { get; } = code;
}

/// <summary>An input or output of a model.</summary>
/// <param name="Name">Its name in the model.</param>
/// <param name="Type">The type of its elements; null where wasi:nn has no name for it.</param>
/// <param name="Dimensions">The size of each dimension; -1 where the model takes any.</param>
/// <param name="TypeText">The type as the backend names it.</param>
public sealed record ModelTensor(string Name, INnTensors.TensorType? Type, IReadOnlyList<long> Dimensions, string TypeText)
{
    /// <summary>As people read it: <c>float[1,3,?,?]</c>.</summary>
    public override string ToString() => $"{TypeText}[{string.Join(',', Dimensions.Select(d => d < 0 ? "?" : $"{d}"))}]";
}

/// <summary>A tensor in the host's memory.</summary>
public abstract class TensorValue : IDisposable
{
    /// <summary>The type of its elements.</summary>
    public abstract INnTensors.TensorType Type { get; }

    /// <summary>The size of each dimension, the outermost first; none for a single value.</summary>
    public abstract ReadOnlySpan<long> Dimensions { get; }

    /// <summary>Its elements, row by row, little-endian; not to be used after <see cref="Dispose"/>.</summary>
    public abstract ReadOnlyMemory<byte> Data { get; }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Bytes of one element.</summary>
    public static int SizeOf(INnTensors.TensorType type) => type switch
    {
        INnTensors.TensorType.U8 => 1,
        INnTensors.TensorType.FP16 or INnTensors.TensorType.BF16 => 2,
        INnTensors.TensorType.FP32 or INnTensors.TensorType.I32 => 4,
        _ => 8,
    };
}

/// <summary>A loaded model, for one who uses it: it stays loaded until this is disposed of, and may be shared with others.</summary>
public interface IModel : IDisposable
{
    /// <summary>What it takes.</summary>
    IReadOnlyList<ModelTensor> Inputs { get; }

    /// <summary>What it gives.</summary>
    IReadOnlyList<ModelTensor> Outputs { get; }

    /// <summary>Runs it on the calling thread. Any thread may, at the same time as others.</summary>
    /// <param name="names">The input that each tensor is.</param>
    /// <param name="inputs">The tensors, which stay the caller's.</param>
    /// <param name="end">Ends it early, between two operators.</param>
    /// <returns>The outputs that wasi:nn has a type for, each the caller's to dispose of.</returns>
    /// <exception cref="ModelException">An input does not fit, or the model failed.</exception>
    /// <exception cref="OperationCanceledException">It was ended early.</exception>
    IReadOnlyList<(string Name, TensorValue Tensor)> Run(IReadOnlyList<string> names, IReadOnlyList<TensorValue> inputs, CancellationToken end);
}

/// <summary>The models that a node's operator has given names.</summary>
public interface IModelBackend
{
    /// <summary>A tensor with these elements.</summary>
    /// <param name="type">The type of its elements.</param>
    /// <param name="dimensions">The size of each dimension.</param>
    /// <param name="data">As many bytes as type and dimensions say; they are copied.</param>
    TensorValue NewTensor(INnTensors.TensorType type, ReadOnlySpan<long> dimensions, ReadOnlySpan<byte> data);

    /// <summary>Loads a model, or takes the one that is loaded.</summary>
    /// <exception cref="ModelException">There is none of this name, or it cannot be loaded.</exception>
    Task<IModel> OpenAsync(string name);
}
