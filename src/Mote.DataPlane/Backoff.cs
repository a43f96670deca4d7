// How long to wait before something that failed is tried again.
namespace Mote.DataPlane;

/// <summary>Waits that grow by a factor up to a bound, each give or take a quarter, so that many who failed together do not come again together.</summary>
/// <param name="First">Before the first repeated attempt.</param>
/// <param name="Longest">The bound.</param>
/// <param name="Factor">By which they grow.</param>
public readonly record struct Backoff(TimeSpan First, TimeSpan Longest, double Factor = 2)
{
    /// <summary>How long to wait before a repeated attempt.</summary>
    /// <param name="attempt">Which; the first one is 1.</param>
    public TimeSpan Before(int attempt)
    {
        double grown = Math.Min(Math.Pow(Factor, attempt - 1), Longest / First);
        return First * (grown * (0.75 + (Random.Shared.NextDouble() / 2)));
    }
}
