// Lines for people, at a rate that people can read: a component that fails at every message must not bury the rest or
// fill a disk. What is left out is counted and said.
namespace Mote.Node;

/// <summary>Passes on a few lines a second for each source, and says how many it left out. Safe to use from many threads.</summary>
/// <param name="sink">Where lines go.</param>
/// <param name="time">The clock.</param>
public sealed class ThrottledLog(Action<string> sink, TimeProvider time)
{
    /// <summary>Lines at once.</summary>
    public const int Burst = 20;

    /// <summary>Lines a second after that.</summary>
    public const double PerSecond = 5;

    private const int MaxSources = 1000;

    private readonly Dictionary<string, Bucket> _buckets = [];
    private readonly Lock _lock = new();

    /// <summary>Writes a line of a source.</summary>
    public void Write(string source, string line) => Write(source, line, static line => line);

    /// <summary>Writes a line that is made only where it is shown: a flood must not cost collections, which all wait for.</summary>
    public void Write<TState>(string source, TState state, Func<TState, string> line)
    {
        long left;
        lock (_lock)
        {
            if (!_buckets.TryGetValue(source, out Bucket? bucket))
            {
                if (_buckets.Count >= MaxSources) _buckets.Clear();
                _buckets[source] = bucket = new Bucket { Tokens = Burst, At = time.GetTimestamp() };
            }

            long now = time.GetTimestamp();
            bucket.Tokens = Math.Min(Burst, bucket.Tokens + (time.GetElapsedTime(bucket.At, now).TotalSeconds * PerSecond));
            bucket.At = now;
            if (bucket.Tokens < 1)
            {
                bucket.LeftOut++;
                return;
            }

            bucket.Tokens--;
            left = bucket.LeftOut;
            bucket.LeftOut = 0;
        }

        if (left > 0) sink($"[{source}] {left} lines left out: at most {PerSecond} a second are shown");
        sink(line(state));
    }

    /// <summary>Says what was left out since.</summary>
    public void Flush()
    {
        KeyValuePair<string, long>[] left;
        lock (_lock)
        {
            left = [.. _buckets.Where(b => b.Value.LeftOut > 0).Select(b => KeyValuePair.Create(b.Key, b.Value.LeftOut))];
            foreach (Bucket b in _buckets.Values) b.LeftOut = 0;
        }

        foreach ((string source, long n) in left) sink($"[{source}] {n} lines left out: at most {PerSecond} a second are shown");
    }

    private sealed class Bucket
    {
        public double Tokens;
        public long At;
        public long LeftOut;
    }
}
