// How much a component may send out of the node in a time, whatever it wants to: raw data stays where it was taken.
using System.Globalization;

namespace Mote.Runtime;

/// <summary>Bytes in a time.</summary>
/// <param name="Bytes">So many at once where nothing was sent for a while; more than that never.</param>
/// <param name="Per">In this time so many come back.</param>
public readonly record struct EgressBudget(long Bytes, TimeSpan Per)
{
    /// <summary>As the manifest has it.</summary>
    public override string ToString()
    {
        string per = Per == TimeSpan.FromDays(1) ? "d" : Per == TimeSpan.FromHours(1) ? "h" : Per == TimeSpan.FromMinutes(1) ? "min" : Per == TimeSpan.FromSeconds(1) ? "s" : $"{Per.TotalSeconds.ToString(CultureInfo.InvariantCulture)}s";
        (int shift, string unit) = Bytes <= 0 ? (0, "B") : long.TrailingZeroCount(Bytes) switch { >= 30 => (30, "GiB"), >= 20 => (20, "MiB"), >= 10 => (10, "KiB"), _ => (0, "B") };
        return string.Create(CultureInfo.InvariantCulture, $"{Bytes >> shift}{unit}/{per}");
    }
}

/// <summary>
/// What a component has sent, and whether it may send more: a token bucket, full at the node's start, on a clock that
/// nobody sets. Safe to use from many threads.
/// </summary>
public sealed class EgressMeter(TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _lock = new();
    private double _spent;
    private long _at;
    private long _sent;
    private long _refused;

    /// <summary>Bytes that were let out under a budget.</summary>
    public long Sent => Volatile.Read(ref _sent);

    /// <summary>Bytes that were not.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Takes so many bytes from the budget; false, and nothing taken, where it does not have them now.</summary>
    public bool TrySpend(EgressBudget budget, long bytes)
    {
        lock (_lock)
        {
            long now = _time.GetTimestamp();
            if (_at != 0) _spent = Math.Max(0, _spent - (_time.GetElapsedTime(_at, now) / budget.Per * budget.Bytes));
            _at = now;
            if (_spent + bytes > budget.Bytes)
            {
                _refused += bytes;
                return false;
            }

            _spent += bytes;
            _sent += bytes;
            return true;
        }
    }

    /// <summary>What was let out has not left after all: an event that failed sends nothing, and may be handled again.</summary>
    /// <param name="budget">The budget.</param>
    /// <param name="bytes">How many bytes.</param>
    /// <param name="ago">How long ago the first of them was taken: what has come back by itself since is not given back again.</param>
    public void GiveBack(EgressBudget budget, long bytes, TimeSpan ago)
    {
        lock (_lock)
        {
            _spent = Math.Max(0, _spent - Math.Max(0, bytes - (ago / budget.Per * budget.Bytes)));
            _sent -= bytes;
        }
    }
}
