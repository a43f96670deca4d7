// How long and how often a registry is waited for.
namespace Mote.Packaging.Oci;

/// <summary>What a client of registries does and does not put up with.</summary>
public sealed record RegistryOptions
{
    /// <summary>What node.toml says of registries, by their names.</summary>
    public IReadOnlyDictionary<string, RegistryConfig> Registries { get; init; } = new Dictionary<string, RegistryConfig>();

    /// <summary>Variables of the environment: where Docker's configuration is.</summary>
    public Func<string, string?> Environment { get; init; } = System.Environment.GetEnvironmentVariable;

    /// <summary>Most bytes of a model.</summary>
    public long MaxBytes { get; init; } = 512L << 20;

    /// <summary>Until a registry has answered a request for something small, or has begun to answer one for a layer.</summary>
    public TimeSpan AnswerTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest silence in the middle of a layer.</summary>
    public TimeSpan StallTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Fewest bytes a second of a layer, over all of an attempt but its first minute: a registry that drips is left.</summary>
    public long MinRate { get; init; } = 1024;

    /// <summary>Attempts at a layer that bring nothing new, one after the other, before it is given up.</summary>
    public int Attempts { get; init; } = 4;

    /// <summary>The wait after the first of these; it doubles with each.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
