// A folder of a test's own, granted to guests, with a secret beside it.
using Mote.Files;
using Mote.Runtime;

namespace Mote.Capabilities.Tests;

internal sealed class HostFolder : IDisposable
{
    private readonly string _above = Directory.CreateTempSubdirectory("mote-folder-").FullName;

    public HostFolder()
    {
        if (!HostFile.IsSupported) Assert.Skip("folders of the host are supported on Linux only");
        Directory.CreateDirectory(Inside());
        File.WriteAllText(Path.Combine(_above, "secret"), "secret");
        File.CreateSymbolicLink(Inside("out-link"), "../secret");
    }

    public string Inside(string path = "") => Path.Combine(_above, "inside", path);

    public void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Inside(path))!);
        File.WriteAllText(Inside(path), text);
    }

    public Grants Grant(string guest = "/data", bool write = true) => new() { Files = [new FolderGrant(Inside(), guest, write)], Arguments = ["program"] };

    public void Dispose() => Directory.Delete(_above, recursive: true);
}
