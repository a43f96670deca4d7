// WASI's own test suite, where the environment names a checkout.
using Mote.Conformance.Wasi;

namespace Mote.Capabilities.Tests;

public sealed class WasiSuiteTests
{
    [Theory]
    [InlineData]
    [InlineData("--wrap")]
    public void ForeignSuite_WhereNamed_HasNoFailures(params string[] options)
    {
        string? folder = Environment.GetEnvironmentVariable("MOTE_WASI_TESTSUITE");
        if (string.IsNullOrEmpty(folder)) Assert.Skip("MOTE_WASI_TESTSUITE names no checkout of WebAssembly/wasi-testsuite, branch prod/testsuite-base");

        var output = new StringWriter();
        int code = WasiProgram.Run([.. options, folder], output, output);

        Assert.True(code == 0, output.ToString());
    }

    /// <summary>A suite of our own, in which each program must be judged as it deserves.</summary>
    [Fact]
    public void Runner_TellsWhatPassedFailedAndWasSkipped()
    {
        string folder = Directory.CreateTempSubdirectory("mote-suite-").FullName;
        try
        {
            void Program(string name, string body, string? json = null)
            {
                File.WriteAllBytes(Path.Combine(folder, $"{name}.wasm"), Mote.Wasmtime.Wat.ToWasm(body));
                if (json is not null) File.WriteAllText(Path.Combine(folder, $"{name}.json"), json);
            }

            const string Exit = "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory (export \"memory\") 1) (func (export \"_start\") (call $exit (i32.const 3))))";
            const string Remove = "(module (import \"wasi_snapshot_preview1\" \"path_unlink_file\" (func $unlink (param i32 i32 i32) (result i32))) (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory (export \"memory\") 1) (data (i32.const 0) \"f\") (func (export \"_start\") (call $exit (call $unlink (i32.const 3) (i32.const 0) (i32.const 1)))))";
            Directory.CreateDirectory(Path.Combine(folder, "root"));
            File.WriteAllText(Path.Combine(folder, "root", "f"), "");
            Program("a-exits", Exit, "{\"exit_code\": 3}");
            Program("b-exits-otherwise", Exit);
            Program("c-traps", "(module (func (export \"_start\") unreachable))");
            Program("d-says-nothing", "(module (func (export \"_start\")))", "{\"operations\": [{\"type\": \"run\"}, {\"type\": \"read\", \"payload\": \"hello\"}, {\"type\": \"wait\"}]}");
            Program("e-removes", Remove, "{\"root\": \"root\"}");
            Program("f-removes-again", Remove, "{\"root\": \"root\"}");
            Program("g-component", "(component)");
            Program("h-unknown", Exit, "{\"exit_code\": 3, \"moon\": \"full\"}");
            var output = new StringWriter();

            Assert.Equal(1, WasiProgram.Run([folder], output, output));

            string[] lines = output.ToString().TrimEnd().Split('\n');
            Assert.Contains(lines, l => l.Contains("b-exits-otherwise.wasm: ended with 3, expected 0", StringComparison.Ordinal));
            Assert.Contains(lines, l => l.Contains("c-traps.wasm: ended with a trap, expected 0", StringComparison.Ordinal));
            Assert.Contains(lines, l => l.Contains("d-says-nothing.wasm: printed ``, expected `hello`", StringComparison.Ordinal));
            Assert.Contains(lines, l => l.Contains("`moon` is not known", StringComparison.Ordinal));
            Assert.Contains(lines, l => l.StartsWith("skipped", StringComparison.Ordinal) && l.Contains("g-component.wasm", StringComparison.Ordinal));
            Assert.Equal("3 passed, 4 failed, 1 skipped", lines[^1]);
            Assert.True(File.Exists(Path.Combine(folder, "root", "f")));
            Assert.Equal(2, WasiProgram.Run([], TextWriter.Null, TextWriter.Null));
            Assert.Equal(2, WasiProgram.Run(["--sideways", folder], TextWriter.Null, TextWriter.Null));
            Assert.Equal(2, WasiProgram.Run([Path.Combine(folder, "nowhere")], TextWriter.Null, TextWriter.Null));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
