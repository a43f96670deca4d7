// wasi:clocks: every guest may know the time.
using System.Diagnostics;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Wasi.Clocks;

/// <summary>wasi:clocks/monotonic-clock.</summary>
[WitHost("wasi:clocks/monotonic-clock@0.2.12")]
public partial interface IMonotonicClock;

/// <summary>wasi:clocks/wall-clock.</summary>
[WitHost("wasi:clocks/wall-clock@0.2.12")]
public partial interface IWallClock;

/// <summary>Hosts wasi:clocks.</summary>
public sealed class ClocksCapability(TimeProvider time) : Capability<ClocksGuest>
{
    /// <inheritdoc/>
    public override void Link(ComponentLinker linker)
    {
        IMonotonicClock.Define(linker, Guest);
        IWallClock.Define(linker, Guest);
    }

    /// <inheritdoc/>
    protected override ClocksGuest Prepare(MicroVm vm) => new(vm, time);
}

/// <summary>wasi:clocks for one instance.</summary>
public sealed class ClocksGuest(MicroVm vm, TimeProvider time) : IMonotonicClock, IWallClock
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    private static readonly ulong s_resolution = Math.Max(1, NanosecondsPerSecond / (ulong)Stopwatch.Frequency);

    /// <summary>The monotonic clock in nanoseconds.</summary>
    public static ulong MonotonicNow => (ulong)((UInt128)(ulong)Stopwatch.GetTimestamp() * NanosecondsPerSecond / (ulong)Stopwatch.Frequency);

    ulong IMonotonicClock.Now() => MonotonicNow;

    ulong IMonotonicClock.Resolution() => s_resolution;

    /// <inheritdoc/>
    public IPoll.IPollable SubscribeInstant(ulong when)
    {
        ulong now = MonotonicNow;
        return SubscribeDuration(when > now ? when - now : 0);
    }

    /// <inheritdoc/>
    public IPoll.IPollable SubscribeDuration(ulong when)
    {
        var ticks = (UInt128)when * (ulong)Stopwatch.Frequency / NanosecondsPerSecond;
        long now = Stopwatch.GetTimestamp();
        return new TimerPollable(vm, ticks > (ulong)(long.MaxValue - now) ? long.MaxValue : now + (long)(ulong)ticks);
    }

    IWallClock.Datetime IWallClock.Now()
    {
        long ticks = Math.Max(0, (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks); // datetime has no time before
        return new IWallClock.Datetime((ulong)(ticks / TimeSpan.TicksPerSecond), (uint)(ticks % TimeSpan.TicksPerSecond * 100));
    }

    IWallClock.Datetime IWallClock.Resolution() => new(0, 100);
}
