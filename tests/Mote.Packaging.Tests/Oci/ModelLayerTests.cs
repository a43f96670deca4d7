// Which layer of an artifact is the model, in artifacts as tools make them; and manifests that a stranger made to be misread.
using System.Text;
using Mote.Packaging.Oci;
using Mote.Tests.Servers;

namespace Mote.Packaging.Tests.Oci;

public sealed class ModelLayerTests
{
    private const string ModelPackPath = "org.cncf.model.filepath";

    private static readonly OciReference s_of = OciReference.Parse("registry.example.com/models/m:v1", out _)!;

    private static ArtifactLayer Layer(string type, string? title = null, string key = "org.opencontainers.image.title") => new(Encoding.UTF8.GetBytes(type + title), type, title, key);

    private static ModelLayer Of(params ArtifactLayer[] layers) => ModelLayer.Of(OciManifest.Read(new Artifact(layers).Manifest, s_of), s_of);

    [Fact]
    public void Oras_FileByItsName()
    {
        ModelLayer model = Of(Layer("application/octet-stream", "readme.md"), Layer("application/octet-stream", "sub/Model.ONNX"));
        Assert.Equal(("sub/Model.ONNX", ModelPacking.None), (model.Layer.Title, model.Packing));
        // What ORAS says of a file where it is told nothing of it.
        Assert.Equal(ModelPacking.None, Of(Layer("application/vnd.oci.image.layer.v1.tar", "model.onnx")).Packing);
    }

    [Theory]
    [InlineData("application/onnx")]
    [InlineData("application/vnd.onnx")]
    [InlineData("application/x-onnx; version=1")]
    [InlineData("application/vnd.onnx.model")]
    public void MediaTypeOfOnnx_NeedsNoName(string type) => Assert.Equal(ModelPacking.None, Of(Layer(type), Layer("application/json", "labels.json")).Packing);

    [Theory]
    [InlineData("application/vnd.cncf.model.weight.v1.raw", "detector.onnx", ModelPacking.None)]
    [InlineData("application/vnd.cncf.model.weight.v1.tar", "detector.onnx", ModelPacking.Tar)]
    [InlineData("application/vnd.cncf.model.weight.v1.tar+gzip", "weights", ModelPacking.TarGzip)]
    [InlineData("application/vnd.cnai.model.weight.v1.raw", null, ModelPacking.None)]
    public void ModelPack_Weights(string type, string? path, ModelPacking packing) =>
        Assert.Equal(packing, Of(Layer("application/vnd.cncf.model.doc.v1.raw", "README.md", ModelPackPath), Layer(type, path, ModelPackPath), Layer("application/vnd.cncf.model.weight.config.v1.raw", "config.json", ModelPackPath)).Packing);

    [Theory]
    [InlineData("application/vnd.kitops.modelkit.model.v1.tar", ModelPacking.Tar)]
    [InlineData("application/vnd.kitops.modelkit.model.v1.tar+gzip", ModelPacking.TarGzip)]
    [InlineData("application/vnd.kitops.modelkit.model.v1.raw", ModelPacking.None)]
    public void KitOps_Model(string type, ModelPacking packing) =>
        Assert.Equal(packing, Of(Layer("application/vnd.kitops.modelkit.dataset.v1.tar+gzip"), Layer(type), Layer("application/vnd.kitops.modelkit.code.v1.tar")).Packing);

    [Fact]
    public void OnlyLayer_OfATypeThatSaysNothing() => Assert.Equal(ModelPacking.None, Of(Layer("application/octet-stream")).Packing);

    private static string Refused(params ArtifactLayer[] layers)
    {
        OciException e = Assert.Throws<OciException>(() => Of(layers));
        Assert.Equal(OciFault.Invalid, e.Fault);
        Assert.Contains("registry.example.com/models/m:v1", e.Message, StringComparison.Ordinal);
        return e.Message;
    }

    [Fact]
    public void Several_AreNamed()
    {
        string said = Refused(Layer("application/octet-stream", "model.onnx"), Layer("application/octet-stream", "model-int8.onnx"), Layer("application/octet-stream", "x.txt"));
        Assert.Contains("2 of its layers can be the model", said, StringComparison.Ordinal);
        Assert.Contains("`model.onnx`", said, StringComparison.Ordinal);
        Assert.Contains("`model-int8.onnx`", said, StringComparison.Ordinal);
        Assert.DoesNotContain("x.txt", said, StringComparison.Ordinal);
    }

