// mote call: functions by name, arguments and results as WAVE.
using System.Text.Json;

namespace Mote.Cli.Tests;

public sealed class CallTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly string _file;

    public CallTests() => _file = _folder.Wasm("functions.wasm", Guests.Functions);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("add(1, 2)", "3")]
    [InlineData("add(255,255)", "510")]
    [InlineData("echo(\"ünï \\\"x\\\" \\n\")", "\"ünï \\\"x\\\" \\n\"")]
    [InlineData("move({x: -1, y: 2147483647})", "{x: -1, y: 2147483647}")]
    [InlineData("list([1, 2, 65535])", "[1, 2, 65535]")]
    [InlineData("list([])", "[]")]
    [InlineData("check(3)", "ok(3)")]
    [InlineData("some(some(5))", "5")]
    [InlineData("some(none)", "77")]
    [InlineData("some()", "77")]
    [InlineData("tick()", "")]
    [InlineData("test:cli/a@1.2.0#count()", "1")]
    [InlineData("test:cli/a#only-a()", "1")]
    [InlineData("b.count()", "1")]
    [InlineData("only-a()", "1")]
    public void Call_Function_PrintsItsResult(string call, string expected) => Assert.Equal(expected, MoteRun.Run("call", _file, call).Succeeded().TrimEnd('\n'));

    [Fact]
    public void Call_ComponentAsText_Works() => Assert.Equal("3\n", MoteRun.Run("call", _folder.Write("functions.wat", Guests.Functions), "add(1, 2)").Succeeded());

    [Fact]
    public void Call_SeveralCalls_AreMadeInOneInstance() => Assert.Equal("1\n2\n3\n", MoteRun.Run("call", _file, "a.count()", "b.count()", "only-a()").Succeeded());

    [Fact]
    public void Call_ResultIsErr_EndsWith1()
    {
        MoteResult r = MoteRun.Run("call", _file, "check(10)");
        Assert.Equal((1, "err(10)\n", ""), (r.Code, r.Out, r.Error));
    }

    [Fact]
    public void Call_Json_GivesOneObject()
    {
        using JsonDocument json = JsonDocument.Parse(MoteRun.Run("call", "--json", _file, "add(1, 2)", "tick()").Succeeded());
        Assert.Equal(["3", ""], json.RootElement.GetProperty("results").EnumerateArray().Select(e => e.GetString()));
    }

    [Theory]
    [InlineData("add(1, 300)", "300", "character 8")]
    [InlineData("add(1, -2)", "u8", "character 8")]
    [InlineData("add(1)", "`b: u8` is missing", "character 6")]
    [InlineData("add(1, 2, 3)", "character")]
    [InlineData("add(1, 2) x", "character")]
    [InlineData("add(true, 2)", "u8", "argument `a`", "character 5")]
    [InlineData("echo(text)", "string", "character 6")]
    [InlineData("echo(\"text)", "character")]
    [InlineData("move({x: 1})", "y", "character")]
    [InlineData("move({x: 1, y: 2, z: 3})", "z", "character")]
    [InlineData("list([1, 2,, 3])", "character 12")]
    [InlineData("check", "a call looks like name(arguments)")]
    public void Call_ArgumentsThatDoNotFit_AreRefusedWithTheirPlace(string call, params string[] words)
    {
        string line = MoteRun.Run("call", _file, call).FailedWith(65);
        Assert.Contains($"`{call}`: ", line);
        foreach (string word in words) Assert.Contains(word, line);
    }

    [Fact]
    public void Call_UnknownFunction_ListsThoseThereAre()
    {
        MoteResult r = MoteRun.Run("call", _file, "subtract(1, 2)");
        Assert.Equal(65, r.Code);
        r.NoInternals();
        Assert.Contains("there is no function `subtract`", r.Error);
        Assert.Contains("  add: func(a: u8, b: u8) -> u32", r.Error);
        Assert.Contains("  test:cli/a@1.2.0#count: func() -> u32", r.Error);
    }

    [Fact]
    public void Call_NameOfTwoFunctions_NamesBoth()
    {
        string line = MoteRun.Run("call", _file, "count()").FailedWith(65);
        Assert.Contains("test:cli/a@1.2.0#count", line);
        Assert.Contains("test:cli/b@1.0.0#count", line);
    }

    [Fact]
    public void Call_FirstArgumentsAreChecked_BeforeAnythingRuns()
    {
        MoteResult r = MoteRun.Run("call", _file, "only-a()", "add(1, 300)");
        r.FailedWith(65);
        Assert.Empty(r.Out);
    }
}
