// Memory of tensors that is used again: by the same type and shape alone, within bounds, and not for long.
using Microsoft.ML.OnnxRuntime;
using Mote.Backends.OnnxRuntime;
using Mote.Capabilities.Nn;

namespace Mote.Capabilities.Tests;

public sealed class TensorPoolTests
{
    private const INnTensors.TensorType Type = INnTensors.TensorType.U8;
    private const int Size = 1 << 20;

    private static OnnxTensor Tensor(TensorPool pool, long[] dimensions, byte value, INnTensors.TensorType type = Type)
    {
        var bytes = new byte[dimensions.Aggregate((long)TensorValue.SizeOf(type), (a, d) => a * d)];
        Array.Fill(bytes, value);
        return OnnxTensor.Of(type, dimensions, bytes, pool);
    }

    [Fact]
    public void Dropped_IsTakenAgain_ForTheSameTypeAndShapeAlone_WithNothingOfItsOldElements()
    {
        using var pool = new TensorPool(TimeProvider.System);
        OnnxTensor first = Tensor(pool, [1, Size], 1);
        OrtValue value = first.Value;
        first.Dispose();
        first.Dispose();
        Assert.Equal(Size, pool.Bytes); // once
        foreach (OnnxTensor other in (OnnxTensor[])[Tensor(pool, [Size, 1], 2), Tensor(pool, [1, Size / 2], 2), Tensor(pool, [1, Size], 2, INnTensors.TensorType.I64)])
        {
            Assert.NotSame(value, other.Value);
            ((IDisposable)other.Value).Dispose(); // not into the pool
        }

        using OnnxTensor again = Tensor(pool, [1, Size], 7);
        Assert.Same(value, again.Value);
        Assert.Equal(0, pool.Bytes);
        Assert.Equal(-1, again.Data.Span.IndexOfAnyExcept((byte)7));
        using OnnxTensor beside = Tensor(pool, [1, Size], 8);
        Assert.NotSame(value, beside.Value);
        Assert.Equal(-1, again.Data.Span.IndexOfAnyExcept((byte)7));
    }

    [Fact]
    public void Small_IsNotKept()
    {
        using var pool = new TensorPool(TimeProvider.System);
        Tensor(pool, [TensorPool.LeastBytes - 1], 1).Dispose();
        Assert.Equal(0, pool.Bytes);
        Tensor(pool, [TensorPool.LeastBytes], 1).Dispose();
        Assert.Equal(TensorPool.LeastBytes, pool.Bytes);
    }

    [Fact]
    public void Bounds_Hold_AndTheOldestGoes()
    {
        using var pool = new TensorPool(TimeProvider.System);
        for (int i = 1; i <= 40; i++) Tensor(pool, [i, Size / i * i], 1).Dispose();
        Assert.InRange(pool.Bytes, 1, TensorPool.MostBytes);
        for (int i = 0; i < 200; i++) Tensor(pool, [TensorPool.LeastBytes + i], 1).Dispose();
        Assert.InRange(pool.Bytes, 1, 64L * (TensorPool.LeastBytes + 200));
        Tensor(pool, [TensorPool.MostBytes + 1], 1).Dispose();
        Assert.True(pool.Bytes < TensorPool.MostBytes);
        Assert.NotNull(pool.Take(Type, [TensorPool.LeastBytes + 199]));
        Assert.Null(pool.Take(Type, [TensorPool.LeastBytes]));
    }

    [Fact]
    public void Idle_GoesBackToTheSystem()
    {
        var clock = new Clock();
        using var pool = new TensorPool(clock);
        Tensor(pool, [Size], 1).Dispose();
        clock.Forward(TimeSpan.FromSeconds(6));
        Tensor(pool, [2, Size], 1).Dispose();
        clock.Forward(TimeSpan.FromSeconds(6));
        clock.Tick();
        Assert.Equal(2 * Size, pool.Bytes);
        Assert.True(clock.IsTicking);
        clock.Forward(TimeSpan.FromSeconds(6));
        clock.Tick();
        Assert.Equal(0, pool.Bytes);
        Assert.False(clock.IsTicking);
    }

    [Fact]
    public void Disposed_KeepsNothing()
    {
        var pool = new TensorPool(TimeProvider.System);
        OnnxTensor late = Tensor(pool, [Size], 1);
        Tensor(pool, [Size], 1).Dispose();
        pool.Dispose();
        late.Dispose();
        Assert.Equal(0, pool.Bytes);
    }

    [Fact]
    public void Threads_NeverHaveTheSameMemory()
    {
        using var pool = new TensorPool(TimeProvider.System);
        int mixed = 0;
        Parallel.For(0, 8, caller =>
        {
            for (int i = 0; i < 50; i++)
            {
                using OnnxTensor tensor = Tensor(pool, [TensorPool.LeastBytes], (byte)(caller + 1));
                Thread.Yield();
                if (tensor.Data.Span.IndexOfAnyExcept((byte)(caller + 1)) >= 0) Interlocked.Increment(ref mixed);
            }
        });
        Assert.Equal(0, mixed);
    }

    /// <summary>Time that stands until it is moved, and a timer that ticks when it is told to.</summary>
    private sealed class Clock : TimeProvider
    {
        private long _now = 1;
        private Action? _tick;

        public bool IsTicking { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Forward(TimeSpan by) => _now += by.Ticks;

        public void Tick() => _tick!();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _tick = () => callback(state);
            return new Timer(this);
        }

        private sealed class Timer(Clock clock) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                clock.IsTicking = dueTime != Timeout.InfiniteTimeSpan;
                return true;
            }

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
