// [models] and [inference] of node.toml: the files behind the names of models, and what running them may use.
using Mote.Packaging.Oci;
using Mote.Packaging.Toml;

namespace Mote.Packaging;

/// <summary>A model's file.</summary>
/// <param name="File">Where it is, absolute.</param>
/// <param name="Digest">The SHA-256 of its bytes, 64 digits in lower case; null where it is not pinned.</param>
/// <param name="Trusted">Whether it runs in the node's own process; in a worker process of its own otherwise.</param>
public sealed record ModelConfig(string File, string? Digest = null, bool Trusted = true);

/// <summary>A model that is an artifact of a registry.</summary>
/// <param name="Reference">The artifact, by its digest.</param>
/// <param name="Trusted">Whether it runs in the node's own process; in a worker process of its own otherwise.</param>
public sealed record ArtifactModel(OciReference Reference, bool Trusted);

/// <summary>The models of a node.</summary>
public sealed record ModelsConfig
{
    /// <summary>By the names that components know.</summary>
    public IReadOnlyDictionary<string, ModelConfig> Files { get; init; } = new Dictionary<string, ModelConfig>();

    /// <summary>Those that are artifacts of a registry, by the names that components know; none of them is in <see cref="Files"/>.</summary>
    public IReadOnlyDictionary<string, ArtifactModel> Artifacts { get; init; } = new Dictionary<string, ArtifactModel>();

    /// <summary>Threads of each run.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Most bytes of the files of all models that are loaded at once.</summary>
    public long MaxBytes { get; init; } = 512L << 20;

    /// <summary>Most memory of the worker process of a model that is not trusted, bytes.</summary>
    public long WorkerBytes { get; init; } = 1L << 30;

    /// <summary>Whether node.toml has a model of this name.</summary>
    public bool Has(string name) => Files.ContainsKey(name) || Artifacts.ContainsKey(name);

    internal static ModelsConfig Read(TomlTable? models, TomlTable? inference, string folder, ModelsConfig defaults)
    {
        ModelsConfig config = defaults;
        if (inference is not null)
        {
            config = config with
            {
                Threads = (int)(inference.Integer("threads", 1, 256) ?? config.Threads),
                MaxBytes = inference.Bytes("memory", 1 << 20, 1L << 40) ?? config.MaxBytes,
                WorkerBytes = inference.Bytes("worker-memory", 128 << 20, 1L << 40) ?? config.WorkerBytes,
            };
            inference.RejectUnknown("[inference]");
        }

        if (models is null) return config;
        var files = new Dictionary<string, ModelConfig>(config.Files);
        var artifacts = new Dictionary<string, ArtifactModel>(config.Artifacts);
        foreach (string name in models.Values.Keys.ToArray())
        {
            if (models.Get(name) is TomlTable table && table.Get("oci") is not null) artifacts[name] = Artifact(table, name);
            else files[name] = Model(models, name, folder);
        }

        return config with { Files = files, Artifacts = artifacts };
    }

    private static ArtifactModel Artifact(TomlTable model, string name)
    {
        string text = model.String("oci")!;
        OciReference reference = OciReference.Parse(text, out string? fault) ?? throw model.Values["oci"].Error($"`oci`: {fault}");
        if (reference.Digest is not { } digest) throw model.Values["oci"].Error($"`oci` is pinned by a digest, so that it is the same model on every day: `mote model add {reference}` prints the one that the tag stands for now, and then oci = \"{reference.Host}/{reference.Repository}@sha256:...\"");
        if (model.Get("file") is { } file) throw file.Error($"a model is a file or an artifact, and `{name}` is both: leave `file` or `oci` out");
        if (model.Get("digest") is { } other) throw other.Error("the digest of an artifact is the one in `oci`: leave `digest` out");
        bool trusted = model.Boolean("trusted") ?? false;
        model.RejectUnknown($"[models] {name}");
        return new ArtifactModel(reference.Pinned(digest), trusted);
    }

    private static ModelConfig Model(TomlTable models, string name, string folder)
    {
        TomlNode value = models.Get(name)!;
        if (value is TomlString s) return new ModelConfig(models.ExistingFile(name, folder, s.Value));
        if (value is not TomlTable model) throw value.Error($"`{name}` is a file, such as {name} = \"{name}.onnx\", {{ file = \"{name}.onnx\", digest = \"sha256:...\" }} or {{ oci = \"HOST/PATH@sha256:...\" }}, found {value.Kind}");
        string file = model.ExistingFile("file", folder, model.Required("file", $"\"{name}.onnx\""));
        string? digest = model.String("digest");
        if (digest is not null && OciReference.DigestOf(digest) is null)
        {
            throw model.Values["digest"].Error($"`digest` is \"sha256:\" and 64 digits in lower case, as `sha256sum FILE` prints them, found \"{digest}\"");
        }

        bool trusted = model.Boolean("trusted") ?? true;
        model.RejectUnknown($"[models] {name}");
        return new ModelConfig(file, digest is null ? null : OciReference.DigestOf(digest), trusted);
    }
}
