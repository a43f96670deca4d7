// [http.outgoing] of node.toml.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>What requests of components may take, whatever the components ask for.</summary>
public sealed record OutgoingConfig
{
    /// <summary>Most time to connect, name lookup and TLS included.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most time until the head of the response is there, and between any two pieces of its body.</summary>
    public TimeSpan ResponseTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Most connections of one component to one server.</summary>
    public int MaxConnections { get; init; } = 64;

    /// <summary>Most requests of one instance at once.</summary>
    public int MaxRequests { get; init; } = 64;

    /// <summary>Most bytes of a response's body.</summary>
    public long MaxBody { get; init; } = long.MaxValue;

    internal static OutgoingConfig Read(TomlTable table, OutgoingConfig defaults)
    {
        var config = new OutgoingConfig
        {
            ConnectTimeout = table.Time("connect-timeout", max: TimeSpan.FromHours(1)) ?? defaults.ConnectTimeout,
            ResponseTimeout = table.Time("response-timeout", max: TimeSpan.FromDays(1)) ?? defaults.ResponseTimeout,
            MaxConnections = (int)(table.Integer("max-connections", 1, 10_000) ?? defaults.MaxConnections),
            MaxRequests = (int)(table.Integer("max-requests", 1, 10_000) ?? defaults.MaxRequests),
            MaxBody = table.Bytes("max-body", 0, long.MaxValue) ?? defaults.MaxBody,
        };
        table.RejectUnknown("[http.outgoing]");
        return config;
    }
}
