// Refusals by the host, each said once with the manifest line that would allow it.
using System.Collections.Concurrent;

namespace Mote.Runtime;

/// <summary>Something a component asked for and was not granted.</summary>
/// <param name="Component">Who asked.</param>
/// <param name="What">For what, in words.</param>
/// <param name="ManifestLine">The line that would grant it.</param>
public sealed record Denial(string Component, string What, string ManifestLine)
{
    /// <summary>Where the line belongs.</summary>
    public string Table { get; init; } = "grants";

    /// <summary>What to do where no line is missing; null where one is.</summary>
    public string? Instead { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"component `{Component}` was denied {What}; to allow it, {(Instead is null ? $"put under [component.{Component}.{Table}]: {ManifestLine}" : $"{Instead} under [component.{Component}.{Table}]")}";
}

/// <summary>Collects denials of one app and passes each distinct one on once. Bounded.</summary>
public sealed class DenialLog(Action<Denial>? report = null)
{
    private const int Capacity = 1000;
    private readonly ConcurrentDictionary<Denial, long> _counts = new();

    /// <summary>Every distinct denial and how often it came.</summary>
    public IReadOnlyCollection<KeyValuePair<Denial, long>> All => _counts.ToArray();

    /// <summary>Notes a denial.</summary>
    public void Add(Denial denial)
    {
        if (_counts.Count >= Capacity && !_counts.ContainsKey(denial)) return;
        if (_counts.AddOrUpdate(denial, 1, static (_, n) => n + 1) == 1) report?.Invoke(denial);
    }
}
