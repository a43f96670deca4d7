// Guests that go wrong: what the user sees, and the exit code.
using System.Diagnostics;

namespace Mote.Cli.Tests;

public sealed class TrapTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly string _file;

    public TrapTests() => _file = _folder.Wasm("trapping.wasm", Guests.Trapping);

    public void Dispose() => _folder.Dispose();

    private MoteResult Trap(params string[] arguments)
    {
        MoteResult r = MoteRun.Run(["call", _file, .. arguments]);
        r.NoInternals();
        Assert.Equal(134, r.Code);
        Assert.StartsWith("mote: the guest trapped: ", r.Error);
        return r;
    }

    [Fact]
    public void Call_Division_PrintsABacktraceWithNames()
    {
        string[] lines = Trap("divide(0)").Error.TrimEnd('\n').Split('\n');
        Assert.Contains("integer divide by zero", lines[0]);
        Assert.Equal(4, lines.Length);
        Assert.Contains("0: inner!deeper", lines[1]);
        Assert.Contains("1: inner!deep ", lines[2]);
        Assert.Contains("2: inner!", lines[3]);
    }

    [Fact]
    public void Call_OutOfBounds_SaysSo() => Assert.Contains("out of bounds memory access", Trap("outside()").Error);

    [Fact]
    public void Call_EndlessRecursion_IsATrapWithAShortBacktrace()
    {
        string error = Trap("recurse()").Error;
        Assert.Contains("call stack exhausted", error);
        Assert.InRange(error.Split('\n').Length, 10, 70);
    }

    [Fact]
    public void Call_AfterATrap_NothingMoreIsCalled() => Assert.Empty(Trap("divide(0)", "divide(1)").Out);

    [Fact]
    public void Call_BeforeATrap_IsPrinted() => Assert.Equal("1\n", Trap("divide(1)", "divide(0)").Out);

    [Fact]
    public void Call_EndlessLoopWithATime_EndsWith124()
    {
        long start = Stopwatch.GetTimestamp();
        string line = MoteRun.Run("call", "--time", "200ms", _file, "forever()").FailedWith(124);
        Assert.Contains("longer than its limit of 200 ms", line);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.2, 20);
    }

    [Fact]
    public void Call_MemoryThatCannotGrow_IsTheGuestsToSee() => Assert.Equal("-1\n", MoteRun.Run("call", _file, "grow()").Succeeded());

    [Fact]
    public void Call_MemoryBeyondTheLimit_IsRefused()
    {
        string file = _folder.Wasm("large.wasm", "(component (core module $M (memory 100) (func (export \"f\"))) (core instance $m (instantiate $M)) (func (export \"f\") (canon lift (core func $m \"f\"))))");
        MoteResult r = MoteRun.Run("call", "--memory", "1MiB", file, "f()");
        r.NoInternals();
        Assert.NotEqual(0, r.Code);
        Assert.StartsWith("mote: ", r.Error);
        Assert.Contains("memory", r.Error);
        Assert.Equal(0, MoteRun.Run("call", "--memory", "8MiB", file, "f()").Code);
    }
}
