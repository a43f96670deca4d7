// [keyvalue] in node.toml: where the stores of wasi:keyvalue are.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>What can keep keys and values.</summary>
public enum KeyValueBackendKind
{
    /// <summary>A file in the data folder.</summary>
    Sqlite,

    /// <summary>NATS KV, over the connection of [nats].</summary>
    Nats,
}

/// <summary>Where keys and values are.</summary>
/// <param name="Backend">In what.</param>
public sealed record KeyValueConfig(KeyValueBackendKind Backend = KeyValueBackendKind.Sqlite)
{
    internal static KeyValueConfig Read(TomlTable table)
    {
        var config = new KeyValueConfig(table.String("backend") switch
        {
            null or "sqlite" => KeyValueBackendKind.Sqlite,
            "nats" => KeyValueBackendKind.Nats,
            { } other => throw table.Values["backend"].Error($"`backend` is \"sqlite\" or \"nats\", found \"{other}\""),
        });
        table.RejectUnknown("[keyvalue]");
        return config;
    }
}
