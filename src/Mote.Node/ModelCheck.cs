// Whether a model can be loaded, and what it takes and gives: found out in a worker process, whoever made the file.
using Mote.Backends.OnnxRuntime;
using Mote.Backends.OnnxRuntime.Isolation;
using Mote.Capabilities.Nn;

namespace Mote.Node;

/// <summary>A model that can be loaded.</summary>
/// <param name="Inputs">What it takes.</param>
/// <param name="Outputs">What it gives.</param>
public sealed record CheckedModel(IReadOnlyList<ModelTensor> Inputs, IReadOnlyList<ModelTensor> Outputs)
{
    /// <summary>Loads a model, runs it once with zeros where it can be, and lets go of it.</summary>
    /// <param name="name">What it is to be called.</param>
    /// <param name="file">The file.</param>
    /// <param name="digest">The SHA-256 of its bytes, 64 digits in lower case.</param>
    /// <param name="program">This program, which becomes the worker.</param>
    /// <param name="workerBytes">Most memory of the worker.</param>
    /// <exception cref="ModelException">It cannot be loaded.</exception>
    public static async Task<CheckedModel> LoadAsync(string name, string file, string digest, string program, long workerBytes)
    {
        using var models = new OnnxModels(new OnnxOptions
        {
            Find = _ => new ModelFile(file, digest, Trusted: false),
            MaxBytes = long.MaxValue,
            Worker = new ModelWorkerOptions { Program = program, MemoryBytes = workerBytes, Lanes = 1 },
        });
        using IModel model = await models.OpenAsync(name).ConfigureAwait(false);
        return new CheckedModel(model.Inputs, model.Outputs);
    }
}
