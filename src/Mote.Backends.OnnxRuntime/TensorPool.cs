// Tensors of components that were dropped, for the next ones of the same shape: memory of that size comes from the system
// page by page, cleared, and goes back after each run. With several callers at once that is a tenth of a run of 3 ms.
using Microsoft.ML.OnnxRuntime;
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime;

/// <summary>Keeps a bounded number of values for a short time. What is in them is overwritten whole before anybody reads it.</summary>
internal sealed class TensorPool : IDisposable
{
    /// <summary>The allocator has smaller pieces at hand.</summary>
    public const int LeastBytes = 64 << 10;

    /// <summary>Most bytes that are kept.</summary>
    public const long MostBytes = 32L << 20;

    private const int MostValues = 64;

    /// <summary>What nobody has wanted for so long goes back to the system.</summary>
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private readonly List<Kept> _kept = []; // the one that was used last is the last one
    private bool _disposed;

    public TensorPool(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static o => ((TensorPool)o!).LetGo(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Bytes that are kept.</summary>
    public long Bytes { get; private set; }

    /// <summary>A value of this type and these dimensions, with anything in it; null where none is kept.</summary>
    public OrtValue? Take(INnTensors.TensorType type, ReadOnlySpan<long> dimensions)
    {
        lock (_lock)
        {
            for (int i = _kept.Count - 1; i >= 0; i--)
            {
                Kept k = _kept[i];
                if (k.Type != type || !dimensions.SequenceEqual(k.Dimensions)) continue;
                _kept.RemoveAt(i);
                Bytes -= k.Bytes;
                return k.Value;
            }
        }

        return null;
    }

    /// <summary>Takes a value that nobody uses any more.</summary>
    public void Give(OrtValue value, INnTensors.TensorType type, long[] dimensions, int bytes)
    {
        lock (_lock)
        {
            if (!_disposed && bytes <= MostBytes)
            {
                while (Bytes + bytes > MostBytes || _kept.Count == MostValues) Drop(0);
                if (_kept.Count == 0) _timer.Change(s_idle, s_idle);
                _kept.Add(new Kept(value, type, dimensions, bytes, _time.GetTimestamp()));
                Bytes += bytes;
                return;
            }
        }

        value.Dispose();
    }

    /// <summary>Keeps nothing any more.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            while (_kept.Count > 0) Drop(0);
        }

        _timer.Dispose();
    }

    private void LetGo()
    {
        lock (_lock)
        {
            while (_kept.Count > 0 && _time.GetElapsedTime(_kept[0].At) >= s_idle) Drop(0);
            if (_kept.Count == 0 && !_disposed) _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private void Drop(int index)
    {
        Bytes -= _kept[index].Bytes;
        _kept[index].Value.Dispose();
        _kept.RemoveAt(index);
    }

    private readonly record struct Kept(OrtValue Value, INnTensors.TensorType Type, long[] Dimensions, int Bytes, long At);
}
