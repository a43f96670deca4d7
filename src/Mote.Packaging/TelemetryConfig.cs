// [telemetry] of node.toml.
using System.Net;
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>What a node tells about itself, and to whom. Nothing, unless it is said.</summary>
public sealed record TelemetryConfig
{
    /// <summary>A collector that takes OTLP over HTTP, such as http://127.0.0.1:4318; null for none.</summary>
    public Uri? Otlp { get; init; }

    /// <summary>Where metrics are served as Prometheus text, at /metrics; null for nowhere. Port 0 lets the system choose.</summary>
    public IPEndPoint? Metrics { get; init; }

    /// <summary>Which share of the events that come without a trace get one, 0 to 1; those that come with one follow it.</summary>
    public double Sample { get; init; } = 1;

    internal static TelemetryConfig Read(TomlTable table, Uri? otlp, TelemetryConfig defaults)
    {
        var config = new TelemetryConfig
        {
            Otlp = otlp ?? defaults.Otlp,
            Metrics = table.String("metrics") is not { } listen ? defaults.Metrics
                : ListenAddress.TryParse(listen, out IPEndPoint? at) ? at
                : throw table.Values["metrics"].Error($"`metrics` must be an address and a port like \"127.0.0.1:9464\", found \"{listen}\""),
            Sample = table.Number("sample", 0, 1) ?? defaults.Sample,
        };
        table.RejectUnknown("[telemetry]");
        return config;
    }
}