    [Fact]
    public void None_NamesWhatThereIs()
    {
        Assert.Contains("`weights.safetensors`", Refused(Layer("application/vnd.cncf.model.weight.v1.raw", "weights.safetensors", ModelPackPath)), StringComparison.Ordinal);
        Assert.Contains("application/vnd.oci.image.layer.v1.tar+gzip", Refused(Layer("application/vnd.oci.image.layer.v1.tar+gzip")), StringComparison.Ordinal);
        Assert.Contains("it has none", Refused(), StringComparison.Ordinal);
    }

    [Fact]
    public void PackedInAWayThatIsNotUnpacked_SaysHowToPushIt()
    {
        Assert.Contains("zstd", Refused(Layer("application/vnd.cncf.model.weight.v1.tar+zstd")), StringComparison.Ordinal);
        Assert.Contains("push it without compression", Refused(Layer("application/onnx+gzip")), StringComparison.Ordinal);
    }

    [Fact]
    public void Index_SaysWhatToPin()
    {
        string digest = Artifact.DigestOf([1]);
        string index = $$$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"{{{Artifact.ManifestType}}}","digest":"{{{digest}}}","size":7,"platform":{"os":"linux","architecture":"arm64"}}]}""";
        string said = Assert.Throws<OciException>(() => OciManifest.Read(Encoding.UTF8.GetBytes(index), s_of)).Message;
        Assert.Contains($"registry.example.com/models/m@{digest} for linux/arm64", said, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Hostile
    {
        get
        {
            string good = Encoding.UTF8.GetString(new Artifact(Layer("application/onnx")).Manifest), digest = Artifact.DigestOf([]);
            string Layers(string layer) => $$"""{"schemaVersion":2,"layers":[{{layer}}]}""";
            return new()
            {
                { "", "not what a manifest should be" },
                { "[]", "no object" },
                { "null", "no object" },
                { "<html>", "not what a manifest should be" },
                { good[..^1], "not what a manifest should be" },
                { """{"schemaVersion":1,"fsLayers":[]}""", "schemaVersion" },
                { """{"schemaVersion":2}""", "no `layers`" },
                { """{"schemaVersion":2,"layers":[],"manifests":[]}""", "both `layers` and `manifests`" },
                { """{"schemaVersion":2,"layers":[],"layers":[]}""", "not what a manifest should be" },
                { """{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","layers":[]}""", "of another kind" },
                { Layers("1"), "layer 0 of its manifest is no object" },
                { Layers($$"""{"digest":"{{digest}}","size":1}"""), "no `mediaType`" },
                { Layers("""{"mediaType":"application/onnx","size":1}"""), "no `digest`" },
                { Layers("""{"mediaType":"application/onnx","size":1,"digest":"sha256:../../etc/passwd"}"""), "64 digits" },
                { Layers("""{"mediaType":"application/onnx","size":1,"digest":"md5:00"}"""), "64 digits" },
                { Layers($$"""{"mediaType":"application/onnx","size":-1,"digest":"{{digest}}"}"""), "no `size`" },
                { Layers($$"""{"mediaType":"application/onnx","size":1e99,"digest":"{{digest}}"}"""), "no `size`" },
                { Layers($$"""{"mediaType":"application/onnx","size":"1","digest":"{{digest}}"}"""), "no `size`" },
                { Layers($$"""{"mediaType":"\ud800","size":1,"digest":"{{digest}}"}"""), "not what a manifest should be" },
                { Layers(string.Join(',', Enumerable.Repeat("1", 1001))), "1001 layers" },
                { new string('[', 5000), "not what a manifest should be" },
                { new string(' ', OciManifest.MaxBytes + 1), "may have 4194304" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Read_WhatIsNoManifest_IsSaid(string manifest, string said)
    {
        OciException e = Assert.Throws<OciException>(() => OciManifest.Read(Encoding.UTF8.GetBytes(manifest), s_of));
        Assert.Equal(OciFault.Invalid, e.Fault);
        Assert.Contains(said, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }
}
