// How a node reaches an MQTT broker elsewhere: keys of [broker] and of [upstream] in node.toml.
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>PEM files for TLS.</summary>
/// <param name="Ca">Authorities that the other side's certificate must be from; null for those of the system.</param>
/// <param name="Certificate">The node's own certificate, and behind it those between it and its authority; null for none.</param>
/// <param name="Key">Its key.</param>
public sealed record TlsFiles(string? Ca, string? Certificate, string? Key);

/// <summary>How to speak to an MQTT broker.</summary>
/// <param name="Is311">MQTT 3.1.1 in place of 5.</param>
/// <param name="Tls">Files for TLS; null where the URL is not mqtts://, or nothing is said.</param>
public sealed record MqttSettings(bool Is311 = false, TlsFiles? Tls = null)
{
    /// <summary>Reads `version`, `ca`, `certificate` and `key` of a table whose `url` is this one.</summary>
    internal static MqttSettings Read(TomlTable table, string folder, Uri? url)
    {
        bool old = table.String("version") switch
        {
            null or "5" => false,
            "3.1.1" => true,
            { } other => throw table.Values["version"].Error($"`version` is \"5\" or \"3.1.1\", found \"{other}\""),
        };
        var files = new TlsFiles(File("ca", "\"ca.pem\""), File("certificate", "\"node.pem\""), File("key", "\"node.key\""));
        if (files == new TlsFiles(null, null, null)) return new MqttSettings(old);
        if (url?.Scheme != "mqtts") throw table.Error($"`ca`, `certificate` and `key` are for a `url` that begins with mqtts://{(url is null ? ", and there is no `url`" : $", found \"{url.Scheme}://\"")}");
        if (files.Certificate is null != files.Key is null) throw table.Error("`certificate` and `key` come together: one of them is missing");
        return new MqttSettings(old, files);

        string? File(string key, string example) => table.String(key) is { } value ? table.ExistingFile(key, folder, value, $": name a PEM file, such as {key} = {example}") : null;
    }
}
