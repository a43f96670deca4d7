// A store in a folder of a test's own, and pulls into it.
using System.Collections.Concurrent;
using Mote.Packaging.Oci;
using Mote.Tests.Servers;

namespace Mote.Packaging.Tests.Oci;

internal sealed class PullSite : IDisposable
{
    public PullSite()
    {
        Folder = Directory.CreateTempSubdirectory("mote-pull-").FullName;
        Store = new ModelStore(Folder);
        Options = new RegistryOptions { Environment = name => name == "DOCKER_CONFIG" ? Folder : null, Pause = TimeSpan.FromMilliseconds(1) };
    }

    public string Folder { get; }

    public ModelStore Store { get; }

    public RegistryOptions Options { get; set; }

    public ConcurrentQueue<PullProgress> Progress { get; } = new();

    /// <summary>What is in the store's folder.</summary>
    public string[] Files => Directory.Exists(Path.Combine(Folder, "models")) ? [.. Directory.GetFiles(Path.Combine(Folder, "models")).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)] : [];

    public static OciReference Reference(string host, Artifact artifact, string repository = "models/m") => OciReference.Parse($"{host}/{repository}@{artifact.Digest}", out _)!;

    public Task<PulledModel> Pull(OciReference reference, bool keepPart = false) => new ModelPull(Store, Options).RunAsync(reference, keepPart, Progress.Enqueue, TestContext.Current.CancellationToken);

    /// <summary>Pulls, and gives what came.</summary>
    public async Task<byte[]> Bytes(OciReference reference)
    {
        PulledModel model = await Pull(reference);
        using IDisposable hold = Store.Hold();
        return File.ReadAllBytes(Store.Take(model));
    }

    /// <summary>A pull that fails; it leaves nothing behind.</summary>
    public async Task<OciException> Refused(OciReference reference)
    {
        OciException e = await Assert.ThrowsAsync<OciException>(() => Pull(reference));
        Assert.Empty(Files);
        Assert.DoesNotContain('\n', e.Message);
        return e;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
