// Paths: what they reach, what they never reach, and that both ways of walking agree.
using Mote.Files.Resolution;

namespace Mote.Files.Tests;

public sealed class ResolutionTests : IDisposable
{
    private readonly Folder _folder = new();

    public ResolutionTests()
    {
        Directory.CreateDirectory(_folder.Inside("a/b/c"));
        File.WriteAllText(_folder.Inside("a/b/file"), "content");
        Link("a/link", "b/file");
        Link("a/up", "../a/b/file");
        Link("a/folder", "b");
        Link("a/b/chain", "../folder/../link");
        Link("loop", "loop");
        Link("loop1", "loop2/x");
        Link("loop2", "loop1/x");
        Link("dangling", "nowhere");
        Link("out", "../outside/secret");
        Link("out-folder", "../outside");
        Link("out-deep", "a/b/../../../outside/secret");
        Link("absolute", _folder.Outside("secret"));
        Link("absolute-in", _folder.Inside("a/b/file"));
        Link("proc", "/proc/self/root");
        Link("slash", "a/b/");
        Link("file-slash", "a/b/file/");
        Link("dot", ".");
        Link("to-fifo", "fifo");
    }

    public void Dispose() => _folder.Dispose();

    private void Link(string path, string target) => File.CreateSymbolicLink(_folder.Inside(path), target);

    [Theory]
    [InlineData("a/b/file", "content")]
    [InlineData("./a//b/./file", "content")]
    [InlineData("a/../a/b/../b/file", "content")]
    [InlineData("a/link", "content")]
    [InlineData("a/up", "content")]
    [InlineData("a/folder/file", "content")]
    [InlineData("a/b/chain", "content")]
    [InlineData("slash/file", "content")]
    [InlineData("dot/dot/./a/b/file", "content")]
    [InlineData("a/b/c/../../../a/link", "content")]
    [InlineData("a", "IsDirectory")]
    [InlineData(".", "IsDirectory")]
    [InlineData("a/b/..", "IsDirectory")]
    [InlineData("a/b/", "IsDirectory")]
    [InlineData("a/folder/", "IsDirectory")]
    [InlineData("slash", "IsDirectory")]
    [InlineData("", "NoEntry")]
    [InlineData("nowhere", "NoEntry")]
    [InlineData("nowhere/file", "NoEntry")]
    [InlineData("a/nowhere/../b/file", "NoEntry")]
    [InlineData("dangling", "NoEntry")]
    [InlineData("dangling/x", "NoEntry")]
    [InlineData("a/b/file/", "NotDirectory")]
    [InlineData("a/b/file/.", "NotDirectory")]
    [InlineData("a/b/file/x", "NotDirectory")]
    [InlineData("a/link/", "NotDirectory")]
    [InlineData("file-slash", "NotDirectory")]
    [InlineData("loop", "Loop")]
    [InlineData("loop/x", "Loop")]
    [InlineData("loop1", "Loop")]
    [InlineData("/a/b/file", "NotPermitted")]
    [InlineData("/", "NotPermitted")]
    [InlineData("..", "NotPermitted")]
    [InlineData("../inside/a/b/file", "NotPermitted")]
    [InlineData("../outside/secret", "NotPermitted")]
    [InlineData("a/../../outside/secret", "NotPermitted")]
    [InlineData("a/b/c/../../../../outside/secret", "NotPermitted")]
    [InlineData("out", "NotPermitted")]
    [InlineData("out-deep", "NotPermitted")]
    [InlineData("out-folder/secret", "NotPermitted")]
    [InlineData("out-folder/", "NotPermitted")]
    [InlineData("absolute", "NotPermitted")]
    [InlineData("absolute-in", "NotPermitted")]
    [InlineData("proc", "NotPermitted")]
    [InlineData("proc/etc/passwd", "NotPermitted")]
    public void Open_Reaches_OnlyWhatIsInside(string path, string result)
    {
        foreach (bool walk in new[] { true, false })
        {
            using HostFile folder = _folder.Open(walk);
            Assert.Equal((walk, result), (walk, Folder.Read(folder, path)));
        }
    }

