// Which layer of an artifact is the model, and how it is packed: what ORAS, ModelPack (the CNCF model-spec) and KitOps make.
namespace Mote.Packaging.Oci;

/// <summary>How the bytes of a layer hold the model.</summary>
public enum ModelPacking
{
    /// <summary>They are the model.</summary>
    None,

    /// <summary>They are a tar archive with one file that ends in .onnx.</summary>
    Tar,

    /// <summary>They are such an archive, packed by gzip.</summary>
    TarGzip,
}

/// <summary>The layer that is the model.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Packing">How it holds the model.</param>
public sealed record ModelLayer(OciDescriptor Layer, ModelPacking Packing)
{
    private const string ModelSuffix = ".onnx";
    private const int MaxNamed = 8;

    /// <summary>Chooses the layer.</summary>
    /// <remarks>
    /// A layer that says it is ONNX, by its media type (`application/onnx`, `application/vnd.onnx` and the like) or by the name of
    /// its file, comes first; then one that says it is a model's weights (ModelPack's `…model.weight…`, KitOps' `…modelkit.model…`)
    /// and has no name of another kind; then the only layer there is, where its type says nothing (`application/octet-stream`).
    /// The first of these kinds that has a layer has it, and must have one only.
    /// </remarks>
    /// <exception cref="OciException">There is none, there are several, or it is packed in a way that is not known here.</exception>
    public static ModelLayer Of(OciManifest manifest, OciReference of)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        OciDescriptor[] said = [.. manifest.Layers.Where(IsOnnx)], weights = [.. manifest.Layers.Where(l => IsWeights(l) && !IsOnnx(l) && !HasOtherName(l))];
        OciDescriptor[] only = manifest.Layers is [var one] && one.MediaType == "application/octet-stream" && !HasOtherName(one) ? [one] : [];
        OciDescriptor[] found = said.Length > 0 ? said : weights.Length > 0 ? weights : only;
        if (found.Length == 0) throw new OciException(OciFault.Invalid, $"{of}: none of its {manifest.Layers.Count} layers is an ONNX model: {Names(manifest.Layers)}. A model is a layer whose file ends in {ModelSuffix} (annotation org.opencontainers.image.title), or whose media type says so (application/onnx)");
        if (found.Length > 1) throw new OciException(OciFault.Invalid, $"{of}: {found.Length} of its layers can be the model, and it must be one: {Names(found)}");
        return new ModelLayer(found[0], PackingOf(found[0], of));
    }

    /// <summary>Whether a file's name is that of a model.</summary>
    internal static bool IsModelName(string name) => name.EndsWith(ModelSuffix, StringComparison.OrdinalIgnoreCase);

    private static bool IsOnnx(OciDescriptor l) => (l.Title is { } title && IsModelName(title)) || (l.MediaType.Contains("onnx", StringComparison.Ordinal) && !l.MediaType.EndsWith("json", StringComparison.Ordinal) && !l.MediaType.Contains("config", StringComparison.Ordinal));

    private static bool IsWeights(OciDescriptor l) =>
        l.MediaType.StartsWith("application/vnd.cncf.model.weight.v1.", StringComparison.Ordinal) || l.MediaType.StartsWith("application/vnd.cnai.model.weight.v1.", StringComparison.Ordinal)
        || l.MediaType.StartsWith("application/vnd.kitops.modelkit.model.v1.", StringComparison.Ordinal);

    /// <summary>A file of another kind (`weights.safetensors`), and not a folder or an archive that a model may be in.</summary>
    private static bool HasOtherName(OciDescriptor l) => l.Title is { } title && !IsModelName(title) && Path.GetExtension(title) is not ("" or ".tar" or ".tgz" or ".gz");

    private static ModelPacking PackingOf(OciDescriptor layer, OciReference of)
    {
        string type = layer.MediaType;
        // ORAS gives this type to files that it is told no type of: they are no archives, and have their name.
        if (type == "application/vnd.oci.image.layer.v1.tar" && layer.Title is { } title && IsModelName(title)) return ModelPacking.None;
        bool isGzip = type.EndsWith("+gzip", StringComparison.Ordinal) || type.EndsWith(".gzip", StringComparison.Ordinal);
        if (isGzip) type = type[..^"+gzip".Length];
        if (type.EndsWith("+zstd", StringComparison.Ordinal)) throw new OciException(OciFault.Invalid, $"{of}: the model's layer {layer} is packed by zstd, which is not unpacked here: pack it without compression");
        bool isTar = type.EndsWith(".tar", StringComparison.Ordinal) || type is "application/x-tar" or "application/tar";
        if (isGzip && !isTar) throw new OciException(OciFault.Invalid, $"{of}: the model's layer {layer} is packed by gzip and is no archive, which is not unpacked here: push it without compression");
        return isGzip ? ModelPacking.TarGzip : isTar ? ModelPacking.Tar : ModelPacking.None;
    }

    private static string Names(IReadOnlyList<OciDescriptor> layers) => layers.Count == 0 ? "it has none" : string.Join(", ", layers.Take(MaxNamed)) + (layers.Count > MaxNamed ? $" and {layers.Count - MaxNamed} more" : "");
}
