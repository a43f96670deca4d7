// The WAST scripts of tests/wast, and of foreign suites where the environment names their folders.
using Mote.Conformance;

namespace Mote.Components.Tests;

public sealed class WastTests
{
    [Theory]
    [InlineData]
    [InlineData("--stored")]
    [InlineData("--small")]
    [InlineData("--stored", "--small")]
    public void OwnScripts_AnyOptions_PassWithoutSkips(params string[] options)
    {
        (int code, string output) = Run([.. options, "-v", Repository.Wast]);

        Assert.True(code == 0, output);
        string total = output.TrimEnd().Split('\n')[^1];
        Assert.EndsWith("0 failed, 0 skipped", total);
        Assert.True(int.Parse(total.Split(' ')[0]) > 400, total);
    }

    [Theory]
    [InlineData]
    [InlineData("--stored")]
    [InlineData("--small")]
    public void ForeignSuites_WhereNamed_HaveNoFailures(params string[] options)
    {
        string? folders = Environment.GetEnvironmentVariable("MOTE_CONFORMANCE");
        if (string.IsNullOrEmpty(folders)) Assert.Skip("MOTE_CONFORMANCE names no folders of WAST scripts (separated by colons)");

        (int code, string output) = Run([.. options, .. folders.Split(':', StringSplitOptions.RemoveEmptyEntries)]);

        Assert.True(code == 0, string.Join('\n', output.Split('\n').Where(l => !l.StartsWith("ok ", StringComparison.Ordinal))));
    }

    [Fact]
    public void Run_FailingScript_SaysFileAndLine()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("mote-wast-").FullName, "wrong.wast");
        File.WriteAllText(file, """
            (component
              (core module $m (func (export "f") (result i32) (i32.const 1)))
              (core instance $i (instantiate $m))
              (func (export "f") (result u32) (canon lift (core func $i "f"))))
            (assert_return (invoke "f") (u32.const 2))
            (assert_trap (invoke "f") "unreachable")
            (assert_invalid (component) "anything")
            """);
        try
        {
            (int code, string output) = Run([file]);

            Assert.Equal(1, code);
            Assert.Contains($"{file}:5: assert_return: expected", output);
            Assert.Contains($"{file}:6: assert_trap: returned, expected a trap", output);
            Assert.Contains($"{file}:7: assert_invalid: was accepted", output);
            Assert.Contains("1 passed, 3 failed, 0 skipped", output);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }

    [Fact]
    public void Run_UnknownOption_SaysUsage()
    {
        Assert.Equal(2, ConformanceProgram.Run(["--sideways", "."], TextWriter.Null, TextWriter.Null));
        Assert.Equal(2, ConformanceProgram.Run([], TextWriter.Null, TextWriter.Null));
        Assert.Equal(2, ConformanceProgram.Run(["no-such-folder"], TextWriter.Null, TextWriter.Null));
    }

    private static (int Code, string Output) Run(string[] arguments)
    {
        var output = new StringWriter();
        var errors = new StringWriter();
        int code = ConformanceProgram.Run(arguments, output, errors);
        return (code, errors + output.ToString());
    }
}