    /// <summary>Whatever the operation, outside is neither changed nor looked at: the answer is the same whether it is there or not.</summary>
    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void EveryOperation_RefusesToLeave(bool walk)
    {
        using HostFile folder = _folder.Open(walk);
        using HostFile a = folder.Open("a", OpenModes.Folder).Value;
        foreach (string there in new[] { "secret", "nowhere" })
        {
            foreach ((HostFile root, string path) in new[] { (folder, $"../outside/{there}"), (folder, $"out-folder/{there}"), (folder, $"/{there}"), (folder, _folder.Outside(there)), (a, "../a/b/file"), (a, "..") })
            {
                Assert.Equal(FileError.NotPermitted, root.Status(path, follow: true).Error);
                Assert.Equal(FileError.NotPermitted, root.Status(path, follow: false).Error);
                Assert.Equal(FileError.NotPermitted, root.SetTimes(path, true, new(NewFileTimeKind.Now), new(NewFileTimeKind.Now)));
                Assert.Equal(FileError.NotPermitted, root.MakeFolder(path));
                Assert.Equal(FileError.NotPermitted, root.RemoveFolder(path));
                Assert.Equal(FileError.NotPermitted, root.Unlink(path));
                Assert.Equal(FileError.NotPermitted, root.Unlink(path + "/"));
                Assert.Equal(FileError.NotPermitted, root.MakeLink("x", path));
                Assert.Equal(FileError.NotPermitted, root.ReadLink(path).Error);
                Assert.Equal(FileError.NotPermitted, root.Link(path, folder, "new"));
                Assert.Equal(FileError.NotPermitted, folder.Link("a/b/file", root, path));
                Assert.Equal(FileError.NotPermitted, root.Rename(path, folder, "new"));
                Assert.Equal(FileError.NotPermitted, folder.Rename("a/b/file", root, path));
                Assert.Equal(FileError.NotPermitted, root.Open(path, OpenModes.Write | OpenModes.Create | OpenModes.Truncate).Error);
                Assert.Equal(FileError.NotPermitted, root.Open(path, OpenModes.Folder).Error);
            }
        }

        Assert.Equal(["secret"], Directory.GetFileSystemEntries(_folder.Outside()).Select(Path.GetFileName));
        Assert.Equal("secret", File.ReadAllText(_folder.Outside("secret")));
        Assert.Equal("content", File.ReadAllText(_folder.Inside("a/b/file")));
    }

