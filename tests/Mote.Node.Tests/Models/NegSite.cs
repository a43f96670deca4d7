// An app whose component gives a model the numbers of each message, and sends on what the model makes of them.
using Mote.Capabilities.Tests;

namespace Mote.Node.Tests.Models;

internal static class NegSite
{
    public const string App = """
        mote = 1
        [app]
        name = "test"
        [[trigger.mqtt]]
        topic = "in/#"
        component = "handler"
        retries = 0
        [component.handler]
        source = "handler.wasm"
        instance = "pooled"
        [component.handler.grants]
        models = ["neg"]
        publish = ["out"]
        [component.handler.limits]
        memory = "16MiB"
        time = "30s"
        """;

    /// <summary>Changes the sign of two numbers.</summary>
    public static byte[] Model { get; } = OnnxFile.Of("Neg", OnnxType.Float, [2], OnnxType.Float, [2]);

    public static TestSite Make()
    {
        var site = new TestSite();
        File.WriteAllBytes(Path.Combine(site.Folder, "handler.wasm"), Negator.Wasm);
        return site;
    }
}
