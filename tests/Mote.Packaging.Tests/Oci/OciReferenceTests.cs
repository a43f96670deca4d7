// References of artifacts: the grammar of distribution/reference, and what is said of one that is none.
using Mote.Packaging.Oci;

namespace Mote.Packaging.Tests.Oci;

public sealed class OciReferenceTests
{
    private const string Hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("registry.example.com/a/b:v1", "registry.example.com", "a/b", "v1", null)]
    [InlineData("registry.example.com/a/b@sha256:" + Hex, "registry.example.com", "a/b", null, Hex)]
    [InlineData("registry.example.com/a/b:v1@sha256:" + Hex, "registry.example.com", "a/b", "v1", Hex)]
    [InlineData("localhost/a:latest", "localhost", "a", "latest", null)]
    [InlineData("host:5000/a__b/c-d---e/f.g_h:_T.-", "host:5000", "a__b/c-d---e/f.g_h", "_T.-", null)]
    [InlineData("10.0.0.5:5000/m:1", "10.0.0.5:5000", "m", "1", null)]
    [InlineData("[fd00::1]:5000/m:1", "[fd00::1]:5000", "m", "1", null)]
    [InlineData("[::1]/m:1", "[::1]", "m", "1", null)]
    public void Parse_Reference_HasItsParts(string text, string host, string repository, string? tag, string? digest)
    {
        OciReference reference = OciReference.Parse(text, out string? fault)!;
        Assert.Null(fault);
        Assert.Equal((host, repository, tag, digest), (reference.Host, reference.Repository, reference.Tag, reference.Digest));
        Assert.Equal(text, reference.ToString());
        Assert.True(OciReference.Resembles(text));
    }

    [Theory]
    [InlineData("a:v1", "begins with its registry")]
    [InlineData("library/a:v1", "a dot or a port")]
    [InlineData("/a:v1", "begins with its registry")]
    [InlineData("https://registry.example.com/a:v1", "no scheme")]
    [InlineData("registry.example.com/a", "neither a digest nor a tag")]
    [InlineData("registry.example.com/:v1", "1 to 255 characters")]
    [InlineData("registry.example.com/A:v1", "lower-case letters")]
    [InlineData("registry.example.com/a//b:v1", "lower-case letters")]
    [InlineData("registry.example.com/a/:v1", "lower-case letters")]
    [InlineData("registry.example.com/a..b:v1", "lower-case letters")]
    [InlineData("registry.example.com/a___b:v1", "lower-case letters")]
    [InlineData("registry.example.com/../a:v1", "lower-case letters")]
    [InlineData("registry.example.com/a?x=1:v1", "lower-case letters")]
    [InlineData("registry.example.com/a:.x", "a tag has")]
    [InlineData("registry.example.com/a:", "a tag has")]
    [InlineData("registry.example.com/a@", "64 digits")]
    [InlineData("registry.example.com/a@sha256:0123", "64 digits")]
    [InlineData("registry.example.com/a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "64 digits")]
    [InlineData("registry.example.com/a@sha512:" + Hex + Hex, "SHA-512")]
    [InlineData("registry.example.com:0/a:v1", "the port")]
    [InlineData("registry.example.com:99999/a:v1", "the port")]
    [InlineData("registry.example.com:/a:v1", "the port")]
    [InlineData("-a.com/a:v1", "a dot or a port")]
    [InlineData("a..com/a:v1", "a dot or a port")]
    [InlineData("[zz]/a:v1", "a dot or a port")]
    [InlineData("[fd00::1]-100/a:v1", "the port")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com/a:v1", "a dot or a port")]
    [InlineData("[fe80::1%eth0]/a:v1", "a dot or a port")]
    [InlineData("user:pass@registry.example.com/a:v1", "begins with its registry")]
    public void Parse_WhatIsNoReference_IsSaidInOneLine(string text, string said)
    {
        Assert.Null(OciReference.Parse(text, out string? fault));
        Assert.Contains(said, fault, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault!);
    }

    [Theory]
    [InlineData("models/m.onnx")]
    [InlineData("./a.b/c:d")]
    [InlineData("/abs/x.onnx")]
    [InlineData("m.onnx")]
    [InlineData("../x/y:z")]
    public void Resembles_Path_IsNone(string text) => Assert.False(OciReference.Resembles(text));
}
