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

    [Theory]
    [InlineData("(module (import \"env\" \"f\" (func)) (func (export \"_start\")))", "env.f")]
    [InlineData("(module (func (export \"main\")))", "_start")]
    [InlineData("(module (import \"wasi_snapshot_preview1\" \"fd_teleport\" (func)) (func (export \"_start\")))", "fd-teleport")]
    [InlineData("(module (import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i64) (result i32))) (func (export \"_start\")))", "fd-close")]
    public void Run_ModuleThatIsNoProgram_SaysWhy(string wat, string word) =>
        Assert.Contains(word, MoteRun.Run("run", _folder.Wasm("module.wasm", wat)).FailedWith(65));
}
