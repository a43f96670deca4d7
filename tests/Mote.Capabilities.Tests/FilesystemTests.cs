// wasi:filesystem as a guest sees it.
using System.Diagnostics;
using Mote.Components;
using Mote.Runtime;
using static Mote.Capabilities.Tests.Guest;

namespace Mote.Capabilities.Tests;

public sealed class FilesystemTests : IDisposable
{
    private const string D = "[method]descriptor.";
    private readonly HostFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static Guest Start(Grants grants, MicroVmLimits? limits = null) => Guest.Start(Wasi.Set(), App(grants, limits), Wasi.Types, Wasi.Preopens, Wasi.Streams, Wasi.Error);

    private static Value[] Folders(Guest g) => [.. ((ListValue)g.Call(Wasi.Preopens, "get-directories")!).Items.Select(i => ((TupleValue)i).Items[0])];

    private static string Call(Guest g, string function, params Value[] arguments) => Show(g.Call(Wasi.Types, D + function, arguments));

    private static Value Flags(params string[] names) => new FlagsValue(names);

    private static readonly Value s_none = Flags(), s_follow = Flags("symlink-follow"), s_now = new VariantValue("now", null), s_keep = new VariantValue("no-change", null);

    private static Value Open(Guest g, Value folder, string path, string[]? open = null, params string[] flags) =>
        g.Ok(Wasi.Types, D + "open-at", folder, s_none, S(path), Flags(open ?? []), Flags(flags.Length == 0 ? ["read"] : flags))!;

    private static string OpenError(Guest g, Value folder, string path, string[]? open = null, params string[] flags) =>
        Call(g, "open-at", folder, s_follow, S(path), Flags(open ?? []), Flags(flags.Length == 0 ? ["read"] : flags));

    [Fact]
    public void Preopens_AreTheGrants()
    {
        Directory.CreateDirectory(_folder.Inside("sub"));
        using Guest g = Start(new Grants { Files = [new(_folder.Inside(), "/", true), new(_folder.Inside("sub"), "/s", false), new(_folder.Inside("gone"), "/gone", false)] });
        Assert.Equal("[(<descriptor>, \"/\"), (<descriptor>, \"/s\")]", Show(g.Call(Wasi.Preopens, "get-directories")));
        Value[] folders = Folders(g);
        Assert.Equal("ok(directory)", Call(g, "get-type", folders[0]));
        Assert.Equal(["read", "mutate-directory"], ((FlagsValue)g.Ok(Wasi.Types, D + "get-flags", folders[0])!).Names);
        Assert.Equal(["read"], ((FlagsValue)g.Ok(Wasi.Types, D + "get-flags", folders[1])!).Names);
        using Guest none = Start(Grants.None);
        Assert.Empty(Folders(none));
    }

    [Fact]
    public void Folder_ThatCannotBeOpened_IsLogged()
    {
        var log = new List<string>();
        var app = new AppComponent("app", "guest", new Grants { Files = [new(_folder.Inside("gone"), "/", false)] }, new MicroVmLimits()) { Log = (_, level, _, message) => log.Add($"{level}: {message}") };
        using Guest g = Guest.Start(Wasi.Set(), app, Wasi.Preopens);
        Assert.Empty(Folders(g));
        Assert.Equal($"Error: the folder {_folder.Inside("gone")} is granted as / and cannot be opened: NoEntry", Assert.Single(log));
    }

