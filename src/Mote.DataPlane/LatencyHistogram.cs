// Latencies in buckets that grow by an eighth: a percentile is exact to about 6 %, and recording is one atomic add.
using System.Numerics;

namespace Mote.DataPlane;

/// <summary>Counts durations. Safe to use from many threads; of fixed size.</summary>
public sealed class LatencyHistogram
{
    private const int SubBits = 3;
    private readonly long[] _counts = new long[64 << SubBits];
    private long _total;

    /// <summary>Durations counted.</summary>
    public long Count => Volatile.Read(ref _total);

    /// <summary>Counts a duration.</summary>
    public void Add(TimeSpan duration)
    {
        Interlocked.Increment(ref _counts[Bucket((ulong)Math.Max(0, duration.TotalNanoseconds))]);
        Interlocked.Increment(ref _total);
    }

    /// <summary>Counts what another has counted.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            long n = Volatile.Read(ref other._counts[i]);
            if (n == 0) continue;
            Interlocked.Add(ref _counts[i], n);
            Interlocked.Add(ref _total, n);
        }
    }

    /// <summary>A duration that this share of all does not exceed; zero where there are none.</summary>
    public TimeSpan Percentile(double share)
    {
        long total = Count;
        if (total == 0) return TimeSpan.Zero;
        long wanted = Math.Max(1, (long)Math.Ceiling(share * total)), seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += Volatile.Read(ref _counts[i]);
            if (seen >= wanted) return TimeSpan.FromMicroseconds(Upper(i) / 1000.0);
        }

        return TimeSpan.Zero;
    }

    private static int Bucket(ulong ns)
    {
        if (ns < 1 << SubBits) return (int)ns;
        int exponent = BitOperations.Log2(ns);
        return ((exponent - SubBits + 1) << SubBits) | (int)((ns >> (exponent - SubBits)) & ((1 << SubBits) - 1));
    }

    private static double Upper(int bucket)
    {
        if (bucket < 1 << SubBits) return bucket;
        int exponent = (bucket >> SubBits) + SubBits - 1;
        return Math.ScaleB((1 << SubBits) + (bucket & ((1 << SubBits) - 1)) + 1, exponent - SubBits);
    }
}
