// Archives with a model in them, as .NET's own writer makes them in each format, and as a stranger does.
using System.Formats.Tar;
using System.Text;
using Mote.Packaging.Oci;

namespace Mote.Packaging.Tests.Oci;

public sealed class TarModelTests
{
    private static readonly OciReference s_of = OciReference.Parse("registry.example.com/models/m:v1", out _)!;
    private static readonly byte[] s_model = [.. Enumerable.Range(0, 1500).Select(i => (byte)i)];

    private static byte[] Tar(TarEntryFormat format, params (string Name, TarEntryType Type, byte[] Bytes)[] entries)
    {
        var to = new MemoryStream();
        using (var writer = new TarWriter(to, format, leaveOpen: true))
        {
            foreach ((string name, TarEntryType type, byte[] bytes) in entries)
            {
                TarEntry entry = format switch
                {
                    TarEntryFormat.V7 => new V7TarEntry(type, name),
                    TarEntryFormat.Ustar => new UstarTarEntry(type, name),
                    TarEntryFormat.Gnu => new GnuTarEntry(type, name),
                    _ => new PaxTarEntry(type, name),
                };
                if (type is TarEntryType.SymbolicLink) entry.LinkName = "/etc/passwd";
                else if (bytes.Length > 0) entry.DataStream = new MemoryStream(bytes);
                writer.WriteEntry(entry);
            }
        }

        return to.ToArray();
    }

    private static byte[] Extract(byte[] tar, long max = 1 << 20)
    {
        var to = new MemoryStream();
        TarModel.Extract(new MemoryStream(tar), to, max, s_of);
        return to.ToArray();
    }

    private static string Refused(byte[] tar, long max = 1 << 20) => Assert.Throws<OciException>(() => Extract(tar, max)).Message;

    [Theory]
    [InlineData(TarEntryFormat.V7, 20)]
    [InlineData(TarEntryFormat.Ustar, 20)]
    [InlineData(TarEntryFormat.Ustar, 140)]
    [InlineData(TarEntryFormat.Pax, 140)]
    [InlineData(TarEntryFormat.Pax, 400)]
    [InlineData(TarEntryFormat.Gnu, 20)]
    [InlineData(TarEntryFormat.Gnu, 400)]
    public void Model_IsFound_BetweenOtherThings(TarEntryFormat format, int nameLength)
    {
        TarEntryType file = format == TarEntryFormat.V7 ? TarEntryType.V7RegularFile : TarEntryType.RegularFile;
        string name = string.Join('/', Enumerable.Repeat("folder-of-ten", nameLength / 14)) + "/model.ONNX";
        byte[] tar = Tar(format, ("models/", TarEntryType.Directory, []), ("models/readme.md", file, [1, 2, 3]), ("linked.onnx", TarEntryType.SymbolicLink, []), (name, file, s_model), ("after.txt", file, new byte[512]));
        Assert.Equal(s_model, Extract(tar));
    }

    [Fact]
    public void NoneOrSeveral_AreRefused()
    {
        Assert.Contains("no file that ends in .onnx", Refused(Tar(TarEntryFormat.Pax, ("a.txt", TarEntryType.RegularFile, [1]))), StringComparison.Ordinal);
        string said = Refused(Tar(TarEntryFormat.Pax, ("a/one.onnx", TarEntryType.RegularFile, [1]), ("two.onnx", TarEntryType.RegularFile, [2])));
        Assert.Contains("`a/one.onnx` and `two.onnx`", said, StringComparison.Ordinal);
        Assert.Contains("no file that ends in .onnx", Refused([]), StringComparison.Ordinal);
    }

    [Fact]
    public void TooLarge_IsRefused_BeforeItIsWritten()
    {
        byte[] tar = Tar(TarEntryFormat.Ustar, ("m.onnx", TarEntryType.RegularFile, s_model));
        Assert.Contains("1500 bytes, and may have 1499", Refused(tar, 1499), StringComparison.Ordinal);
        Assert.Equal(s_model, Extract(tar, 1500));
    }

    [Fact]
    public void WhatIsNoArchive_IsRefused()
    {
        byte[] tar = Tar(TarEntryFormat.Ustar, ("m.onnx", TarEntryType.RegularFile, s_model));
        Assert.Contains("ends too early", Refused(tar[..1000]), StringComparison.Ordinal);
        Assert.Contains("ends too early", Refused(tar[..100]), StringComparison.Ordinal);
        Assert.Contains("is none", Refused(Encoding.ASCII.GetBytes(new string('x', 2048))), StringComparison.Ordinal);
        byte[] damaged = [.. tar];
        damaged[0] ^= 1;
        Assert.Contains("is none", Refused(damaged), StringComparison.Ordinal);
    }
}
