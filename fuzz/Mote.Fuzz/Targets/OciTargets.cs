// What registries and their users write: references, manifests, archives of models, challenges.
using System.Formats.Tar;
using System.Text;
using System.Text.RegularExpressions;
using Mote.Fuzz.Generation;
using Mote.Packaging.Oci;

namespace Mote.Fuzz.Targets;

/// <summary>The first byte of an input says what the rest is: r a reference, m a manifest, t a tar archive, c a WWW-Authenticate.</summary>
internal sealed partial class Artifacts : Target
{
    private const int MaxModel = 1 << 16;

    private static readonly string s_hex = new('a', 64);
    private static readonly OciReference s_of = OciReference.Parse("registry.example.com/models/m:v1", out _)!;

    private static readonly string[] s_references =
    [
        "registry.example.com/team/model:v1.2", "localhost/a:latest", "10.0.0.5:5000/m:1", "[fd00::1]:5000/a__b/c-d---e/f.g_h:_T.-", $"registry.example.com/a@sha256:{s_hex}", $"h:1/a/b/c:t@sha256:{s_hex}",
    ];

    private static readonly string[] s_words =
    [
        "/", ":", "@", ".", "-", "_", "__", "a", "A", "0", "[", "]", "::1", "localhost", "sha256:", s_hex, ":65535", ":65536", "..", "%", "https://", "{", "}", "\"layers\":[", "\"manifests\":[", "]", "\"mediaType\":", "\"application/onnx\"", "\"size\":", "1e3", "-1",
        "null", "true", "\"digest\":", "\"annotations\":{", "\"org.opencontainers.image.title\":\"m.onnx\"", ",", "Bearer ", "realm=\"", "\\\"", "Basic", "=", " ",
    ];

    private readonly List<byte[]> _archives = [.. ((TarEntryFormat[])[TarEntryFormat.Ustar, TarEntryFormat.Pax, TarEntryFormat.Gnu]).Select(Archive)];

    public override string Name => "oci";

    public override string Extension => "bin";

    public override byte[] Make(Random random)
    {
        var mutator = new Mutator(random, _archives);
        bool isWhole = random.Once(6);
        char kind = random.Pick('r', 'm', 't', 'c');
        byte[] input = kind switch
        {
            'r' => Text(random.From(s_references)),
            'm' => Text(Manifest(random)),
            'c' => Text("""Basic realm="r", Bearer realm="https://auth.example.com/token?a=b",service="reg", scope="repository:a/b:pull,push" """),
            _ => Damaged(random.From(_archives)),
        };
        return [(byte)kind, .. input];

        byte[] Text(string text) => Encoding.UTF8.GetBytes(isWhole ? text : mutator.Text(text, s_words));

        byte[] Damaged(byte[] archive)
        {
            for (int n = isWhole ? 0 : random.Next(1, 5); n > 0; n--) archive = mutator.Bytes(archive);
            if (!random.Once(3)) Checksums(archive);
            return archive;
        }
    }

    public override Outcome Run(byte[] input)
    {
        if (input.Length == 0) return Outcome.Refused;
        byte[] rest = input[1..];
        try
        {
            switch ((char)input[0])
            {
                case 'r':
                    return Reference(Encoding.UTF8.GetString(rest));
                case 'm':
                    ModelLayer.Of(OciManifest.Read(rest, s_of), s_of);
                    return Outcome.Accepted;
                case 't':
                    var to = new MemoryStream();
                    try
                    {
                        TarModel.Extract(new MemoryStream(rest), to, MaxModel, s_of);
                        return Outcome.Accepted;
                    }
                    finally
                    {
                        Require(to.Length <= MaxModel, $"{to.Length} bytes were written, and {MaxModel} may be");
                    }

                default:
                    string header = Encoding.UTF8.GetString(rest);
                    IReadOnlyList<Challenge> all = Challenge.Parse(header);
                    Require(all.Sum(c => c.Scheme.Length + c.Parameters.Sum(p => p.Key.Length + p.Value.Length)) <= header.Length, "more was read than there was");
                    return all.Count > 0 ? Outcome.Accepted : Outcome.Refused;
            }
        }
        catch (OciException e)
        {
            Require(e.Message.Length > 0 && !e.Message.Contains('\n') && e.Fault == OciFault.Invalid, $"no error of one line: {e.Message}");
            return Outcome.Refused;
        }
    }

