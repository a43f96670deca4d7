// Batches of a component: from what its triggers say to what its queue does.
using Mote.Capabilities.Messaging;
using Mote.Packaging;
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Node;

internal static class Batches
{
    /// <summary>How large a component's batches are.</summary>
    public static BatchOptions Of(AppManifest app, ComponentManifest c) => app.BatchOf(c.Name)?.Options ?? BatchOptions.Default with { Size = BatchManifest.StandardSize(c) };

    /// <summary>Batches are asked for by an export, and a trigger that speaks of them without it would be without effect.</summary>
    /// <exception cref="ConfigException">The component takes one message at a time.</exception>
    public static void Check(AppManifest app, ComponentManifest c, MessageHandler handler)
    {
        if (!handler.TakesBatches && app.BatchOf(c.Name) is { } batch) throw new ConfigException(app.File, batch.Line, $"this trigger speaks of batches, and component `{c.Name}` takes one message at a time, by {handler.Interface}: let it export {BatchHandler.InterfaceName}, or take `batch`, `batch-wait` and `batch-bytes` out");
    }
}
