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
    private long _calls;
    private long _traps;
    private long _cpuNanoseconds;
    private long _wallTicks;
    private long _peakMemory;
    private long _bytesIn;
    private long _bytesOut;
    private long _refused;
    private int _live;
    private long _started;

    /// <summary>So far.</summary>
    public UsageCounts Counts => new(
        Volatile.Read(ref _calls), Volatile.Read(ref _traps), TimeSpan.FromTicks(Volatile.Read(ref _cpuNanoseconds) / 100), Stopwatch.GetElapsedTime(0, Volatile.Read(ref _wallTicks)),
        Volatile.Read(ref _peakMemory), Volatile.Read(ref _bytesIn), Volatile.Read(ref _bytesOut), Volatile.Read(ref _refused), Volatile.Read(ref _live), Volatile.Read(ref _started));

    /// <summary>An event was refused: too many were there.</summary>
    public void Refuse() => Interlocked.Increment(ref _refused);

    internal void Start()
    {
        Interlocked.Increment(ref _started);
        Interlocked.Increment(ref _live);
    }

    internal void End() => Interlocked.Decrement(ref _live);

    internal void Trap() => Interlocked.Increment(ref _traps);

    internal void Call(long cpuNanoseconds, long wallTicks, MicroVmUsage usage, bool isCall)
    {
        if (isCall) Interlocked.Increment(ref _calls);
        Interlocked.Add(ref _cpuNanoseconds, cpuNanoseconds);
        Interlocked.Add(ref _wallTicks, wallTicks);
        if (usage.BytesIn > 0) Interlocked.Add(ref _bytesIn, usage.BytesIn);
        if (usage.BytesOut > 0) Interlocked.Add(ref _bytesOut, usage.BytesOut);
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
}
