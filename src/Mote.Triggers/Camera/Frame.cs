// The pictures of a camera in memory. A picture's bytes go from the decoder's pipe into a buffer, and from there into a
// guest's memory: that one copy is all.
using System.Collections.Concurrent;

namespace Mote.Triggers.Camera;

/// <summary>One picture. Whoever has it holds it; the last one to release it gives its buffer back.</summary>
internal sealed class Frame(FrameBuffers buffers, byte[] pixels, long sequence, DateTimeOffset time)
{
    private int _holders = 1;

    /// <summary>Its pixels, which must not be changed.</summary>
    public ReadOnlyMemory<byte> Pixels => pixels;

    /// <summary>Its number, from 0.</summary>
    public long Sequence => sequence;

    /// <summary>When it was complete in this process.</summary>
    public DateTimeOffset Time => time;

    public Frame Hold()
    {
        Interlocked.Increment(ref _holders);
        return this;
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0) buffers.Return(pixels);
    }
}

/// <summary>Buffers of one size. One that is never given back is the garbage collector's.</summary>
internal sealed class FrameBuffers(int bytes, int spares)
{
    private readonly ConcurrentBag<byte[]> _free = [];

    public int Bytes => bytes;

    public byte[] Rent() => _free.TryTake(out byte[]? buffer) ? buffer : GC.AllocateUninitializedArray<byte>(bytes);

    public void Return(byte[] buffer)
    {
        if (_free.Count < spares) _free.Add(buffer);
    }
}
