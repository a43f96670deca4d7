// The same .wasm files on x86-64 and on arm64 give the same bytes: integers, floats, vectors, NaNs, traps. The arm64
// build runs under an emulator.
namespace Mote.Cli.Tests.Portability;

public sealed class PortabilityTests(PortabilityTests.CGuests guests) : IClassFixture<PortabilityTests.CGuests>, IDisposable
{
    private static readonly bool s_long = Environment.GetEnvironmentVariable("MOTE_LONG") is { Length: > 0 };

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A preview-1 module in C: integers, scalar and vector floats with NaN payloads, relaxed SIMD, the C library's mathematics.</summary>
    [Fact]
    public void Module_InC_GivesTheSameBytes()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("MOTE_SEED"), out int n) ? n : 1;
        string text = Arm64.RunBoth("run", guests.Arithmetic, "--", $"{seed}", s_long ? "200000" : "5000");
        string[] lines = text.TrimEnd('\n').Split('\n');
        Assert.Equal(["integers", "float32", "float64", "library", "vectors", "vector-float", "relaxed"], lines.Select(l => l.Split(' ')[0]));
        // The library moves NaNs about without computing; everything else computes, and so every NaN is the canonical one.
        foreach (string line in lines.Where(l => !l.StartsWith("library", StringComparison.Ordinal))) Assert.Contains("strange NaNs 0 of", line);
        Assert.DoesNotContain("of 0", lines.Single(l => l.StartsWith("relaxed", StringComparison.Ordinal)));
    }

    /// <summary>A component in C, on generated bindings: lists, records, strings and floats through the ABI.</summary>
    [Fact]
    public void Component_InC_GivesTheSameBytes()
    {
        string text = Arm64.RunBoth("call", guests.Numbers,
            "summarize([1.5, -2.25, 3.1415926535897931, 1e-320, 1e300], 0.1)", "summarize([1, nan, 3], 1)", "summarize([inf, -inf], -0.5)", "summarize([-0.0], 3)",
            "halve([(3, 65535, 1.1), (-128, 1, -0.0), (0, 7, 0), (0, 0, 5), (127, 9, nan)])");
        Assert.Equal(5, text.TrimEnd('\n').Split('\n').Length);
        Assert.Contains("nan", text);
        Assert.Contains("words: \"7ff8000000000000\"", text);
    }

    /// <summary>Each kind of allocation under the emulator, and the one that it chooses by itself.</summary>
    [Theory]
    [InlineData("auto")]
    [InlineData("small")]
    public void Component_AsText_GivesTheSameInEachProfile(string profile)
    {
        string file = _folder.Wasm("functions.wasm", Guests.Functions);
        Assert.Equal("3\n\"ünï\"\n[1, 2, 65535]\nok(3)\n", Arm64.RunBoth("call", "--profile", profile, file, "add(1, 2)", "echo(\"ünï\")", "list([1, 2, 65535])", "check(3)"));
    }

    /// <summary>How a guest is stopped differs between processors (a division by zero faults on one of them); what is said does not.</summary>
    [Theory]
    [InlineData("divide(0)")]
    [InlineData("outside()")]
    [InlineData("recurse()")]
    [InlineData("forever()")]
    public void Trap_SaysTheSame(string call)
    {
        string file = _folder.Wasm("trapping.wasm", Guests.Trapping);
        string[] arguments = ["call", .. call == "forever()" ? (string[])["--time", "200ms"] : [], file, call];
        MoteResult there = Arm64.Run(arguments), here = MoteRun.Run(arguments);
        Assert.NotEqual(0, here.Code);
        // How deep a recursion goes, and so how often its backtrace repeats, is the size of the processor's frames. In
        // parentheses is what a fault of memory adds and an explicit check does not.
        Assert.Equal((here.Code, here.Out, Reason(here)), (there.Code, there.Out, Reason(there)));

        static string Reason(MoteResult r) => r.Error.Split('\n')[0].Split(" (memory fault")[0];
    }

    /// <summary>What the comparison above would find: without canonical NaNs the two processors differ.</summary>
    [Fact]
    public void Floats_Fast_AreTheProcessorsOwn()
    {
        string file = _folder.Wasm("nan.wasm", """
            (component
              (core module $m (func (export "nan") (param f32) (result i32) (i32.reinterpret_f32 (f32.div (local.get 0) (local.get 0)))))
              (core instance $i (instantiate $m))
              (func (export "nan") (param "of" f32) (result u32) (canon lift (core func $i "nan"))))
            """);
        Assert.Equal($"{0x7fc00000}\n", Arm64.Run("call", "--floats", "fast", file, "nan(0)").Succeeded());
        Assert.Equal($"{0xffc00000}\n", MoteRun.Run("call", "--floats", "fast", file, "nan(0)").Succeeded());
        Assert.Equal($"{0x7fc00000}\n", Arm64.RunBoth("call", file, "nan(0)"));
    }

    [Fact]
    public void Doctor_OnArm64_SaysWhatItRunsOn()
    {
        string text = Arm64.Run("doctor").Succeeded();
        Assert.Matches("ok +machine .*arm64", text);
        Assert.Matches("ok +self-test", text);
        Assert.Matches("ok +C library +glibc 2", text);
    }

    /// <summary>The guests in C, built once; a test is skipped where the compiler is not there.</summary>
    public sealed class CGuests : IDisposable
    {
        private readonly TempFolder _folder = new();
        private readonly Lazy<string> _arithmetic, _numbers;

        public CGuests()
        {
            _arithmetic = new(BuildArithmetic);
            _numbers = new(BuildNumbers);
        }

        private static string Sources => Path.Combine(MoteBinary.Root, "tests", "Mote.Cli.Tests", "Portability", "guests");

        /// <summary>A core module with preview-1 imports.</summary>
        public string Arithmetic => _arithmetic.Value;

        /// <summary>A component on the bindings of `mote bindings c`.</summary>
        public string Numbers => _numbers.Value;

        public void Dispose() => _folder.Dispose();

        private string BuildArithmetic()
        {
            _ = Arm64.Program;
            Run("clang-19", "--target=wasm32-wasi", "-O2", "-Wall", "-Wextra", "-Werror", "-msimd128", "-mrelaxed-simd", "-mnontrapping-fptoint", "-msign-ext", "-mbulk-memory", "-Wl,--strip-debug",
                "-o", _folder["arithmetic.wasm"], Path.Combine(Sources, "arithmetic.c"));
            return _folder["arithmetic.wasm"];
        }

        private string BuildNumbers()
        {
            _ = Arm64.Program;
            string wit = Path.Combine(Sources, "numbers.wit");
            MoteRun.Run("bindings", "c", wit, "--out", _folder.Path).Succeeded();
            Run("node", Path.Combine(MoteBinary.Root, "tools", "guests", "build-c.mjs"), "--wit", wit, "--world", "numbers", "--out", _folder["numbers.wasm"], "-O2", "-Werror", "-I", _folder.Path, Path.Combine(Sources, "numbers.c"), _folder["numbers.c"]);
            return _folder["numbers.wasm"];
        }

        private static void Run(params string[] command)
        {
            try
            {
                MoteResult r = MoteRun.RunOther([command[0]], command[1..]);
                Assert.True(r.Code == 0, r.Out + r.Error);
            }
            catch (System.ComponentModel.Win32Exception)
            {
                Assert.Skip($"{command[0]} is not installed (Debian: apt install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32 nodejs npm)");
            }
        }
    }
}
