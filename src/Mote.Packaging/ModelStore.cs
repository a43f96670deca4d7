// Models that were added to a node's data folder: their bytes under their digest, and a small file for each name.
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mote.Packaging.Oci;
using Mote.Packaging.Toml;
using Mote.Runtime;

namespace Mote.Packaging;

/// <summary>A model of the store.</summary>
/// <param name="Name">What components call it.</param>
/// <param name="File">Where its bytes are.</param>
/// <param name="Digest">The SHA-256 of them, 64 digits in lower case.</param>
/// <param name="Trusted">Whether it runs in the node's own process.</param>
/// <param name="Source">The name of the file that it was added from, or the artifact.</param>
/// <param name="Artifact">The digest of the artifact's manifest that it is of, 64 digits in lower case; null where it came from a file.</param>
public sealed record StoredModel(string Name, string File, string Digest, bool Trusted, string Source, string? Artifact = null);

/// <summary>The models of one data folder. Whatever ends the program or the machine, a name is there whole or not at all.</summary>
/// <param name="dataFolder">The node's data folder; it need not be there yet.</param>
public sealed class ModelStore(string dataFolder)
{
    private const string NameSuffix = ".toml", ContentPrefix = "sha256-", ContentSuffix = ".onnx", ImportPrefix = "import-", PartPrefix = "pull-", ArtifactSuffix = ".artifact";
    private const int MaxName = 64;

    /// <summary>What a pull that was killed has left is gone on with until then, and taken away after that.</summary>
    private static readonly TimeSpan s_partAge = TimeSpan.FromDays(1);

    private readonly string _folder = Path.Combine(dataFolder, "models");

    /// <summary>Whether a model may be called so: letters, digits, dots, dashes and underscores, not a dot first.</summary>
    public static bool IsName(string name) =>
        name.Length is > 0 and <= MaxName && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    /// <summary>The model of a name; null where there is none.</summary>
    /// <exception cref="ConfigException">Its file is not as this program writes it.</exception>
    public StoredModel? Find(string name)
    {
        string path = PathOf(name);
        if (!IsName(name) || !File.Exists(path)) return null;
        TomlTable table = TomlTable.Load(path);
        string hex = DigestIn(table);
        return new StoredModel(name, ContentOf(hex), hex, table.Boolean("trusted") ?? false, table.String("source") ?? "", table.String("artifact") is { } artifact ? OciReference.DigestOf(artifact) : null);
    }

    /// <summary>The model of an artifact, wherever it was pulled from.</summary>
    /// <param name="artifact">The digest of its manifest, 64 digits in lower case.</param>
    /// <returns>The SHA-256 of the model's bytes, and where they are; null where they are not.</returns>
    /// <exception cref="ConfigException">A file of the store is not as this program writes it.</exception>
    public (string Digest, string File)? FindArtifact(string artifact)
    {
        string? digest = Record(RecordOf(artifact)) ?? All().FirstOrDefault(m => m.Artifact == artifact)?.Digest;
        return digest is not null && Has(digest) ? (digest, ContentOf(digest)) : null;
    }

    /// <summary>Whether the bytes of a digest are there.</summary>
    public bool Has(string digest) => File.Exists(ContentOf(digest));

    /// <summary>When a name was last given; null where it is not.</summary>
    public DateTime? GivenAt(string name) => IsName(name) && File.Exists(PathOf(name)) ? File.GetLastWriteTimeUtc(PathOf(name)) : null;

