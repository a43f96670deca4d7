// The models of a node's configuration, and what its apps want of them.
using Mote.Backends.OnnxRuntime;
using Mote.Backends.OnnxRuntime.Isolation;
using Mote.Packaging;

namespace Mote.Node;

internal static class ModelBackends
{
    /// <summary>Null where no model has a name; loads nothing yet.</summary>
    /// <param name="config">The models.</param>
    /// <param name="program">This program, which is its models' workers as well; null where it cannot be started so.</param>
    /// <param name="log">Told of workers that end.</param>
    public static OnnxModels? Make(ModelsConfig config, string? program, Action<string> log) => config.Files.Count == 0 ? null : new OnnxModels(new OnnxOptions
    {
        Find = name => config.Files.TryGetValue(name, out ModelConfig? m) ? new ModelFile(m.File, m.Digest, m.Trusted) : null,
        Threads = config.Threads,
        MaxBytes = config.MaxBytes,
        Worker = program is null ? null : new ModelWorkerOptions { Program = program, MemoryBytes = config.WorkerBytes, Log = log },
    });

    /// <summary>A line for each model that an app may use and the node does not have.</summary>
    public static IEnumerable<string> Missing(AppManifest app, ModelsConfig config) =>
        from component in app.Components
        from model in component.Grants.Models
        where !config.Files.ContainsKey(model)
        select $"{app.Name}/{component.Name} may use the model `{model}`, which this node does not have: add {model} = \"FILE.onnx\" under [models] of node.toml";
}
