// What a model takes and gives, and whether what it is given fits.
using Mote.Capabilities.Nn;

namespace Mote.Backends.OnnxRuntime;

/// <summary>The inputs and outputs of a model.</summary>
internal sealed class ModelSignature
{
    private const int MostNamed = 16;

    private readonly Dictionary<string, int> _byName;

    public ModelSignature(IReadOnlyList<ModelTensor> inputs, IReadOnlyList<ModelTensor> outputs)
    {
        Inputs = inputs;
        Outputs = outputs;
        Given = [.. outputs.Where(o => o.Type is not null)];
        _byName = inputs.Select((input, i) => (input.Name, i)).ToDictionary(i => i.Name, i => i.i, StringComparer.Ordinal);
    }

    public IReadOnlyList<ModelTensor> Inputs { get; }

    public IReadOnlyList<ModelTensor> Outputs { get; }

    /// <summary>The outputs that wasi:nn has a type for: those that a run gives, in this order.</summary>
    public IReadOnlyList<ModelTensor> Given { get; }

    /// <summary>The place of an input that the model has.</summary>
    public int IndexOf(string input) => _byName[input];

    /// <summary>Refuses what the model does not take.</summary>
    /// <exception cref="ModelException">It says what does not fit.</exception>
    public void Check(IReadOnlyList<string> names, IReadOnlyList<TensorValue> inputs)
    {
        if (Given.Count == 0) throw new ModelException(INnErrors.ErrorCode.UnsupportedOperation, $"no output of the model has a type that wasi:nn has a name for: {Text(Outputs)}");
        for (int i = 0; i < names.Count; i++)
        {
            if (!_byName.TryGetValue(names[i], out int index)) throw Invalid($"the model has no input `{Short(names[i])}`: it has {Text(Inputs)}");
            for (int j = 0; j < i; j++)
            {
                if (names[j] == names[i]) throw Invalid($"the input `{names[i]}` is given twice");
            }

            (ModelTensor input, TensorValue tensor) = (Inputs[index], inputs[i]);
            if (input.Type is null) throw new ModelException(INnErrors.ErrorCode.UnsupportedOperation, $"the input `{input.Name}` is {input}, which wasi:nn has no type for");
            if (input.Type != tensor.Type || !Fits(input.Dimensions, tensor.Dimensions)) throw Invalid($"the input `{input.Name}` is {input}, given was {tensor.Type}[{string.Join(',', tensor.Dimensions.ToArray())}]");
        }

        if (names.Count == Inputs.Count) return;
        throw Invalid($"the model has {Inputs.Count} inputs, given were {names.Count}: {Text([.. Inputs.Where(i => !names.Contains(i.Name))])} is missing");
    }

    /// <summary>Whether another model takes and gives the same.</summary>
    public bool IsSameAs(ModelSignature other) => Same(Inputs, other.Inputs) && Same(Outputs, other.Outputs);

    private static bool Same(IReadOnlyList<ModelTensor> a, IReadOnlyList<ModelTensor> b) =>
        a.Count == b.Count && a.Zip(b).All(p => p.First.Name == p.Second.Name && p.First.Type == p.Second.Type && p.First.Dimensions.SequenceEqual(p.Second.Dimensions));

    private static bool Fits(IReadOnlyList<long> wanted, ReadOnlySpan<long> given)
    {
        if (wanted.Count == 0) return given is [] or [1];
        if (wanted.Count != given.Length) return false;
        for (int i = 0; i < given.Length; i++)
        {
            if (wanted[i] >= 0 && wanted[i] != given[i]) return false;
        }

        return true;
    }

    private static ModelException Invalid(string message) => new(INnErrors.ErrorCode.InvalidArgument, message);

    private static string Short(string name) => name.Length <= 100 ? name : $"{name[..100]}…";

    private static string Text(IReadOnlyList<ModelTensor> tensors) =>
        $"{string.Join(", ", tensors.Take(MostNamed).Select(t => $"`{t.Name}` {t}"))}{(tensors.Count > MostNamed ? $" and {tensors.Count - MostNamed} more" : "")}";
}
