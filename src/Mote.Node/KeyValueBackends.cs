// Which backend a URL in [keyvalue] means: one line a scheme.
using Mote.Backends.Redis;
using Mote.Capabilities.KeyValue;
using Mote.Packaging;
using Mote.Packaging.Toml;

namespace Mote.Node;

internal static class KeyValueBackends
{
    /// <summary>The backend of a node; it connects when a component first opens a store.</summary>
    /// <param name="config">[keyvalue].</param>
    /// <param name="nats">The node's NATS; it is there where <paramref name="config"/> needs it.</param>
    /// <returns>Null for the one in the data folder.</returns>
    /// <exception cref="ConfigException">There is none of this scheme.</exception>
    public static IKeyValueBackend? Make(KeyValueConfig? config, NodeNats? nats) => config?.Url.Scheme switch
    {
        null => null,
        "nats" => nats!.KeyValue,
        "redis" or "rediss" => Redis(new RedisOptions(config!.Url, config.Timeout, config.Ca)),
        { } other => throw new ConfigException("node config", 0, $"`url` under [keyvalue]: there are no key-value stores at {other}://"),
    };

    private static RedisKeyValue Redis(RedisOptions options)
    {
        try
        {
            _ = options.Authorities();
            return new RedisKeyValue(options);
        }
        catch (IOException e)
        {
            throw new ConfigException("node config", 0, $"`ca` under [keyvalue]: {e.Message}");
        }
    }
}
