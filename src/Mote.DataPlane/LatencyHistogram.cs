// Latencies in buckets that grow by an eighth: a percentile is exact to about 6 %, and recording is one atomic add.
using System.Numerics;

namespace Mote.DataPlane;

/// <summary>Counts durations. Safe to use from many threads; of bounded size, and small where they are alike: thousands of apps have one each.</summary>
public sealed class LatencyHistogram
{
    private const int SubBits = 3, GroupBits = 5, Groups = (64 << SubBits) >> GroupBits;
    private readonly long[]?[] _groups = new long[Groups][]; // of buckets one after the other; made with their first duration
    private long _total;

    /// <summary>Durations counted.</summary>
    public long Count => Volatile.Read(ref _total);

    /// <summary>Counts a duration.</summary>
    public void Add(TimeSpan duration)
    {
        Interlocked.Increment(ref CellOf(Bucket((ulong)Math.Max(0, duration.TotalNanoseconds))));
        Interlocked.Increment(ref _total);
    }

    /// <summary>Counts a duration of several things that took it together.</summary>
    public void Add(TimeSpan duration, int times)
    {
        Interlocked.Add(ref CellOf(Bucket((ulong)Math.Max(0, duration.TotalNanoseconds))), times);
        Interlocked.Add(ref _total, times);
    }

    /// <summary>Counts what another has counted.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int g = 0; g < Groups; g++)
        {
            if (Volatile.Read(ref other._groups[g]) is not { } counts) continue;
            for (int i = 0; i < counts.Length; i++)
            {
                long n = Volatile.Read(ref counts[i]);
                if (n == 0) continue;
                Interlocked.Add(ref CellOf((g << GroupBits) | i), n);
                Interlocked.Add(ref _total, n);
            }
        }
    }

    /// <summary>A duration that this share of all does not exceed; zero where there are none.</summary>
    public TimeSpan Percentile(double share)
    {
        long total = Count;
        if (total == 0) return TimeSpan.Zero;
        long wanted = Math.Max(1, (long)Math.Ceiling(share * total)), seen = 0;
        for (int g = 0; g < Groups; g++)
        {
            if (Volatile.Read(ref _groups[g]) is not { } counts) continue;
            for (int i = 0; i < counts.Length; i++)
            {
                seen += Volatile.Read(ref counts[i]);
                if (seen >= wanted) return TimeSpan.FromMicroseconds(Upper((g << GroupBits) | i) / 1000.0);
            }
        }

        return TimeSpan.Zero;
    }

    private ref long CellOf(int bucket)
    {
        ref long[]? group = ref _groups[bucket >> GroupBits];
        long[] counts = Volatile.Read(ref group) ?? Interlocked.CompareExchange(ref group, new long[1 << GroupBits], null) ?? group!;
        return ref counts[bucket & ((1 << GroupBits) - 1)];
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
