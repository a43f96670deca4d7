// Every operation on files and folders, both ways of walking, and what a full or read-only disk says.
using System.Diagnostics;
using System.Text;

namespace Mote.Files.Tests;

public sealed class OperationTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static HostFile Open(HostFile folder, string path, OpenModes modes)
    {
        FileResult<HostFile> opened = folder.Open(path, modes);
        Assert.True(opened.IsOk, $"{path}: {opened.Error}");
        return opened.Value;
    }

    private static string Text(HostFile file, ulong offset = 0)
    {
        var buffer = new byte[100];
        return Encoding.UTF8.GetString(buffer, 0, file.Read(buffer, offset).Value);
    }

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void Content_IsReadAndWrittenAtPlaces(bool walk)
    {
        using HostFile folder = _folder.Open(walk);
        using HostFile file = Open(folder, "f", OpenModes.Read | OpenModes.Write | OpenModes.Create | OpenModes.Exclusive);
        Assert.Equal((FileKind.File, true, true, true), (file.Kind, file.CanRead, file.CanWrite, file.MayChange));
        Assert.Equal(5, file.Write("hello"u8, 3).Value);
        Assert.Equal("\0\0\0hello", Text(file));
        Assert.Equal("llo", Text(file, 5));
        Assert.Equal("", Text(file, 8));
        Assert.Equal("", Text(file, 1UL << 40));
        Assert.Equal((3, 11UL), file.Append("end"u8).Value);
        Assert.Equal("helloend", Text(file, 3));
        Assert.Equal(FileError.None, file.SetSize(4));
        Assert.Equal("\0\0\0h", Text(file));
        Assert.Equal(FileError.None, file.SetSize(6));
        Assert.Equal("\0\0\0h\0\0", Text(file));
        Assert.Equal(FileError.None, file.Allocate(100, 50));
        Assert.Equal(150UL, file.Status().Value.Size);
        Assert.Equal(FileError.None, file.Advise(0, 100, 3));
        Assert.Equal(FileError.None, file.Sync(dataOnly: true));
        Assert.Equal(FileError.None, file.Sync(dataOnly: false));
        Assert.Equal(FileError.None, folder.Sync(dataOnly: false));
        Assert.Equal(FileError.Invalid, file.Read(new byte[1], ulong.MaxValue).Error);
        Assert.Equal(FileError.Invalid, file.Write("x"u8, ulong.MaxValue).Error);
        Assert.Equal(FileError.FileTooLarge, file.SetSize(ulong.MaxValue));
        Assert.Equal(FileError.FileTooLarge, file.Allocate(1, ulong.MaxValue));
        Assert.Equal(FileError.IsDirectory, folder.Read(new byte[1], 0).Error);
        Assert.Equal(FileError.IsDirectory, folder.SetSize(0));
        Assert.Equal(FileError.NotDirectory, file.Open("x", OpenModes.Read).Error);
        Assert.Equal(FileError.NotDirectory, file.MakeFolder("x"));
        Assert.Equal(FileError.NotDirectory, file.Entries().Error);
    }

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void Modes_AreWhatWasAskedFor(bool walk)
    {
        using HostFile folder = _folder.Open(walk);
        File.WriteAllText(_folder.Inside("f"), "text");
        using (HostFile read = Open(folder, "f", OpenModes.Read)) Assert.Equal(FileError.BadDescriptor, read.Write("x"u8, 0).Error);
        using (HostFile write = Open(folder, "f", OpenModes.Write)) Assert.Equal(FileError.BadDescriptor, write.Read(new byte[1], 0).Error);
        using (HostFile neither = Open(folder, "f", OpenModes.None))
        {
            Assert.Equal((FileError.BadDescriptor, FileError.BadDescriptor, FileError.BadDescriptor), (neither.Read(new byte[1], 0).Error, neither.Append("x"u8).Error, neither.SetSize(0)));
            Assert.Equal(4UL, neither.Status().Value.Size);
        }

        Assert.Equal(FileError.Exist, folder.Open("f", OpenModes.Write | OpenModes.Create | OpenModes.Exclusive).Error);
        Assert.Equal(FileError.NoEntry, folder.Open("g", OpenModes.Write).Error);
        Assert.Equal(FileError.NotDirectory, folder.Open("f", OpenModes.Folder).Error);
        Assert.Equal(FileError.IsDirectory, folder.Open(".", OpenModes.Write).Error);
        Assert.Equal(FileError.IsDirectory, folder.Open(".", OpenModes.Folder | OpenModes.Write).Error);
        Assert.Equal(FileError.Invalid, folder.Open("d", OpenModes.Folder | OpenModes.Create).Error);
        Assert.Equal(FileError.Invalid, folder.Open("f\0", OpenModes.Read).Error);
        Assert.Equal(FileError.Invalid, folder.Unlink("f\0x"));
        Assert.Equal(FileError.Invalid, folder.MakeLink("t\0", "l"));
        using (Open(folder, "f", OpenModes.Truncate)) Assert.Equal("", File.ReadAllText(_folder.Inside("f")));
    }

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void Names_AreMadeMovedAndRemoved(bool walk)
    {
        using HostFile folder = _folder.Open(walk);
        Assert.Equal(FileError.None, folder.MakeFolder("d"));
        Assert.Equal(FileError.None, folder.MakeFolder("d/e/"));
        Assert.Equal(FileError.Exist, folder.MakeFolder("d"));
        Assert.Equal(FileError.NoEntry, folder.MakeFolder("x/y"));
        Assert.Equal(FileError.Exist, folder.MakeFolder("."));
        Assert.Equal(FileError.Exist, folder.MakeFolder("d/.."));
        Open(folder, "d/f", OpenModes.Create | OpenModes.Write).Dispose();
        Assert.Equal(FileError.NotEmpty, folder.RemoveFolder("d"));
        Assert.Equal(FileError.NotDirectory, folder.RemoveFolder("d/f"));
        Assert.Equal(FileError.Invalid, folder.RemoveFolder("d/."));
        Assert.Equal(FileError.NotEmpty, folder.RemoveFolder("d/e/.."));
        Assert.Equal(FileError.IsDirectory, folder.Unlink("d"));
        Assert.Equal(FileError.IsDirectory, folder.Unlink("d/"));
        Assert.Equal(FileError.IsDirectory, folder.Unlink("d/."));
        Assert.Equal(FileError.NotDirectory, folder.Unlink("d/f/"));
        Assert.Equal(FileError.NoEntry, folder.Unlink("d/g"));
        Assert.Equal(FileError.NoEntry, folder.Unlink(""));
        using (HostFile d = Open(folder, "d", OpenModes.Folder))
        {
            Assert.Equal(FileError.None, folder.Link("d/f", d, "e/g"));
            Assert.Equal(FileError.Exist, folder.Link("d/f", d, "e/g"));
            Assert.Equal(FileError.NotPermitted, folder.Link("d/e", d, "h"));
            Assert.Equal(FileError.NotPermitted, folder.Link("d/e/", d, "h"));
            Assert.Equal(FileError.NotDirectory, folder.Link("d/f/", d, "h"));
            Assert.Equal(FileError.NotPermitted, folder.Link(".", d, "h"));
            Assert.Equal(2UL, folder.Status("d/f", true).Value.Links);
            Assert.Equal((folder.Status("d/f", true).Value.Inode, folder.Status("d/f", true).Value.Device), (d.Status("e/g", true).Value.Inode, d.Status("e/g", true).Value.Device));
            Assert.Equal(FileError.None, d.Rename("f", folder, "moved"));
            Assert.Equal(FileError.NotDirectory, folder.Rename("moved/", folder, "x"));
            Assert.Equal(FileError.NotDirectory, folder.Rename("moved", folder, "x/"));
            Assert.Equal(FileError.Busy, folder.Rename("d/.", folder, "x"));
            Assert.Equal(FileError.Busy, folder.Rename("d", folder, "d/e/.."));
            Assert.Equal(FileError.Invalid, folder.Rename("d", folder, "d/e/inside"));
            Assert.Equal(FileError.IsDirectory, folder.Rename("moved", folder, "d"));
        }

        Assert.Equal(FileError.None, folder.MakeLink("../moved", "d/link"));
        Assert.Equal(FileError.NotPermitted, folder.MakeLink("/etc/passwd", "d/other"));
        Assert.Equal(FileError.NoEntry, folder.MakeLink("t", "d/other/"));
        Assert.Equal(FileError.Exist, folder.MakeLink("t", "d/link"));
        Assert.Equal("../moved", folder.ReadLink("d/link").Value);
        Assert.Equal(FileError.None, folder.Unlink("d/link"));
        Assert.Equal(FileError.None, folder.Unlink("d/e/g"));
        Assert.Equal(FileError.None, folder.RemoveFolder("d/e/"));
        Assert.Equal(FileError.None, folder.RemoveFolder("d"));
        Assert.Equal(["moved"], Directory.GetFileSystemEntries(_folder.Inside()).Select(Path.GetFileName));
    }

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void Times_AreSet(bool walk)
    {
        using HostFile folder = _folder.Open(walk);
        Directory.CreateDirectory(_folder.Inside("d"));
        File.CreateSymbolicLink(_folder.Inside("link"), "d");
        NewFileTime At(long seconds) => new(NewFileTimeKind.Given, new FileTime(seconds, 123_456_700));
        Assert.Equal(FileError.None, folder.SetTimes("d", true, At(1_000_000_000), At(2_000_000_000)));
        FileStatus d = folder.Status("d", false).Value;
        Assert.Equal((new FileTime(1_000_000_000, 123_456_700), new FileTime(2_000_000_000, 123_456_700)), (d.Accessed, d.Modified));
        Assert.Equal(FileError.None, folder.SetTimes("link", false, At(5), At(6)));
        Assert.Equal((5, 6), ((int)folder.Status("link", false).Value.Accessed.Seconds, (int)folder.Status("link", false).Value.Modified.Seconds));
        Assert.Equal(FileError.None, folder.SetTimes("link", true, new(NewFileTimeKind.Keep), At(7)));
        Assert.Equal((1_000_000_000, 7), ((int)folder.Status("d", false).Value.Accessed.Seconds, (int)folder.Status("d", false).Value.Modified.Seconds));
        using HostFile opened = Open(folder, "d", OpenModes.Folder);
        Assert.Equal(FileError.None, opened.SetTimes(new(NewFileTimeKind.Now), new(NewFileTimeKind.Keep)));
        Assert.InRange(opened.Status().Value.Accessed.Seconds, DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 60, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 60);
        Assert.Equal(FileError.Invalid, opened.SetTimes(new(NewFileTimeKind.Given, new FileTime(0, 1_000_000_000)), new(NewFileTimeKind.Keep)));
    }

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void Entries_OfALargeFolder_AreAllRead_AndAPlaceCanBeGoneBackTo(bool walk)
    {
        const int Count = 3000;
        for (int i = 0; i < Count; i++) File.WriteAllText(_folder.Inside($"file-{i:0000}-with-a-name-that-is-long-enough-to-fill-buffers"), "");
        File.CreateSymbolicLink(_folder.Inside("link"), "x");
        using HostFile folder = _folder.Open(walk);
        using FolderReader reader = folder.Entries().Value;
        var entries = new List<FolderEntry>();
        while (reader.Read().Value is { } e) entries.Add(e);
        Assert.Equal(Count + 3, entries.Select(e => e.Name).Distinct().Count());
        Assert.Equal(FileKind.Link, entries.Single(e => e.Name == "link").Kind);
        Assert.Equal((FileKind.Folder, 0UL), (entries.Single(e => e.Name == "..").Kind, entries.Single(e => e.Name == "..").Inode));
        Assert.Equal(folder.Status().Value.Inode, entries.Single(e => e.Name == ".").Inode);
        Assert.Equal(FileError.None, reader.Seek(entries[1999].Next));
        Assert.Equal(entries[2000].Name, reader.Read().Value?.Name);
        Assert.Equal(FileError.None, reader.Seek(0));
        Assert.Equal(entries[0].Name, reader.Read().Value?.Name);
        Assert.Equal(FileError.Invalid, reader.Seek(-1));
    }

    [Fact]
    public void Entries_WithANameThatIsNoText_SaySoAndGoOn()
    {
        using Process made = Process.Start(new ProcessStartInfo("sh", ["-c", "cd \"$0\" && touch good \"$(printf 'bad\\377')\"", _folder.Inside()]))!;
        made.WaitForExit();
        using HostFile folder = _folder.Open(walk: true);
        using FolderReader reader = folder.Entries().Value;
        var seen = new List<string>();
        while (true)
        {
            FileResult<FolderEntry?> read = reader.Read();
            if (read is { IsOk: true, Value: null }) break;
            seen.Add(read.IsOk ? read.Value!.Value.Name : read.Error.ToString());
        }

        Run("rm", "-r", _folder.Inside()); // .NET cannot say the name either
        Assert.Equal([".", "..", "IllegalByteSequence", "good"], seen.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Folder.Walks), MemberType = typeof(Folder))]
    public void ReadOnly_NothingChanges(bool walk)
    {
        Directory.CreateDirectory(_folder.Inside("d"));
        File.WriteAllText(_folder.Inside("d/f"), "text");
        using HostFile folder = _folder.Open(walk, mayChange: false), writable = HostFile.OpenFolder(_folder.Outside(), mayChange: true).Value;
        using HostFile d = Open(folder, "d", OpenModes.Folder), f = Open(d, "f", OpenModes.Read);
        Assert.Equal("text", Text(f));
        foreach (OpenModes modes in new[] { OpenModes.Write, OpenModes.Read | OpenModes.Write, OpenModes.Create, OpenModes.Truncate, OpenModes.Read | OpenModes.Create | OpenModes.Exclusive })
        {
            Assert.Equal(FileError.ReadOnly, d.Open("f", modes).Error);
            Assert.Equal(FileError.ReadOnly, folder.Open("new", modes).Error);
        }

        NewFileTime now = new(NewFileTimeKind.Now);
        Assert.Equal(FileError.ReadOnly, d.MakeFolder("x"));
        Assert.Equal(FileError.ReadOnly, folder.RemoveFolder("d"));
        Assert.Equal(FileError.ReadOnly, d.Unlink("f"));
        Assert.Equal(FileError.ReadOnly, d.MakeLink("f", "l"));
        Assert.Equal(FileError.ReadOnly, d.Rename("f", d, "g"));
        Assert.Equal(FileError.ReadOnly, d.Rename("f", writable, "g"));
        Assert.Equal(FileError.ReadOnly, writable.Rename("secret", d, "g"));
        Assert.Equal(FileError.ReadOnly, d.Link("f", d, "g"));
        Assert.Equal(FileError.ReadOnly, d.Link("f", writable, "g")); // the new name would make it writable
        Assert.Equal(FileError.ReadOnly, writable.Link("secret", d, "g"));
        Assert.Equal(FileError.ReadOnly, d.SetTimes("f", true, now, now));
        Assert.Equal(FileError.ReadOnly, f.SetTimes(now, now));
        Assert.Equal(FileError.ReadOnly, folder.SetTimes(now, now));
        Assert.Equal(FileError.BadDescriptor, f.Write("x"u8, 0).Error);
        Assert.Equal(FileError.BadDescriptor, f.Append("x"u8).Error);
        Assert.Equal(FileError.BadDescriptor, f.SetSize(0));
        Assert.Equal(FileError.BadDescriptor, f.Allocate(0, 100));
        Assert.Equal(["f"], Directory.GetFileSystemEntries(_folder.Inside("d")).Select(Path.GetFileName));
        Assert.Equal(("text", "secret"), (File.ReadAllText(_folder.Inside("d/f")), File.ReadAllText(_folder.Outside("secret"))));
    }

    [Fact]
    public void Close_ClosesForAllUsers_AndTellsOnce()
    {
        using HostFile folder = _folder.Open(walk: true);
        int closed = 0;
        HostFile file = folder.Open("f", OpenModes.Create | OpenModes.Write, () => closed++).Value, shared = file.Share();
        file.Dispose();
        Assert.Equal((0, 1), (closed, shared.Write("x"u8, 0).Value));
        shared.Close();
        shared.Close();
        shared.Dispose();
        Assert.Equal(1, closed);
        Assert.Throws<ObjectDisposedException>(() => shared.Write("x"u8, 0));
    }

    /// <summary>The file system's own faults come through by their names.</summary>
    [Fact]
    public void Disk_ThatIsFullOrReadOnly_SaysSo()
    {
        string disk = _folder.Inside("disk");
        Directory.CreateDirectory(disk);
        if (!Environment.IsPrivilegedProcess || Run("mount", "-t", "tmpfs", "-o", "size=64k", "mote-test", disk) != 0) Assert.Skip("a small file system can be mounted as root only");
        try
        {
            using (HostFile folder = HostFile.OpenFolder(disk, mayChange: true).Value)
            {
                using HostFile file = Open(folder, "f", OpenModes.Create | OpenModes.Write | OpenModes.Read);
                var bytes = new byte[48 * 1024];
                Assert.Equal(bytes.Length, file.Write(bytes, 0).Value);
                Assert.Equal(16 * 1024, file.Write(bytes, (ulong)bytes.Length).Value); // as much as there is room for
                Assert.Equal(FileError.InsufficientSpace, file.Write(bytes, 64 * 1024).Error);
                Assert.Equal(FileError.InsufficientSpace, file.Append("x"u8).Error);
                Assert.Equal(FileError.InsufficientSpace, file.Allocate(0, 1 << 20));
                using HostFile outside = HostFile.OpenFolder(_folder.Outside(), mayChange: true).Value;
                Assert.Equal(FileError.CrossDevice, folder.Rename("f", outside, "f"));
                Assert.Equal(FileError.CrossDevice, folder.Link("f", outside, "f"));
            }

            Assert.Equal(0, Run("mount", "-o", "remount,ro", disk));
            using HostFile again = HostFile.OpenFolder(disk, mayChange: true).Value;
            Assert.Equal(FileError.ReadOnly, again.Open("f", OpenModes.Write).Error);
            Assert.Equal(FileError.ReadOnly, again.MakeFolder("d"));
            Assert.Equal(FileError.ReadOnly, again.Unlink("f"));
        }
        finally
        {
            Run("umount", disk);
        }
    }

    [Fact]
    public void Permissions_OfTheHost_Hold()
    {
        if (Environment.IsPrivilegedProcess) Assert.Skip("root may read and write everything");
        File.WriteAllText(_folder.Inside("locked"), "x");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_folder.Inside("locked"), UnixFileMode.None);
        using HostFile folder = _folder.Open(walk: true);
        Assert.Equal(FileError.Access, folder.Open("locked", OpenModes.Read).Error);
        Assert.Equal(FileError.Access, folder.Open("locked", OpenModes.Write).Error);
    }

    [Fact]
    public void OpenFolder_ThatIsNone_SaysWhy()
    {
        Assert.Equal(FileError.NoEntry, HostFile.OpenFolder(_folder.Inside("nowhere"), false).Error);
        Assert.Equal(FileError.NotDirectory, HostFile.OpenFolder(_folder.Outside("secret"), false).Error);
    }

    private static int Run(string program, params string[] arguments)
    {
        using Process p = Process.Start(program, arguments);
        p.WaitForExit();
        return p.ExitCode;
    }
}
