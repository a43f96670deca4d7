// Blob containers on files: the contract, and what is their own.
using Mote.Capabilities.Blobstore;

namespace Mote.Capabilities.Tests;

public sealed class FileBlobsTests : BlobContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mote-blobs-tests-").FullName;

    private string Root => Path.Combine(_folder, "a", "blobs");

    protected override IBlobBackend Open() => new FileBlobs(Root);

    public override void Dispose()
    {
        base.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void HostileNames_MakeNoFileOutsideTheirContainer()
    {
        foreach (string name in OddNames.Select(r => r.Data))
        {
            if (name.Length < 200) Backend.Open("app").Create(name);
            Backend.Open("app").Create($"c{name.GetHashCode(StringComparison.Ordinal)}-{name.Length}");
            if (name.Length < 200) Put(Backend.Open("app"), name, name, "x"u8);
            Put(Backend.Open("app"), $"c{name.GetHashCode(StringComparison.Ordinal)}-{name.Length}", name, "x"u8);
        }

        string inside = Path.Combine(Root, "app", "c") + "/";
        Assert.Equal(["a"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName));
        Assert.Equal(["blobs"], Directory.GetFileSystemEntries(Path.Combine(_folder, "a")).Select(Path.GetFileName));
        Assert.Equal(["c", "new"], Directory.GetFileSystemEntries(Path.Combine(Root, "app")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (string file in Directory.GetFiles(_folder, "*", SearchOption.AllDirectories))
        {
            Assert.StartsWith(inside, file, StringComparison.Ordinal);
            Assert.Equal(2, file[inside.Length..].Split('/').Length); // CONTAINER/OBJECT
        }
    }

    [Fact]
    public void ObjectOfAPlainName_IsAFileOfThatName()
    {
        Store.Create("pictures");
        Put(Store, "pictures", "Line-1.jpg", "x"u8);
        Assert.True(File.Exists(Path.Combine(Root, "app", "c", "pictures", "Line-1.jpg")));
    }

    [Fact]
    public void UnfinishedFiles_OfAnEarlierProcess_AreTakenAway()
    {
        Store.Create("c");
        string left = Path.Combine(Root, "app", "new", "left");
        File.WriteAllText(left, "half");
        Put(Store, "c", "o", "x"u8);
        Assert.True(File.Exists(left)); // this process's own
        Reopen();
        Put(Store, "c", "o", "y"u8);
        Assert.False(File.Exists(left));
    }

    [Fact]
    public void FileThatSomebodyElsePutThere_IsNoObject()
    {
        Store.Create("c");
        File.WriteAllText(Path.Combine(Root, "app", "c", "c", "%zz"), "x");
        File.WriteAllText(Path.Combine(Root, "app", "c", "c", "ж"), "x");
        File.WriteAllText(Path.Combine(Root, "app", "c", "c", "%61"), "x"); // `a`, and not as we write it
        Put(Store, "c", "o", "x"u8);
        Assert.Equal(["o"], Names(Store, "c"));
    }

    [Fact]
    public void Disk_ThatIsFull_IsAnError_AndTheOldObjectStays()
    {
        Directory.CreateDirectory(Root);
        Assert.SkipUnless(Environment.IsPrivilegedProcess && Run("mount", "-t", "tmpfs", "-o", "size=256k", "mote-test", Root) == 0, "a small file system can be mounted as root only");
        try
        {
            Store.Create("c");
            Put(Store, "c", "o", "old"u8);
            Assert.Throws<BlobException>(() => Put(Store, "c", "o", new byte[1 << 20]));
            Assert.Equal("old", Text(Store, "c", "o"));
            Put(Store, "c", "o", new byte[100_000]); // what was half written is gone
            Assert.Equal(100_000, Get(Store, "c", "o")!.Length);
        }
        finally
        {
            Run("umount", "-l", Root);
        }
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }
}
