// A tensor in ONNX Runtime's own memory: what a guest gives is copied in once, what a model gives is copied out once.
using System.Buffers;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime;

internal sealed class OnnxTensor : TensorValue
{
    private readonly ElementBytes _elements;
    private readonly long[] _dimensions;
    private readonly TensorPool? _pool;
    private int _disposed;

    /// <summary>Takes a value over, where it does not throw.</summary>
    /// <param name="value">The value.</param>
    /// <param name="type">The type of its elements.</param>
    /// <param name="pool">Who gets it when it is dropped; null for nobody.</param>
    /// <exception cref="ModelException">It has more bytes than one piece of memory may have.</exception>
    public OnnxTensor(OrtValue value, INnTensors.TensorType type, TensorPool? pool = null)
    {
        _pool = pool;
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        Type = type;
        _dimensions = info.Shape;
        long bytes = info.ElementCount * SizeOf(type);
        if (bytes > Array.MaxLength)
        {
            throw new ModelException(INnErrors.ErrorCode.TooLarge, $"a tensor of {bytes} bytes: at most {Array.MaxLength} can be given to a component");
        }

        _elements = new ElementBytes(value, (int)bytes);
    }

    /// <summary>A tensor with these elements, which are copied; its memory is from the pool where that has some.</summary>
    public static OnnxTensor Of(INnTensors.TensorType type, ReadOnlySpan<long> dimensions, ReadOnlySpan<byte> data, TensorPool? pool = null)
    {
        if (data.Length < TensorPool.LeastBytes) pool = null;
        OnnxTensor tensor = pool?.Take(type, dimensions) is { } kept ? new OnnxTensor(kept, type, pool) : Allocate(type, dimensions, pool);
        data.CopyTo(tensor.Elements);
        return tensor;
    }

    /// <summary>A tensor whose elements are anything yet.</summary>
    public static OnnxTensor Allocate(INnTensors.TensorType type, ReadOnlySpan<long> dimensions, TensorPool? pool = null)
    {
        OrtValue value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, ElementTypeOf(type), dimensions.ToArray());
        try
        {
            return new OnnxTensor(value, type, pool);
        }
        catch
        {
            value.Dispose();
            throw;
        }
    }

    public OrtValue Value => _elements.Value;

    /// <summary>To be filled by who has made it.</summary>
    public Span<byte> Elements => _elements.GetSpan();

    public override INnTensors.TensorType Type { get; }

    public override ReadOnlySpan<long> Dimensions => _dimensions;

    public override ReadOnlyMemory<byte> Data => _elements.Memory;

    public override void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        if (_pool is null) ((IDisposable)_elements).Dispose();
        else _pool.Give(Value, Type, _dimensions, _elements.Length);
    }

    public static TensorElementType ElementTypeOf(INnTensors.TensorType type) => type switch
    {
        INnTensors.TensorType.FP16 => TensorElementType.Float16,
        INnTensors.TensorType.FP32 => TensorElementType.Float,
        INnTensors.TensorType.FP64 => TensorElementType.Double,
        INnTensors.TensorType.BF16 => TensorElementType.BFloat16,
        INnTensors.TensorType.U8 => TensorElementType.UInt8,
        INnTensors.TensorType.I32 => TensorElementType.Int32,
        _ => TensorElementType.Int64,
    };

    /// <summary>wasi:nn's name of a type; null where it has none.</summary>
    public static INnTensors.TensorType? TypeOf(TensorElementType type) => type switch
    {
        TensorElementType.Float16 => INnTensors.TensorType.FP16,
        TensorElementType.Float => INnTensors.TensorType.FP32,
        TensorElementType.Double => INnTensors.TensorType.FP64,
        TensorElementType.BFloat16 => INnTensors.TensorType.BF16,
        TensorElementType.UInt8 => INnTensors.TensorType.U8,
        TensorElementType.Int32 => INnTensors.TensorType.I32,
        TensorElementType.Int64 => INnTensors.TensorType.I64,
        _ => null,
    };

    /// <summary>The bytes of a value.</summary>
    private sealed class ElementBytes(OrtValue value, int bytes) : MemoryManager<byte>
    {
        public OrtValue Value => value;

        public int Length => bytes;

        public override Memory<byte> Memory => CreateMemory(bytes);

        public override Span<byte> GetSpan() => bytes == 0 ? default : value.GetTensorMutableRawData()[..bytes];

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException("a tensor's elements are copied, not pinned");

        public override void Unpin()
        {
            // Nothing was pinned.
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) value.Dispose();
        }
    }
}
