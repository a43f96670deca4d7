// What a node and a model's worker say to each other: a length, and that many bytes. Neither believes a length, a number
// or a text of the other's before it is checked.
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime.Isolation;

/// <summary>What a message is: its first byte.</summary>
internal enum WorkerMessage : byte
{
    /// <summary>Worker: the model is loaded, and this is what it takes and gives.</summary>
    Ready = 1,

    /// <summary>Node: run it. Tensors are in the lane's shared file.</summary>
    Run = 2,

    /// <summary>Worker: it ran.</summary>
    Outputs = 3,

    /// <summary>Worker: loading it or running it failed.</summary>
    Fault = 4,

    /// <summary>Worker: the run ended early, as it was told.</summary>
    Ended = 5,
}

/// <summary>The other side says what cannot be.</summary>
internal sealed class WorkerProtocolException(string message) : Exception(message);

/// <summary>A tensor in a lane's shared file.</summary>
internal readonly record struct PlacedTensor(int Index, INnTensors.TensorType Type, long[] Dimensions, long Offset, long Bytes)
{
    /// <summary>As ONNX Runtime aligns what it allocates: what runs on it takes the same way through the same code.</summary>
    public const int Alignment = 64;

    public static long Align(long offset) => (offset + Alignment - 1) & ~(Alignment - 1L);
}

/// <summary>Makes a message.</summary>
internal sealed class MessageWriter
{
    public const byte NoType = byte.MaxValue;

    private byte[] _bytes = new byte[1024];
    private int _length;

    public ReadOnlyMemory<byte> Message
    {
        get
        {
            BinaryPrimitives.WriteInt32LittleEndian(_bytes, _length - 4);
            return _bytes.AsMemory(0, _length);
        }
    }

    public MessageWriter Begin(WorkerMessage kind, ulong run)
    {
        _length = 4;
        return Byte((byte)kind).Long((long)run);
    }

    public MessageWriter Byte(byte value)
    {
        Take(1)[0] = value;
        return this;
    }

    public MessageWriter Count(int value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Take(2), checked((ushort)value));
        return this;
    }

    public MessageWriter Long(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);
        return this;
    }

    /// <summary>A text, cut where it is too long.</summary>
    public MessageWriter Text(string value)
    {
        if (value.Length > MessageReader.MaxText) value = value[..MessageReader.MaxText];
        int bytes = Encoding.UTF8.GetByteCount(value);
        Count(bytes);
        Encoding.UTF8.GetBytes(value, Take(bytes));
        return this;
    }

    public MessageWriter Dimensions(ReadOnlySpan<long> dimensions)
    {
        Byte(checked((byte)dimensions.Length));
        foreach (long d in dimensions) Long(d);
        return this;
    }

    public MessageWriter Tensor(int index, INnTensors.TensorType type, ReadOnlySpan<long> dimensions, long offset) =>
        Count(index).Byte((byte)type).Dimensions(dimensions).Long(offset);

    private Span<byte> Take(int bytes)
    {
        if (_length + bytes > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes));
        _length += bytes;
        return _bytes.AsSpan(_length - bytes, bytes);
    }
}

/// <summary>Takes a message apart.</summary>
internal ref struct MessageReader(ReadOnlySpan<byte> bytes)
{
    public const int MaxText = 4096;

    private ReadOnlySpan<byte> _rest = bytes;

    public byte Byte() => Take(1)[0];

    public int Count() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public long Long() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public string Text() => Encoding.UTF8.GetString(Take(Count()));

    /// <summary>Each 0 or more, and at most what wasi:nn has a number for.</summary>
    /// <param name="least">-1 where a model's own dimensions are read, which may be any.</param>
    public long[] Dimensions(int least = 0)
    {
        int rank = Byte();
        if (rank > NnGuest.MaxRank) throw new WorkerProtocolException($"a tensor with {rank} dimensions");
        var dimensions = new long[rank];
        for (int i = 0; i < rank; i++)
        {
            dimensions[i] = Long();
            if (dimensions[i] < least || dimensions[i] > uint.MaxValue) throw new WorkerProtocolException($"a dimension of {dimensions[i]}");
        }

        return dimensions;
    }

    public INnTensors.TensorType Type() => TypeOrNone() ?? throw new WorkerProtocolException("a tensor without a type");

    /// <summary>Null for a type that wasi:nn has no name for.</summary>
    public INnTensors.TensorType? TypeOrNone() => Byte() switch
    {
        MessageWriter.NoType => null,
        <= (byte)INnTensors.TensorType.I64 and var n => (INnTensors.TensorType)n,
        var n => throw new WorkerProtocolException($"an element type {n}"),
    };

    /// <summary>A tensor that is in a file of this many bytes.</summary>
    public PlacedTensor Tensor(long fileBytes)
    {
        (int index, INnTensors.TensorType type, long[] dimensions, long offset) = (Count(), Type(), Dimensions(), Long());
        UInt128 bytes = (UInt128)TensorValue.SizeOf(type);
        // Zero makes it zero wherever it stands; the product of the others may have any size.
        foreach (long d in dimensions) bytes = dimensions.Contains(0) ? 0 : UInt128.Min(bytes * (ulong)d, long.MaxValue);
        if (offset < 0 || offset % PlacedTensor.Alignment != 0 || bytes > (UInt128)long.MaxValue || offset > fileBytes - (long)bytes) throw new WorkerProtocolException($"a tensor of {bytes} bytes at {offset} of {fileBytes}");
        return new PlacedTensor(index, type, dimensions, offset, (long)bytes);
    }

    public readonly void End()
    {
        if (!_rest.IsEmpty) throw new WorkerProtocolException($"{_rest.Length} bytes too many");
    }

    private ReadOnlySpan<byte> Take(int bytes)
    {
        if (bytes > _rest.Length) throw new WorkerProtocolException("a message that ends too early");
        ReadOnlySpan<byte> taken = _rest[..bytes];
        _rest = _rest[bytes..];
        return taken;
    }
}

/// <summary>One side's end of a lane: blocking, one thread at a time.</summary>
internal sealed class WorkerChannel(Socket socket) : IDisposable
{
    private const int MaxMessage = 1 << 20;

    private byte[] _buffer = new byte[4096];

    public void Send(MessageWriter writer)
    {
        ReadOnlySpan<byte> rest = writer.Message.Span;
        while (!rest.IsEmpty) rest = rest[socket.Send(rest)..];
    }

    /// <summary>The next message, good until the next call; empty where the other side is gone.</summary>
    /// <exception cref="WorkerProtocolException">It says that it is larger than one may be.</exception>
    /// <exception cref="SocketException">The other side is gone, or took longer than the socket's time.</exception>
    public ReadOnlySpan<byte> Receive()
    {
        int have = 0;
        while (have < 4 || have < 4 + Length(_buffer))
        {
            // One message at a time is on its way: what comes is of this one.
            if (have == _buffer.Length) Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, 4 + MaxMessage));
            int came = socket.Receive(_buffer, have, _buffer.Length - have, SocketFlags.None);
            if (came == 0) return default;
            have += came;
        }

        int length = Length(_buffer);
        if (have > 4 + length) throw new WorkerProtocolException("two answers to one question");
        return _buffer.AsSpan(4, length);
    }

    /// <summary>Ends a wait of another thread's.</summary>
    public void Abort()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is at its end.
        }
    }

    public void Dispose() => socket.Dispose();

    private static int Length(byte[] buffer)
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(buffer);
        return length is > 0 and <= MaxMessage ? length : throw new WorkerProtocolException($"a message of {length} bytes");
    }
}
