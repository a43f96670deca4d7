// [messaging.clients] in node.toml: which broker stands behind the name by which a component connects.
using Mote.Packaging.Toml;

namespace Mote.Packaging.Nats;

/// <summary>The brokers of a node that clients of wasi:messaging can have.</summary>
public enum MessageBrokerKind
{
    /// <summary>The MQTT broker: the embedded one or an external one.</summary>
    Mqtt,

    /// <summary>NATS.</summary>
    Nats,
}

/// <summary>Names of clients. `mqtt` and `nats` are what they say; `default`, and no name, is MQTT where nothing else is said.</summary>
public sealed record MessagingClients
{
    /// <summary>Those that the operator named.</summary>
    public IReadOnlyDictionary<string, MessageBrokerKind> Named { get; init; } = new Dictionary<string, MessageBrokerKind>();

    /// <summary>The broker of a name; null where there is none.</summary>
    public MessageBrokerKind? Of(string name)
    {
        if (name.Length == 0) name = "default";
        if (Named.TryGetValue(name, out MessageBrokerKind kind)) return kind;
        return name switch { "default" or "mqtt" => MessageBrokerKind.Mqtt, "nats" => MessageBrokerKind.Nats, _ => null };
    }

    internal static MessagingClients Read(TomlTable messaging)
    {
        var named = new Dictionary<string, MessageBrokerKind>();
        if (messaging.Table("clients") is { } clients)
        {
            foreach (string name in clients.Values.Keys.ToArray())
            {
                if (name is "mqtt" or "nats") throw clients.Values[name].Error($"the client `{name}` is what its name says: give this one another name");
                named[name] = clients.String(name) switch
                {
                    "mqtt" => MessageBrokerKind.Mqtt,
                    "nats" => MessageBrokerKind.Nats,
                    { } other => throw clients.Values[name].Error($"the client `{name}` is \"mqtt\" or \"nats\", found \"{other}\""),
                    null => throw clients.Error("a client has a broker"),
                };
            }
        }

        messaging.RejectUnknown("[messaging]");
        return new MessagingClients { Named = named };
    }
}
