// The models of a node's configuration, and what its apps want of them.
using Mote.Backends.OnnxRuntime;
using Mote.Packaging;

namespace Mote.Node;

internal static class ModelBackends
{
    /// <summary>Null where no model has a name; loads nothing yet.</summary>
    public static OnnxModels? Make(ModelsConfig config) => config.Files.Count == 0 ? null : new OnnxModels(new OnnxOptions
    {
        Models = config.Files.ToDictionary(f => f.Key, f => new ModelFile(f.Value.File, f.Value.Digest)),
        Threads = config.Threads,
        MaxBytes = config.MaxBytes,
    });

    /// <summary>A line for each model that an app may use and the node does not have.</summary>
    public static IEnumerable<string> Missing(AppManifest app, ModelsConfig config) =>
        from component in app.Components
        from model in component.Grants.Models
        where !config.Files.ContainsKey(model)
        select $"{app.Name}/{component.Name} may use the model `{model}`, which this node does not have: add {model} = \"FILE.onnx\" under [models] of node.toml";
}