    /// <summary>A slash at the end makes the kernel follow a link: where it leads out, nothing is done there.</summary>
    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void LinkThatLeadsOut_WithASlash_IsNotFollowed(bool walk)
    {
        using HostFile folder = _folder.Open(walk);
        Directory.CreateDirectory(_folder.Outside("empty"));
        Link("out-empty", "../outside/empty");
        Link("out-new", "../outside/new");
        Assert.Equal(FileError.NotDirectory, folder.RemoveFolder("out-empty/"));
        Assert.Equal(FileError.Exist, folder.MakeFolder("out-new/"));
        Assert.Equal(FileError.NotPermitted, folder.Status("out-empty/", follow: false).Error);
        Assert.Equal(FileError.NotPermitted, folder.ReadLink("out-empty/").Error);
        Assert.Equal(FileError.NotPermitted, folder.Link("out-empty/", folder, "new"));
        Assert.Equal(FileError.NotDirectory, folder.Rename("out-empty/", folder, "moved"));
        Assert.Equal(FileError.NotDirectory, folder.Unlink("out-empty/"));
        Assert.NotEqual(FileError.None, folder.Open("out-new", OpenModes.Write | OpenModes.Create | OpenModes.Follow).Error);
        Assert.NotEqual(FileError.None, folder.Open("out-new/", OpenModes.Write | OpenModes.Create).Error);
        Assert.True(Directory.Exists(_folder.Outside("empty")));
        Assert.False(Path.Exists(_folder.Outside("new")));
    }

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void Links_AreNotFollowedWhereNotAsked(bool walk)
    {
        using HostFile folder = _folder.Open(walk);
        Assert.Equal("Loop", Folder.Read(folder, "a/link", OpenModes.Read));
        Assert.Equal("Loop", Folder.Read(folder, "absolute", OpenModes.Read));
        Assert.Equal("Loop", Folder.Read(folder, "dangling", OpenModes.Read));
        Assert.Equal("NotDirectory", Folder.Read(folder, "a/folder", OpenModes.Folder));
        Assert.Equal("content", Folder.Read(folder, "a/folder/file", OpenModes.Read)); // only the last name matters
        Assert.Equal(FileKind.Link, folder.Status("a/link", follow: false).Value.Kind);
        Assert.Equal(FileKind.File, folder.Status("a/link", follow: true).Value.Kind);
        Assert.Equal("b/file", folder.ReadLink("a/link").Value);
        Assert.Equal(FileError.NotPermitted, folder.ReadLink("absolute").Error);
        Assert.Equal("../outside/secret", folder.ReadLink("out").Value);
        Assert.Equal(FileError.Invalid, folder.ReadLink("a/b/file").Error);
        Assert.Equal(FileError.Exist, folder.Open("dangling", OpenModes.Write | OpenModes.Create | OpenModes.Exclusive | OpenModes.Follow).Error);
        Assert.True(folder.Open("dangling", OpenModes.Write | OpenModes.Create | OpenModes.Follow).IsOk);
        Assert.True(File.Exists(_folder.Inside("nowhere")));
    }

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void Paths_ThatAreTooLong_AreRefused(bool walk)
    {
        using HostFile folder = _folder.Open(walk);
        Assert.Equal("NameTooLong", Folder.Read(folder, new string('a', 256)));
        Assert.Equal("NameTooLong", Folder.Read(folder, string.Concat(Enumerable.Repeat("./", 3000))));
        Assert.Equal("content", Folder.Read(folder, string.Concat(Enumerable.Repeat("./", 2000)) + "a/b/file"));
        Assert.Equal(FileError.NameTooLong, folder.MakeFolder(new string('a', 256)));
        Assert.NotEqual(FileError.None, folder.MakeLink(new string('t', 5000), "long"));
    }

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void Fifos_AndSockets_AreRefusedAtOnce(bool walk)
    {
        Folder.MakeFifo(_folder.Inside("fifo"));
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);
        Directory.SetCurrentDirectory(_folder.Inside()); // a socket's path has at most 108 bytes
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint("socket"));
        Directory.SetCurrentDirectory("/");
        using HostFile folder = _folder.Open(walk);
        foreach (string name in new[] { "fifo", "to-fifo" })
        {
            Assert.Equal("NotPermitted", Folder.Read(folder, name));
            Assert.Equal(FileError.NoSuchDevice, folder.Open(name, OpenModes.Write | OpenModes.Follow).Error); // nobody reads it
            Assert.Equal(FileError.NotPermitted, folder.Open(name, OpenModes.Read | OpenModes.Write | OpenModes.Follow).Error);
        }

        Assert.Equal("NoSuchDevice", Folder.Read(folder, "socket"));
        Assert.Equal((FileKind.Fifo, FileKind.Socket), (folder.Status("fifo", true).Value.Kind, folder.Status("socket", true).Value.Kind));
    }

    [Fact]
    public void Devices_AreRefused()
    {
        using HostFile dev = HostFile.OpenFolder("/dev", true).Value;
        Assert.Equal("NotPermitted", Folder.Read(dev, "null"));
        Assert.Equal(FileKind.CharacterDevice, dev.Status("null", true).Value.Kind);
    }

    /// <summary>The links of /proc lead to where they say they do not; the kernel's walk and ours follow none of them out.</summary>
    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void MagicLinks_AreNotFollowed(bool walk)
    {
        using HostFile proc = HostFile.OpenFolder("/proc/self", false, walk ? new WalkingResolver() : new BeneathResolver()).Value;
        Assert.Contains(Folder.Read(proc, "root/etc/passwd"), new[] { "NotPermitted", "Loop" });
        Assert.Contains(Folder.Read(proc, "cwd/etc/passwd"), new[] { "NotPermitted", "Loop" });
        Assert.Contains(Folder.Read(proc, "exe"), new[] { "NotPermitted", "Loop" });
    }
}
