// Runs the compiler.
using System.Diagnostics;

namespace Mote.Bindings.C.Tests;

internal static class Clang
{
    private static readonly Lazy<bool> s_present = new(() =>
    {
        try
        {
            return Run("clang-19", ["--version"]).ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    });

    /// <summary>Ends the test as skipped where there is no compiler.</summary>
    public static void Needed() => Assert.SkipUnless(s_present.Value, "clang-19 is not installed (Debian: apt install clang-19 lld-19)");

    public static void Compile(string folder, string source, params string[] more)
    {
        (int code, string output) = Run("clang-19", ["--target=wasm32-unknown-unknown", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Os", "-mbulk-memory", "-I", folder, .. more, "-c", Path.Combine(folder, source), "-o", Path.Combine(folder, source + ".o")]);
        Assert.True(code == 0, output);
    }

    /// <summary>Runs a program to its end.</summary>
    public static (int ExitCode, string Output) Run(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, errors.Result + output);
    }
}