    private static Outcome Reference(string text)
    {
        OciReference? reference = OciReference.Parse(text, out string? fault);
        bool isOne = Grammar().Match(text) is { Success: true } m && m.Groups["path"].Length <= 255 && m.Groups["host"].Length <= 255 && (m.Groups["port"].Length == 0 || (m.Groups["port"].Length <= 5 && int.Parse(m.Groups["port"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) is >= 1 and <= 65535));
        isOne = isOne && Uri.TryCreate($"https://{text.Split('/')[0]}/", UriKind.Absolute, out _); // a name that DNS cannot have
        if (reference is null)
        {
            Require(!string.IsNullOrEmpty(fault), "refused without a reason");
            Require(!isOne, $"`{text}` is one by the grammar, and was refused: {fault}");
            return Outcome.Refused;
        }

        Require(isOne || reference.Host.StartsWith('['), $"`{text}` is none by the grammar, and was taken");
        Require(reference.ToString() == text, $"`{text}` was read as {reference}");
        Require(new Uri($"https://{reference.Host}/v2/{reference.Repository}/").AbsolutePath == $"/v2/{reference.Repository}/", $"{reference} is another place as a URL");
        return Outcome.Accepted;
    }

    /// <summary>The grammar of distribution/reference, with a registry and one kind of digest; addresses in brackets apart.</summary>
    [GeneratedRegex(@"\A(?<host>(?=[^/]*[.:]|localhost/)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*(?::(?<port>[0-9]+))?)/(?<path>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)(?=[:@])(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[a-f0-9]{64})?\z", RegexOptions.None, 2000)]
    private static partial Regex Grammar();

    private static string Manifest(Random random)
    {
        string[] types = ["application/octet-stream", "application/onnx", "application/vnd.cncf.model.weight.v1.tar", "application/vnd.kitops.modelkit.model.v1.tar+gzip"], titles = ["m.onnx", "readme.md", "weights"];
        string layers = string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => $"{{\"mediaType\":\"{random.From(types)}\",\"digest\":\"sha256:{s_hex}\",\"size\":{random.Next(1000)},\"annotations\":{{\"org.opencontainers.image.title\":\"{random.From(titles)}\"}}}}"));
        return $"{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{{\"mediaType\":\"application/vnd.oci.empty.v1+json\"}},\"layers\":[{layers}]}}";
    }

    private static byte[] Archive(TarEntryFormat format)
    {
        var to = new MemoryStream();
        using (var writer = new TarWriter(to, format, leaveOpen: true))
        {
            foreach ((string name, int size) in ((string, int)[])[("readme.md", 100), ($"{string.Concat(Enumerable.Repeat("folder/", format == TarEntryFormat.Ustar ? 15 : 40))}m.onnx", 700), ("after.txt", 10)])
            {
                TarEntry entry = format switch
                {
                    TarEntryFormat.Ustar => new UstarTarEntry(TarEntryType.RegularFile, name),
                    TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, name) { AccessTime = default, ChangeTime = default },
                    _ => new PaxTarEntry(TarEntryType.RegularFile, name),
                };
                entry.ModificationTime = DateTimeOffset.UnixEpoch; // inputs depend on their number alone
                entry.DataStream = new MemoryStream(new byte[size]);
                writer.WriteEntry(entry);
            }
        }

        return to.ToArray();
    }

    /// <summary>Puts the sums of all blocks right that look like headers, so that what is behind them is reached.</summary>
    private static void Checksums(byte[] archive)
    {
        for (int at = 0; at + 512 <= archive.Length; at += 512)
        {
            Span<byte> block = archive.AsSpan(at, 512);
            if (!block.Slice(257, 5).SequenceEqual("ustar"u8)) continue;
            block.Slice(148, 8).Fill((byte)' ');
            int sum = 0;
            foreach (byte b in block) sum += b;
            Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0')).CopyTo(block.Slice(148, 6));
            block[154] = 0;
        }
    }
}
