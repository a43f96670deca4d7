// What a key is for.
namespace NATS.NKeys;

/// <summary>The kinds of keys; the value decides the first letter of a key's text.</summary>
public enum PrefixByte : byte
{
    /// <summary>An account: A.</summary>
    Account = 0,

    /// <summary>A cluster: C.</summary>
    Cluster = 2 << 3,

    /// <summary>A server: N.</summary>
    Server = 13 << 3,

    /// <summary>An operator: O.</summary>
    Operator = 14 << 3,

    /// <summary>A user: U.</summary>
    User = 20 << 3,

    /// <summary>A key of Curve25519 for sealing: X. Known by its letter, and refused.</summary>
    Curve = 23 << 3,
}
