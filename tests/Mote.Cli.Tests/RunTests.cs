// mote run: programs like any other of the shell.
namespace Mote.Cli.Tests;

public sealed class RunTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_Preview1Program_GetsArgumentsVariablesAndInput_AndItsCodeIsOurs()
    {
        string file = _folder.Wasm("program.wasm", Guests.Program);
        MoteResult r = MoteRun.RunWith("line 1\nline 2\n", new Dictionary<string, string> { ["SECRET"] = "the host's own" }, "run", "--env", "A=b c", "--env", "EMPTY=", file, "--", "--json", "two words", "ß");
        r.NoInternals();
        Assert.Equal((4, ""), (r.Code, r.Error));
        Assert.Equal("program.wasm\0--json\0two words\0ß\0A=b c\0EMPTY=\0line 1\nline 2\n", r.Out);
    }

    [Fact]
    public void Run_Preview1ProgramWithMuchInput_SeesAllOfIt()
    {
        string file = _folder.Wasm("program.wasm", Guests.Program);
        string input = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"line {i}\n"));
        MoteResult r = MoteRun.RunWith(input, null, "run", file);
        Assert.Equal(1, r.Code);
        Assert.Equal("program.wasm\0" + input, r.Out);
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public void Run_CommandComponent_ItsResultIsTheCode(bool ok, int code)
    {
        MoteResult r = MoteRun.Run("run", _folder.Wasm("command.wasm", Guests.Command(ok)));
        Assert.Equal((code, "hello from a component\n", ""), (r.Code, r.Out, r.Error));
    }

    [Fact]
    public void Run_ComponentThatIsNoCommand_SaysWhatToDo()
    {
        string line = MoteRun.Run("run", _folder.Wasm("functions.wasm", Guests.Functions)).FailedWith(65);
        Assert.Contains("exports no wasi:cli/run", line);
        Assert.Contains("mote call", line);
    }

    [Fact]
    public void Run_EndlessProgramWithATime_EndsWith124() =>
        Assert.Contains("longer than its limit", MoteRun.Run("run", "--time", "100ms", _folder.Wasm("loop.wasm", "(module (func (export \"_start\") (loop $l (br $l))))")).FailedWith(124));

    [Fact]
    public void Run_ProgramThatTraps_EndsWith134()
    {
        MoteResult r = MoteRun.Run("run", _folder.Wasm("trap.wasm", "(module $bad (func $boom (export \"_start\") unreachable))"));
        r.NoInternals();
        Assert.Equal(134, r.Code);
        Assert.Contains("bad!boom", r.Error);
    }

    /// <summary>Reads `in` in the first folder, writes it to `out` there, and ends with the number of the error.</summary>
    private const string Copier = """
        (module
          (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "inout")
          (func $check (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
          (func (export "_start")
            (call $check (call $open (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 32)))
            (i32.store (i32.const 40) (i32.const 1024)) (i32.store (i32.const 44) (i32.const 4096))
            (call $check (call $read (i32.load (i32.const 32)) (i32.const 40) (i32.const 1) (i32.const 44)))
            (call $check (call $write (i32.const 1) (i32.const 40) (i32.const 1) (i32.const 48)))
            (call $check (call $open (i32.const 3) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 32)))
            (call $check (call $write (i32.load (i32.const 32)) (i32.const 40) (i32.const 1) (i32.const 48)))))
        """;

    [Fact]
    public void Run_WithAFolder_ReadsAndWritesIt()
    {
        string file = _folder.Wasm("copier.wasm", Copier), folder = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(file)!, "a:b")).FullName;
        File.WriteAllText(Path.Combine(folder, "in"), "content\n");
        Assert.Equal(8, MoteRun.Run("run", file).Code); // no folder: a bad descriptor
        MoteResult r = MoteRun.Run("run", "--dir", $"{folder}::/data:ro", file);
        Assert.Equal((69, "content\n"), (r.Code, r.Out));
        Assert.Contains("a change below `/data` (granted for reading) was denied: folders are given to `mote run` with --dir", r.Error);
        Assert.False(File.Exists(Path.Combine(folder, "out")));
        r = MoteRun.Run("run", "--dir", folder, file);
        Assert.Equal((0, "content\n", ""), (r.Code, r.Out, r.Error));
        Assert.Equal("content\n", File.ReadAllText(Path.Combine(folder, "out")));
    }

    [Theory]
    [InlineData("/no/such/folder", "--dir /no/such/folder: there is no such folder")]
    [InlineData("/etc/passwd::/x", "this is a file")]
    [InlineData("::/x", "the folder's name is empty")]
    [InlineData("/::", "it is empty")]
    [InlineData("/::/a/../b", "GUEST has no . or .. in it")]
    [InlineData("/::/a/", "ends without a slash")]
    public void Run_FolderThatIsNone_SaysSo(string value, string says) => Refused(says, "--dir", value);

    [Fact]
    public void Run_TwoFoldersInOnePlace_SaysSo() => Refused("another folder is at `/x` already", "--dir", "/::/x", "--dir", "/etc::/x:ro");

    private void Refused(string says, params string[] options)
    {
        MoteResult r = MoteRun.Run(["run", .. options, _folder.Wasm("copier.wasm", Copier)]);
        r.NoInternals();
        Assert.Equal(64, r.Code);
        Assert.Contains(says, r.Error.Split('\n')[0]);
    }

    [Theory]
    [InlineData("(module (import \"env\" \"f\" (func)) (func (export \"_start\")))", "env.f")]
    [InlineData("(module (func (export \"main\")))", "_start")]
    [InlineData("(module (import \"wasi_snapshot_preview1\" \"fd_teleport\" (func)) (func (export \"_start\")))", "fd-teleport")]
    [InlineData("(module (import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i64) (result i32))) (func (export \"_start\")))", "fd-close")]
    public void Run_ModuleThatIsNoProgram_SaysWhy(string wat, string word) =>
        Assert.Contains(word, MoteRun.Run("run", _folder.Wasm("module.wasm", wat)).FailedWith(65));
}