    [Fact]
    public void Content_ByCallsAndByStreams()
    {
        using Guest g = Start(_folder.Grant());
        Value folder = Folders(g)[0];
        Value file = Open(g, folder, "f", ["create"], "read", "write");
        Assert.Equal("ok(5)", Call(g, "write", file, Text("hello"), U(2)));
        Assert.Equal("ok(([0, 0, 104, 101, 108, 108, 111], false))", Call(g, "read", file, U(100), U(0)));
        Assert.Equal("ok(('llo', false))", Call(g, "read", file, U(100), U(4)));
        Assert.Equal("ok(([], true))", Call(g, "read", file, U(100), U(7)));
        Assert.Equal("ok(([], false))", Call(g, "read", file, U(0), U(0)));
        Value output = g.Ok(Wasi.Types, D + "write-via-stream", file, U(7))!, appending = g.Ok(Wasi.Types, D + "append-via-stream", file)!;
        Assert.Equal("ok", Show(g.Call(Wasi.Streams, "[method]output-stream.blocking-write-and-flush", output, Text(" you"))));
        Assert.Equal("ok", Show(g.Call(Wasi.Streams, "[method]output-stream.blocking-write-and-flush", appending, Text("!"))));
        Assert.Equal("ok", Show(g.Call(Wasi.Streams, "[method]output-stream.blocking-write-and-flush", output, Text("?"))));
        Assert.Equal("ok", Show(g.Call(Wasi.Streams, "[method]output-stream.blocking-write-and-flush", appending, Text("."))));
        Value input = g.Ok(Wasi.Types, D + "read-via-stream", file, U(2))!;
        Assert.Equal("ok('hello')", Show(g.Call(Wasi.Streams, "[method]input-stream.read", input, U(5))));
        Assert.Equal("ok(' you?.')", Show(g.Call(Wasi.Streams, "[method]input-stream.blocking-read", input, U(100))));
        Assert.Equal("err(closed)", Show(g.Call(Wasi.Streams, "[method]input-stream.read", input, U(1))));
        Assert.Equal("ok", Call(g, "set-size", file, U(3)));
        Assert.Equal("ok", Call(g, "sync-data", file));
        Assert.Equal("ok", Call(g, "sync", file));
        Assert.Equal("ok", Call(g, "sync", folder));
        Assert.Equal("ok", Call(g, "advise", file, U(0), U(100), new EnumValue("sequential")));
        Assert.Equal("\0\0h", File.ReadAllText(_folder.Inside("f")));
        Assert.Equal("err(bad-descriptor)", Call(g, "write-via-stream", Open(g, folder, "f"), U(0)));
        Assert.Equal("err(bad-descriptor)", Call(g, "read-via-stream", Open(g, folder, "f", null, "write"), U(0)));
        Assert.Equal("err(bad-descriptor)", Call(g, "write", Open(g, folder, "f"), Text("x"), U(0)));
        Assert.Equal("err(is-directory)", Call(g, "read-via-stream", folder, U(0)));
        Assert.Equal("err(is-directory)", Call(g, "read", folder, U(1), U(0)));
        Value synced = Open(g, folder, "f", null, "write", "file-integrity-sync");
        Assert.Equal("ok(1)", Call(g, "write", synced, Text("x"), U(0)));
        Assert.Equal(["write", "file-integrity-sync"], ((FlagsValue)g.Ok(Wasi.Types, D + "get-flags", synced)!).Names);
    }

    [Fact]
    public void LargeFile_GoesThroughWhole()
    {
        using Guest g = Start(_folder.Grant());
        var bytes = new byte[1_200_001];
        Random.Shared.NextBytes(bytes);
        Value file = Open(g, Folders(g)[0], "f", ["create"], "read", "write");
        Assert.Equal($"ok({bytes.Length})", Call(g, "write", file, Bytes(bytes), U(0)));
        var read = new List<byte>();
        while (g.Ok(Wasi.Types, D + "read", file, U(ulong.MaxValue), U((ulong)read.Count)) is TupleValue { Items: [var part, BoolValue { Value: false }] }) read.AddRange(BytesOf(part));
        Assert.Equal(bytes, read);
    }

