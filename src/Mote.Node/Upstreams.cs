// Which upstream a URL in [upstream] means: one line a scheme.
using System.Security.Authentication;
using Mote.DataPlane;
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Runtime;
using Mote.Triggers.Mqtt;

namespace Mote.Node;

internal static class Upstreams
{
    /// <summary>The upstream of a node. It connects when it first sends.</summary>
    /// <param name="url">Where; one of the schemes that <see cref="NodeConfig"/> lets in.</param>
    /// <param name="config">The node.</param>
    /// <param name="http">The client of upstreams over HTTP.</param>
    /// <param name="nats">The node's connection to NATS; null where it has none.</param>
    /// <param name="wear">Told what is written.</param>
    /// <param name="log">What it says of itself.</param>
    /// <exception cref="ConfigException">What the URL or the keys beside it name cannot be used.</exception>
    public static IUpstream Make(Uri url, NodeConfig config, HttpClient http, NodeNats? nats, DiskWear wear, Action<string> log) => url.Scheme switch
    {
        "http" or "https" => Http(url, config, http, log),
        "mqtt" or "mqtts" => Mqtt(url, config.UpstreamBroker ?? new UpstreamBroker(new MqttSettings(), ""), config, log),
        "file" when config.UpstreamFiles is { } f => new FileUpstream(new FileUpstreamOptions(f.Path, f.FileSize, f.TotalSize, f.DropOldest, config.UpstreamBatch), TimeProvider.System, log) { Wear = wear },
        "nats" when config.UpstreamSubject is { } subject => nats!.Upstream(subject, config.UpstreamBatch),
        _ => throw new ConfigException("node config", 0, $"`url` under [upstream]: events do not go to {url.Scheme}://"),
    };

    /// <summary>A broker, with the files for TLS looked at.</summary>
    /// <exception cref="ConfigException">They cannot be used.</exception>
    public static MqttEndpoint Endpoint(string table, Uri url, MqttSettings settings)
    {
        var endpoint = new MqttEndpoint(url, settings.Is311, settings.Tls is { } t ? new MqttTlsFiles(t.Ca, t.Certificate, t.Key) : null);
        try
        {
            endpoint.Check();
            return endpoint;
        }
        catch (AuthenticationException e)
        {
            throw new ConfigException("node config", 0, $"{table}: {e.Message}");
        }
    }

    private static HttpUpstream Http(Uri url, NodeConfig config, HttpClient http, Action<string> log)
    {
        if (config.UpstreamLogin is not { } login) return new HttpUpstream(url, http, TimeProvider.System, log, config.UpstreamBatch);
        var upstream = new HttpUpstream(url, http, TimeProvider.System, log, config.UpstreamBatch) { Authorization = login.Header };
        if (url.Scheme == "http" && !url.IsLoopback) log($"upstream {upstream.Address}: the node's credentials go there over http://, where everybody on the way can read them: use https://");
        return upstream;
    }

    private static MqttUpstream Mqtt(Uri url, UpstreamBroker broker, NodeConfig config, Action<string> log) =>
        new(Endpoint("[upstream]", url, broker.Mqtt), $"mote-{config.Name}-upstream", broker.TopicPrefix, log, config.UpstreamBatch);
}