    /// <summary>All models, by their names.</summary>
    public IReadOnlyList<StoredModel> All() => !Directory.Exists(_folder) ? [] :
    [
        .. Directory.GetFiles(_folder, $"*{NameSuffix}").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal).Select(Find).OfType<StoredModel>(),
    ];

    /// <summary>Keeps others from changing the store until it is disposed of; what one that was killed has left is taken away.</summary>
    /// <exception cref="ConfigException">Another process changes it now.</exception>
    public IDisposable Hold()
    {
        Directory.CreateDirectory(_folder);
        FileStream hold;
        try
        {
            hold = new FileStream(Path.Combine(_folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new ConfigException(_folder, 0, "another `mote model` changes it now: try again when that is done");
        }

        foreach (string left in Directory.GetFiles(_folder, $"{ImportPrefix}*")) File.Delete(left);
        foreach (string left in Directory.GetFiles(_folder, $"{PartPrefix}*").Where(f => DateTime.UtcNow - File.GetLastWriteTimeUtc(f) > s_partAge && IsFree(f))) File.Delete(left);
        return hold;
    }

    /// <summary>Where the bytes of a layer come together while it is pulled.</summary>
    internal string PartOf(string layer) => Path.Combine(_folder, $"{PartPrefix}{layer}");

    /// <summary>Takes a model that was pulled into the store, under no name yet.</summary>
    /// <returns>Where its bytes are now.</returns>
    /// <exception cref="IOException">It cannot be renamed.</exception>
    public string Take(PulledModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        try
        {
            if (model.File is not null) DurableFile.Rename(model.File, ContentOf(model.Digest));
        }
        catch (FileNotFoundException) when (Has(model.Digest))
        {
            // Another process has pulled the same, and was there first.
        }

        return ContentOf(model.Digest);
    }

    /// <summary>Gives the model of an artifact to node.toml, which names it by its digest.</summary>
    public void GiveArtifact(string artifact, string digest) => DurableFile.Replace(RecordOf(artifact), Encoding.UTF8.GetBytes($"digest = \"sha256:{digest}\"\n"));

    /// <summary>Takes an artifact's record away, and its bytes where nobody else has them: they are pulled again when they are wanted again.</summary>
    public void RemoveArtifact(string artifact)
    {
        string? digest = Record(RecordOf(artifact));
        File.Delete(RecordOf(artifact));
        if (digest is not null) Sweep(digest);
    }

    /// <summary>The artifacts that node.toml was given.</summary>
    public IReadOnlyList<string> Artifacts() => !Directory.Exists(_folder) ? [] :
        [.. Directory.GetFiles(_folder, $"{ContentPrefix}*{ArtifactSuffix}").Select(f => Path.GetFileNameWithoutExtension(f)![ContentPrefix.Length..])];

    /// <summary>Copies a file into the store, under no name yet.</summary>
    /// <returns>The SHA-256 of its bytes, and where they are now.</returns>
    /// <exception cref="IOException">It cannot be read, or there is no room.</exception>
    public (string Digest, string File) Import(string file)
    {
        Directory.CreateDirectory(_folder);
        string temporary = Path.Combine(_folder, $"{ImportPrefix}{Guid.NewGuid():N}");
        try
        {
            string digest;
            using (var from = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16))
            using (var to = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            using (var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256))
            {
                var buffer = new byte[1 << 16];
                for (int read; (read = from.Read(buffer)) > 0;)
                {
                    hash.AppendData(buffer, 0, read);
                    to.Write(buffer, 0, read);
                }

                to.Flush(flushToDisk: true);
                digest = Convert.ToHexStringLower(hash.GetHashAndReset());
            }

            DurableFile.Rename(temporary, ContentOf(digest));
            return (digest, ContentOf(digest));
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Gives a name to what was imported; another model that had it is the name's no longer.</summary>
    public void Give(string name, string digest, bool trusted, string source, string? artifact = null)
    {
        if (!IsName(name)) throw new ArgumentException($"`{name}` is no name of a model", nameof(name));
        string? before = Find(name)?.Digest;
        string quoted = string.Concat(source.Select(c => c is '"' or '\\' || char.IsControl(c) ? '_' : c));
        DurableFile.Replace(PathOf(name), Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"digest = \"sha256:{digest}\"\ntrusted = {(trusted ? "true" : "false")}\nsource = \"{quoted}\"\n{(artifact is null ? "" : $"artifact = \"sha256:{artifact}\"\n")}")));
        if (before is not null && before != digest) Sweep(before);
    }

    /// <summary>Takes a name away, and the bytes where no other name has them. A run that uses them goes on.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(string name)
    {
        if (Find(name) is not { } model) return false;
        File.Delete(PathOf(name));
        Sweep(model.Digest);
        return true;
    }

    /// <summary>Takes bytes away that have no name.</summary>
    public void Sweep(string digest)
    {
        if (All().All(m => m.Digest != digest) && Artifacts().All(a => Record(RecordOf(a)) != digest)) File.Delete(ContentOf(digest));
    }

    /// <summary>The SHA-256 of a file.</summary>
    public static string DigestOfFile(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>Takes a file away that is of no use any more, as far as that can be done.</summary>
    internal static void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next one to hold the store does it.
        }
    }

    /// <summary>Whether nobody has a file open to write it.</summary>
    private static bool IsFree(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string? Record(string path)
    {
        if (!File.Exists(path)) return null;
        return DigestIn(TomlTable.Load(path));
    }

    private static string DigestIn(TomlTable table)
    {
        string digest = table.Required("digest", "\"sha256:...\"");
        return OciReference.DigestOf(digest) ?? throw table.Values["digest"].Error($"`digest` is \"sha256:\" and 64 digits in lower case, found \"{digest}\"");
    }

    private string PathOf(string name) => Path.Combine(_folder, name + NameSuffix);

    private string RecordOf(string artifact) => Path.Combine(_folder, ContentPrefix + artifact + ArtifactSuffix);

    private string ContentOf(string digest) => Path.Combine(_folder, ContentPrefix + digest + ContentSuffix);
}
