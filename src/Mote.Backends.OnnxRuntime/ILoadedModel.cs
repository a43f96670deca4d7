// A model that is loaded, here or in a process of its own.
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime;

/// <summary>All who use a model share it; any thread may run it.</summary>
internal interface ILoadedModel : IDisposable
{
    ModelSignature Signature { get; }

    /// <summary>As <see cref="IModel.Run"/> says.</summary>
    IReadOnlyList<(string Name, TensorValue Tensor)> Run(IReadOnlyList<string> names, IReadOnlyList<TensorValue> inputs, CancellationToken end);
}
