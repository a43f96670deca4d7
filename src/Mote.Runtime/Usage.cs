// What components use, counted: by a microVM while it runs, and added to its component's account when a call ends.
using System.Diagnostics;

namespace Mote.Runtime;

/// <summary>What one microVM has used since its last call ended. One thread at a time.</summary>
public sealed class MicroVmUsage
{
    /// <summary>Bytes that came in through its streams.</summary>
    public long BytesIn { get; set; }

    /// <summary>Bytes that went out through its streams.</summary>
    public long BytesOut { get; set; }
}

/// <summary>An account at a moment.</summary>
/// <param name="Calls">Calls that ended.</param>
/// <param name="Traps">Of these, the ones that trapped, starts that failed included.</param>
/// <param name="Cpu">Processor time, starts included.</param>
/// <param name="Wall">Time on the wall clock.</param>
/// <param name="PeakMemory">Most bytes of linear memory of one microVM.</param>
/// <param name="BytesIn">Bytes of bodies and messages taken.</param>
/// <param name="BytesOut">Bytes of bodies and messages given.</param>
/// <param name="Refused">Events refused because too many were there.</param>
/// <param name="Live">MicroVMs now.</param>
/// <param name="Started">MicroVMs started.</param>
public readonly record struct UsageCounts(long Calls, long Traps, TimeSpan Cpu, TimeSpan Wall, long PeakMemory, long BytesIn, long BytesOut, long Refused, int Live, long Started);

/// <summary>A component's account. Safe to use from many threads.</summary>
public sealed class ComponentUsage
{
    private const int Calls = 0, Traps = 1, Cpu = 2, Wall = 3, In = 4, Out = 5, Refused = 6, Started = 7, Ended = 8;

    // Each processor counts in lines of its own, so that counting is not what they wait for. Made with the first event:
    // most components are idle.
    private const int PerStripe = 32;
    private static readonly int s_stripes = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(Environment.ProcessorCount, 1, 16));
    private long[]? _cells;
    private long _peakMemory;

    /// <summary>So far.</summary>
    public UsageCounts Counts => new(
        Sum(Calls), Sum(Traps), TimeSpan.FromTicks(Sum(Cpu) / 100), Stopwatch.GetElapsedTime(0, Sum(Wall)),
        Volatile.Read(ref _peakMemory), Sum(In), Sum(Out), Sum(Refused), (int)(Sum(Started) - Sum(Ended)), Sum(Started));

    /// <summary>What it has sent under its budget. Made with the first byte: most components have none.</summary>
    public EgressMeter Egress => Volatile.Read(ref _egress) ?? Interlocked.CompareExchange(ref _egress, new EgressMeter(), null) ?? _egress!;

    private EgressMeter? _egress;

    /// <summary>An event was refused: too many were there.</summary>
    public void Refuse() => Add(Refused, 1);

    internal void Start() => Add(Started, 1);

    internal void End() => Add(Ended, 1);

    internal void Trap() => Add(Traps, 1);

    internal void Call(long cpuNanoseconds, long wallTicks, MicroVmUsage usage, bool isCall)
    {
        if (isCall) Add(Calls, 1);
        Add(Cpu, cpuNanoseconds);
        Add(Wall, wallTicks);
        if (usage.BytesIn > 0) Add(In, usage.BytesIn);
        if (usage.BytesOut > 0) Add(Out, usage.BytesOut);
        usage.BytesIn = usage.BytesOut = 0;
    }

    internal void Memory(long bytes)
    {
        long peak = Volatile.Read(ref _peakMemory);
        while (bytes > peak)
        {
            long seen = Interlocked.CompareExchange(ref _peakMemory, bytes, peak);
            if (seen == peak) return;
            peak = seen;
        }
    }

    private void Add(int counter, long value)
    {
        long[] cells = Volatile.Read(ref _cells) ?? Make();
        int stripe = Thread.GetCurrentProcessorId() & (s_stripes - 1);
        Interlocked.Add(ref cells[(PerStripe / 2) + (stripe * PerStripe) + counter], value);
    }

    private long[] Make() => Interlocked.CompareExchange(ref _cells, new long[(PerStripe * s_stripes) + PerStripe], null) ?? _cells!;

    private long Sum(int counter)
    {
        if (Volatile.Read(ref _cells) is not { } cells) return 0;
        long sum = 0;
        for (int stripe = 0; stripe < s_stripes; stripe++) sum += Volatile.Read(ref cells[(PerStripe / 2) + (stripe * PerStripe) + counter]);
        return sum;
    }
}