    [Fact]
    public void Status_Times_AndIdentity()
    {
        _folder.Write("f", "12345");
        File.CreateSymbolicLink(_folder.Inside("l"), "f");
        using Guest g = Start(_folder.Grant());
        Value folder = Folders(g)[0];
        Value Time(ulong seconds) => new VariantValue("timestamp", new RecordValue([new("seconds", U(seconds)), new("nanoseconds", U(7))]));
        Assert.Equal("ok", Call(g, "set-times-at", folder, s_follow, S("l"), Time(1_000_000_000), Time(1_100_000_000)));
        string stat = Call(g, "stat-at", folder, s_follow, S("l"));
        Assert.StartsWith("ok({type: regular-file, link-count: 1, size: 5, data-access-timestamp: some({seconds: 1000000000, nanoseconds: 7}), data-modification-timestamp: some({seconds: 1100000000, nanoseconds: 7}), status-change-timestamp: some({seconds: 1", stat, StringComparison.Ordinal);
        Value file = Open(g, folder, "f", null, "read", "write");
        Assert.Equal(stat, Call(g, "stat", file));
        Assert.StartsWith("ok({type: symbolic-link", Call(g, "stat-at", folder, s_none, S("l")), StringComparison.Ordinal);
        Assert.Equal("ok", Call(g, "set-times", file, s_keep, s_now));
        Assert.Contains("data-access-timestamp: some({seconds: 1000000000, ", Call(g, "stat", file), StringComparison.Ordinal);
        Assert.DoesNotContain("seconds: 1100000000", Call(g, "stat", file), StringComparison.Ordinal);

        Value again = Open(g, folder, "f");
        Assert.Equal(("true", "false"), (Show(g.Call(Wasi.Types, D + "is-same-object", file, again)), Show(g.Call(Wasi.Types, D + "is-same-object", file, folder))));
        string hash = Call(g, "metadata-hash", file);
        Assert.Equal(hash, Call(g, "metadata-hash-at", folder, s_follow, S("l")));
        Assert.NotEqual(hash, Call(g, "metadata-hash-at", folder, s_none, S("l")));
        Assert.NotEqual(hash, Call(g, "metadata-hash", folder));
        Call(g, "write", file, Text("more"), U(0));
        Assert.Equal(hash, Call(g, "metadata-hash", file)); // the adapter shows it as the inode, which stays
    }

    [Fact]
    public void Names_AndEntries()
    {
        using Guest g = Start(_folder.Grant());
        Value folder = Folders(g)[0];
        Assert.Equal("ok", Call(g, "create-directory-at", folder, S("d")));
        Value d = Open(g, folder, "d", ["directory"]);
        Open(g, d, "f", ["create", "exclusive"], "write");
        Assert.Equal("err(exist)", OpenError(g, d, "f", ["create", "exclusive"], "write"));
        Assert.Equal("ok", Call(g, "link-at", d, s_none, S("f"), folder, S("linked")));
        Assert.Equal("err(invalid)", Call(g, "link-at", d, s_follow, S("f"), folder, S("linked2")));
        Assert.Equal("ok", Call(g, "symlink-at", folder, S("d/f"), S("soft")));
        Assert.Equal("err(not-permitted)", Call(g, "symlink-at", folder, S("/etc/passwd"), S("absolute")));
        Assert.Equal("ok(\"d/f\")", Call(g, "readlink-at", folder, S("soft")));
        Assert.Equal("ok", Call(g, "rename-at", folder, S("soft"), d, S("moved")));
        Assert.Equal("err(not-empty)", Call(g, "remove-directory-at", folder, S("d")));
        Assert.Equal("err(is-directory)", Call(g, "unlink-file-at", folder, S("d")));

        var entries = new List<string>();
        Value stream = g.Ok(Wasi.Types, D + "read-directory", folder)!;
        while (g.Ok(Wasi.Types, "[method]directory-entry-stream.read-directory-entry", stream) is OptionValue { Some: { } entry }) entries.Add(Show(entry));
        Assert.Equal(["{type: directory, name: \"d\"}", "{type: regular-file, name: \"linked\"}", "{type: symbolic-link, name: \"out-link\"}"], entries.Order(StringComparer.Ordinal));
        Assert.Equal("ok(none)", Show(g.Call(Wasi.Types, "[method]directory-entry-stream.read-directory-entry", stream)));

        foreach (string name in (string[])["d/f", "d/moved", "linked"]) Assert.Equal("ok", Call(g, "unlink-file-at", folder, S(name)));
        Assert.Equal("ok", Call(g, "remove-directory-at", folder, S("d")));
    }

