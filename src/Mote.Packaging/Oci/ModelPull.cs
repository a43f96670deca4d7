// From a reference to a model in the store: manifest, layer, bytes, and out of the archive where it is in one.
using System.IO.Compression;

namespace Mote.Packaging.Oci;

/// <summary>Where a pull is.</summary>
/// <param name="Done">Bytes that are there.</param>
/// <param name="Size">Bytes that there are.</param>
public readonly record struct PullProgress(long Done, long Size);

/// <summary>Pulls models into a store.</summary>
/// <param name="store">The store.</param>
/// <param name="options">What registries are given.</param>
public sealed class ModelPull(ModelStore store, RegistryOptions options)
{
    /// <summary>The artifact that a reference stands for now: its tag looked up, or its digest taken as it is.</summary>
    /// <exception cref="OciException">There is none, or the registry cannot be asked.</exception>
    public async Task<OciReference> PinAsync(OciReference reference, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(reference);
        if (reference.Digest is not null) return reference.Pinned(reference.Digest);
        using var client = new RegistryClient(reference, options);
        return reference.Pinned((await client.GetManifestAsync(reference, token).ConfigureAwait(false)).Digest);
    }

    /// <summary>What is not taken after all goes.</summary>
    public static void Discard(PulledModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.File is not null) ModelStore.Discard(model.File);
    }

    /// <summary>Brings an artifact's model to the store's folder. What is there already is not fetched again.</summary>
    /// <param name="reference">The artifact, by its digest.</param>
    /// <param name="keepPart">Whether what came stays where the connection ends, for the next pull to go on with; it goes otherwise.</param>
    /// <param name="progress">Told of how much there is, often.</param>
    /// <param name="token">Ends it early.</param>
    /// <returns>The model, which is in the folder and not in the store yet: <see cref="ModelStore.Take"/> takes it.</returns>
    /// <exception cref="OciException">It cannot be had, or is no model.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public async Task<PulledModel> RunAsync(OciReference reference, bool keepPart, Action<PullProgress> progress, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(reference);
        using var client = new RegistryClient(reference, options);
        (byte[] bytes, _) = await client.GetManifestAsync(reference, token).ConfigureAwait(false);
        ModelLayer model = ModelLayer.Of(OciManifest.Read(bytes, reference), reference);
        OciDescriptor layer = model.Layer;
        if (layer.Size > options.MaxBytes) throw new OciException(OciFault.Invalid, $"{reference}: the model's layer {layer} is larger than the {options.MaxBytes} bytes that models may have: raise `memory` under [inference] of node.toml");
        if (model.Packing == ModelPacking.None && store.Has(layer.Digest)) return new PulledModel(layer.Digest, null);

        string path = store.PartOf(layer.Digest);
        bool isKept = false;
        FileStream opened = Open(path, reference);
        try
        {
            using FileStream part = opened;
            Room(path, layer.Size - part.Length, reference);
            try
            {
                await new BlobDownload(client, options, reference, layer, done => progress(new PullProgress(done, layer.Size))).RunAsync(part, token).ConfigureAwait(false);
                part.Flush(flushToDisk: true);
            }
            catch (Exception e) when (keepPart && e is OciException { MayPass: true } or OperationCanceledException)
            {
                isKept = keepPart;
                throw;
            }

            if (model.Packing == ModelPacking.None)
            {
                isKept = true;
                return new PulledModel(layer.Digest, path);
            }

            string unpacked = $"{path}.unpacked";
            try
            {
                Unpack(part, model.Packing, unpacked, reference);
                return new PulledModel(ModelStore.DigestOfFile(unpacked), unpacked);
            }
            catch
            {
                ModelStore.Discard(unpacked);
                throw;
            }
        }
        finally
        {
            if (!isKept) ModelStore.Discard(path);
        }
    }

    private void Unpack(FileStream archive, ModelPacking packing, string path, OciReference reference)
    {
        archive.Position = 0;
        using Stream plain = packing == ModelPacking.TarGzip ? new GZipStream(archive, CompressionMode.Decompress, leaveOpen: true) : archive;
        using var to = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
        TarModel.Extract(plain, to, options.MaxBytes, reference);
        to.Flush(flushToDisk: true);
    }

    /// <summary>Who has it open is the one who pulls it.</summary>
    private static FileStream Open(string path, OciReference reference)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new OciException(OciFault.Unavailable, $"{reference}: another process pulls it now");
        }
    }

    /// <summary>A disk that is full would hold up more than this.</summary>
    private static void Room(string path, long bytes, OciReference reference)
    {
        long free = new DriveInfo(Path.GetDirectoryName(path)!).AvailableFreeSpace;
        if (bytes > free) throw new IOException($"{reference}: there is no room for {bytes} bytes in {Path.GetDirectoryName(path)}, which has {free}");
    }
}

/// <summary>A model that came.</summary>
/// <param name="Digest">The SHA-256 of its bytes, 64 digits in lower case.</param>
/// <param name="File">Where they are for now; null where the store has them already.</param>
public sealed record PulledModel(string Digest, string? File);
