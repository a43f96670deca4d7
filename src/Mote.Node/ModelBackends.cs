// The models of a node's configuration, and what its apps want of them.
using System.Collections.Concurrent;
using Mote.Backends.OnnxRuntime;
using Mote.Backends.OnnxRuntime.Isolation;
using Mote.Capabilities.Nn;
using Mote.Packaging;
using Mote.Packaging.Toml;

namespace Mote.Node;

/// <summary>Which model is behind a name: node.toml's, or else one that was added to the data folder, also while the node runs.</summary>
internal sealed class ModelBackends(ModelsConfig config, ModelStore? store)
{
    private readonly ConcurrentDictionary<string, (DateTime Given, ModelFile File)> _stored = new();
    private readonly ConcurrentDictionary<string, ModelFile> _artifacts = new();

    /// <summary>Null where no model can have a name; loads nothing yet.</summary>
    /// <param name="program">This program, which is its models' workers as well; null where it cannot be started so.</param>
    /// <param name="log">Told of workers that end.</param>
    public OnnxModels? Make(string? program, Action<string> log) => config.Files.Count + config.Artifacts.Count == 0 && store is null ? null : new OnnxModels(new OnnxOptions
    {
        Find = Find,
        Threads = config.Threads,
        MaxBytes = config.MaxBytes,
        Worker = program is null ? null : new ModelWorkerOptions { Program = program, MemoryBytes = config.WorkerBytes, Log = log },
    });

    /// <summary>A line for each model that an app may use and the node does not have, or has twice.</summary>
    public IEnumerable<string> Notes(IEnumerable<AppManifest> apps)
    {
        foreach (AppManifest app in apps)
        {
            foreach (ComponentManifest component in app.Components)
            {
                foreach (string model in component.Grants.Models)
                {
                    bool configured = config.Has(model), added = store?.GivenAt(model) is not null;
                    if (!configured && !added) yield return $"{app.Name}/{component.Name} may use the model `{model}`, which this node does not have: add it with `mote model add FILE.onnx --name {model}`, or name it in node.toml: {model} = \"FILE.onnx\" under [models]";
                    if (configured && added) yield return $"the model `{model}` is the one of [models] in node.toml; that of `mote model add` is not used";
                }
            }
        }
    }

    private ModelFile? Find(string name)
    {
        if (config.Files.TryGetValue(name, out ModelConfig? m)) return new ModelFile(m.File, m.Digest, m.Trusted);
        if (config.Artifacts.TryGetValue(name, out ArtifactModel? artifact)) return Pulled(name, artifact);
        if (store?.GivenAt(name) is not { } given) return null;
        if (_stored.TryGetValue(name, out (DateTime Given, ModelFile File) known) && known.Given == given) return known.File;
        try
        {
            if (store.Find(name) is not { } stored) return null;
            var file = new ModelFile(stored.File, stored.Digest, stored.Trusted);
            _stored[name] = (given, file);
            return file;
        }
        catch (Exception e) when (e is ConfigException or IOException or UnauthorizedAccessException)
        {
            throw new ModelException(INnErrors.ErrorCode.Unknown, $"the model `{name}` cannot be found: {e.Message}");
        }
    }

    /// <summary>What an artifact's digest stands for never changes, so that it is looked for until it is there.</summary>
    private ModelFile Pulled(string name, ArtifactModel artifact)
    {
        if (_artifacts.TryGetValue(name, out ModelFile? known) && File.Exists(known.Path)) return known;
        try
        {
            if (store?.FindArtifact(artifact.Reference.Digest!) is { } found) return _artifacts[name] = new ModelFile(found.File, found.Digest, artifact.Trusted);
        }
        catch (Exception e) when (e is ConfigException or IOException or UnauthorizedAccessException)
        {
            throw new ModelException(INnErrors.ErrorCode.Unknown, $"the model `{name}` cannot be found: {e.Message}");
        }

        // Why it is not there is the operator's business, and in the log.
        throw new ModelException(INnErrors.ErrorCode.NotFound, $"the model `{name}` is not on this node yet: it is pulled from a registry, and can be loaded when it is here");
    }
}