    [Fact]
    public void Paths_ThatLeadOut_AreRefused_AndToldOnce()
    {
        using Guest g = Start(_folder.Grant());
        Value folder = Folders(g)[0];
        foreach (string path in (string[])["../secret", "/etc/passwd", "out-link", "out-link/x", "x/../../secret"])
        {
            string expected = path is "x/../../secret" ? "err(no-entry)" : "err(not-permitted)";
            Assert.Equal(expected, OpenError(g, folder, path));
            Assert.Equal(expected, Call(g, "stat-at", folder, s_follow, S(path)));
        }

        Assert.Equal("err(invalid)", OpenError(g, folder, "f\0"));
        Assert.Contains("a path that leads out of the folder `/data`; to allow it, put under [component.guest.grants]: files = [", Assert.Single(g.Denials), StringComparison.Ordinal);
    }

    /// <summary>Another program swaps a folder and a link that leads out while the guest opens through it. Mote.Files.Tests has more of this.</summary>
    [Fact]
    public void FolderThatBecomesALink_NeverLeadsOut()
    {
        _folder.Write("d/secret", "inside");
        File.CreateSymbolicLink(_folder.Inside("link"), "..");
        using Guest g = Start(_folder.Grant());
        Value folder = Folders(g)[0];
        using var stop = new CancellationTokenSource();
        var swapper = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Directory.Move(_folder.Inside("d"), _folder.Inside("kept"));
                Directory.Move(_folder.Inside("link"), _folder.Inside("d"));
                Directory.Move(_folder.Inside("d"), _folder.Inside("link"));
                Directory.Move(_folder.Inside("kept"), _folder.Inside("d"));
            }
        });
        swapper.Start();
        var seen = new HashSet<string>();
        try
        {
            for (int i = 0; i < 1000 || ((seen.Count < 2 || !seen.Contains("ok(('inside', false))")) && i < 100_000); i++)
            {
                var opened = (ResultValue)g.Call(Wasi.Types, D + "open-at", folder, s_follow, S("d/secret"), s_none, Flags("read"))!;
                seen.Add(opened.IsOk ? Call(g, "read", opened.Payload!, U(10), U(0)) : Show(opened));
                if (opened.IsOk) ((ResourceValue)opened.Payload!).Handle.Drop();
            }
        }
        finally
        {
            stop.Cancel();
            swapper.Join();
        }

        Assert.DoesNotContain("ok(('secret', false))", seen);
        Assert.Contains("ok(('inside', false))", seen);
        Assert.True(seen.Count > 1, "the swapper never got between");
    }

    [Fact]
    public void ReadOnlyGrant_RefusesChanges_AndTellsTheLine()
    {
        _folder.Write("f", "text");
        using Guest g = Start(_folder.Grant(write: false));
        Value folder = Folders(g)[0];
        Assert.Equal("ok(('text', false))", Call(g, "read", Open(g, folder, "f"), U(10), U(0)));
        Assert.Equal("err(read-only)", OpenError(g, folder, "f", null, "write"));
        Assert.Equal("err(read-only)", OpenError(g, folder, "g", ["create"]));
        Assert.Equal("err(read-only)", OpenError(g, folder, "f", ["truncate"]));
        Assert.Equal("err(read-only)", Call(g, "create-directory-at", folder, S("d")));
        Assert.Equal("err(read-only)", Call(g, "unlink-file-at", folder, S("f")));
        Assert.Equal("err(read-only)", Call(g, "remove-directory-at", folder, S("f")));
        Assert.Equal("err(read-only)", Call(g, "rename-at", folder, S("f"), folder, S("g")));
        Assert.Equal("err(read-only)", Call(g, "link-at", folder, s_none, S("f"), folder, S("g")));
        Assert.Equal("err(read-only)", Call(g, "symlink-at", folder, S("f"), S("g")));
        Assert.Equal("err(read-only)", Call(g, "set-times-at", folder, s_none, S("f"), s_now, s_now));
        Assert.Equal("err(read-only)", Call(g, "set-times", folder, s_now, s_now));
        Assert.Contains($"a change below `/data` (granted for reading); to allow it, put under [component.guest.grants]: files = [{{ host = \"{_folder.Inside()}\", guest = \"/data\", write = true }}]", Assert.Single(g.Denials), StringComparison.Ordinal);
    }

    [Fact]
    public void OpenFiles_AreBounded_AndClosedWithTheInstance()
    {
        _folder.Write("f", "text");
        using (Guest g = Start(_folder.Grant()))
        {
            Value folder = Folders(g)[0];
            var open = new List<Value>();
            for (int i = 0; i < 1024; i++) open.Add(i % 2 == 0 ? Open(g, folder, "f") : g.Ok(Wasi.Types, D + "read-directory", folder)!);
            Assert.Equal("err(insufficient-memory)", OpenError(g, folder, "f"));
            Assert.Equal("err(insufficient-memory)", Call(g, "read-directory", folder));
            ((ResourceValue)open[0]).Handle.Drop();
            ((ResourceValue)open[1]).Handle.Drop();
            Open(g, folder, "f");
            Value file = Open(g, folder, "f"), stream = g.Ok(Wasi.Types, D + "read-via-stream", file, U(0))!;
            ((ResourceValue)file).Handle.Drop();
            Assert.Equal("ok('text')", Show(g.Call(Wasi.Streams, "[method]input-stream.read", stream, U(10)))); // a stream outlives its descriptor
            Assert.Equal("err(insufficient-memory)", OpenError(g, folder, "f"));
            ((ResourceValue)stream).Handle.Drop();
            Open(g, folder, "f");
            Assert.True(DescriptorsBelow(_folder.Inside()) >= 1024);
        }

        Assert.Equal(0, DescriptorsBelow(_folder.Inside()));
    }

    private static int DescriptorsBelow(string folder) =>
        Directory.GetFileSystemEntries("/proc/self/fd").Count(f => new FileInfo(f).LinkTarget is { } t && t.StartsWith(folder.TrimEnd('/'), StringComparison.Ordinal));

    [Fact]
    public void Disk_ThatIsFull_IsAnErrorOfTheStream()
    {
        string disk = _folder.Inside("disk");
        Directory.CreateDirectory(disk);
        if (!Environment.IsPrivilegedProcess || Command("mount", "-t", "tmpfs", "-o", "size=16k", "mote-test", disk) != 0) Assert.Skip("a small file system can be mounted as root only");
        try
        {
            using Guest g = Start(new Grants { Files = [new(disk, "/", true)] });
            Value file = Open(g, Folders(g)[0], "f", ["create"], "write");
            Value output = g.Ok(Wasi.Types, D + "write-via-stream", file, U(0))!;
            var result = (ResultValue)g.Call(Wasi.Streams, "[method]output-stream.write", output, Bytes(new byte[40_000]))!;
            Assert.Equal("err(last-operation-failed(<error>))", Show(result));
            Value error = ((VariantValue)result.Payload!).Payload!;
            Assert.Equal("some(insufficient-space)", Show(g.Call(Wasi.Types, "filesystem-error-code", error)));
            Assert.Equal("err(insufficient-space)", Call(g, "write", file, Bytes(new byte[40_000]), U(16_384)));
        }
        finally
        {
            Command("umount", disk);
        }
    }

    private static int Command(string program, params string[] arguments)
    {
        using Process p = Process.Start(program, arguments);
        p.WaitForExit();
        return p.ExitCode;
    }

    [Theory]
    [InlineData("0.2.0")]
    [InlineData("0.2.3")]
    [InlineData("0.2.9")]
    public void OlderVersions_AreHosted(string version)
    {
        _folder.Write("f", "text");
        Forwarder forwarder = Forwarder.Of(t => t.Replace("@0.2.12", $"@{version}", StringComparison.Ordinal), Wasi.Types, Wasi.Preopens);
        using Guest g = Guest.Start(Wasi.Set(), App(_folder.Grant()), forwarder);
        Assert.Equal("ok(('text', false))", Call(g, "read", Open(g, Folders(g)[0], "f"), U(10), U(0)));
    }
}
