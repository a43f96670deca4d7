// A C program that uses files through wasi-libc: as a preview-1 module, and as a component with the adapter.
using System.Diagnostics;
using System.Text;
using Mote.Capabilities.Wasi.Cli;
using Mote.Capabilities.Wasi.Io;
using Mote.Components;
using Mote.Components.Linking;
using Mote.Runtime;

namespace Mote.Capabilities.Tests;

public sealed class FileProgramTests : IDisposable
{
    private static readonly Lazy<byte[]> s_module = new(() => Build(false)), s_component = new(() => Build(true));
    private readonly HostFolder _folder = new();

    public FileProgramTests()
    {
        _folder.Write("in.txt", "first\nsecond\n");
        _folder.Write("sub/deep.txt", "deep\n");
    }

    public void Dispose() => _folder.Dispose();

    private const string Reads = """
        /data: in.txt out-link sub (3)
        /data/in.txt: first
        /data/in.txt: second
        /data/sub/deep.txt: deep
        /data/nowhere.txt: No such file or directory
        /data/out-link: Operation not permitted
        /data/../data/in.txt: #
        /data/../../etc/passwd: #
        /etc/passwd: #
        poll 1

        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Program_ChangesWhatItWasGranted(bool component)
    {
        (string output, IEnumerable<string> denials) = Run(component, _folder.Grant());
        Assert.Equal(Reads + """
            lines: 1000, at 8890, last line 999
            append: ok
            append: ok
            position 8905
            fsync: ok
            stat: ok
            size 8905, links 1, regular 1
            truncate: ok
            /data/new.txt: line 0utimens: ok
            modified 1500000000
            mkdir: ok
            mkdir: File exists
            rename: ok
            link: ok
            symlink: ok
            symlink: Operation not permitted
            readlink: ok
            soft is dir/moved.txt
            /data/soft: line 0/data/dir: entry-000-with-a-long-name entry-001-with-a-long-name entry-002-with-a-long-name entry-003-with-a-long-name entry-004-with-a-long-name (122)
            rmdir: Directory not empty
            unlink: ok
            unlink: ok
            unlink: ok
            rmdir: ok

            """, output);
        Assert.Equal(["in.txt", "out-link", "sub"], Directory.GetFileSystemEntries(_folder.Inside()).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(denials, d => d.Contains("granted for reading", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Program_ThatMayOnlyRead_IsToldSo_AndTheOperatorHow(bool component)
    {
        (string output, IEnumerable<string> denials) = Run(component, _folder.Grant(write: false));
        Assert.Equal(Reads + """
            create: Read-only file system
            mkdir: Read-only file system
            unlink: Read-only file system
            rename: Read-only file system
            truncate: Read-only file system

            """, output);
        string denial = Assert.Single(denials, d => d.Contains("granted for reading", StringComparison.Ordinal));
        Assert.Contains($"files = [{{ host = \"{_folder.Inside()}\", guest = \"/data\", write = true }}]", denial, StringComparison.Ordinal);
        Assert.Equal("first\nsecond\n", File.ReadAllText(_folder.Inside("in.txt")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Program_WithoutAGrant_SeesNothing(bool component)
    {
        (string output, _) = Run(component, new Grants { Arguments = ["program"] });
        Assert.DoesNotContain("first", output, StringComparison.Ordinal);
        Assert.DoesNotContain(": ok", output, StringComparison.Ordinal);
    }

    private static (string Output, IEnumerable<string> Denials) Run(bool component, Grants grants)
    {
        var output = new MemoryStream();
        CapabilitySet set = Tests.Wasi.Set(vm => new StandardStreams(new BytesInput(vm, default), new StreamOutput(vm, output), new StreamOutput(vm, output)));
        byte[] file = component ? s_component.Value : CoreProgram.ToComponent(s_module.Value, Guest.Engine.Engine);
        using CompiledComponent compiled = Guest.Engine.Compile(file);
        using InstanceTemplate template = set.Linker.Link(compiled);
        var entry = CommandRun.Bind(template);
        AppComponent app = Guest.App(grants);
        using MicroVm vm = MicroVm.Create(template, app, Guest.Engine, set.Slots);
        vm.Call(entry, static (instance, run) => run is not null ? run.Run(instance).IsOk : instance.GetFunction(CoreProgram.Entry).Call() is null);
        // What libc says of paths that no folder is for differs between its versions.
        string[] lines = [.. Encoding.UTF8.GetString(output.ToArray()).Split('\n').Select(l => l.StartsWith("/data/..", StringComparison.Ordinal) || l.StartsWith("/etc", StringComparison.Ordinal) ? l[..(l.IndexOf(": ", StringComparison.Ordinal) + 2)] + "#" : l)];
        Assert.DoesNotContain(lines, l => l.Contains("root:", StringComparison.Ordinal) || l.Contains("secret", StringComparison.Ordinal));
        return (string.Join('\n', lines), app.Denials.All.Select(d => d.Key.ToString()));
    }

    private static byte[] Build(bool component)
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Mote.slnx"))) root = Path.GetDirectoryName(root)!;
        string source = Path.Combine(root, "tests", "Mote.Capabilities.Tests", "guests", "files.c");
        string folder = Directory.CreateTempSubdirectory("mote-guest-").FullName;
        try
        {
            string wasm = Path.Combine(folder, "files.wasm");
            (int code, string words) = component
                ? Run("node", [Path.Combine(root, "tools", "guests", "build-c.mjs"), "--adapter", "command", "--out", wasm, source])
                : Run("clang-19", ["--target=wasm32-wasi", "-Os", source, "-o", wasm]);
            Assert.True(code == 0, words);
            return File.ReadAllBytes(wasm);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip(component ? "Node.js is not installed" : "clang-19 is not installed (Debian: apt install clang-19 lld-19 wasi-libc)");
            throw;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (int Code, string Words) Run(string program, string[] arguments)
    {
        using Process p = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        Task<string> error = p.StandardError.ReadToEndAsync();
        string words = p.StandardOutput.ReadToEnd();
        p.WaitForExit();
        return (p.ExitCode, words + error.Result);
    }
}
