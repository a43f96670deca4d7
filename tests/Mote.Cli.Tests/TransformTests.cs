// The Fourier transform of samples/04-predictive-maintenance, compiled to WebAssembly's SIMD as in the sample, against its definition.
using System.Globalization;

namespace Mote.Cli.Tests;

public sealed class TransformTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Fft_RandomNumbersOfEverySize_AreTheSumThatDefinesIt()
    {
        TemplateProject.Need(["node", "clang-19", "wasm-ld-19"]);
        string build = Path.Combine(MoteBinary.Root, "guests", "fft", "build.sh");
        MoteRun.RunOther(["/usr/bin/env", $"MOTE={MoteBinary.Path}", "sh", build], _folder.Path).Succeeded();
        int seed = int.Parse(Environment.GetEnvironmentVariable("MOTE_SEED") ?? "1", CultureInfo.InvariantCulture);
        int[] sizes = [8, 16, 32, 64, 128, 256, 512, 1024, 2048];
        string[] calls = [.. sizes.SelectMany(n => new[] { $"error({n}, {seed + n})", $"round-trip-error({n}, {seed + n})", $"turn-error({n})" })];
        // 100 and 4096 are no sizes that it has.
        string[] lines = MoteRun.Run(["call", _folder["fft.wasm"], "--time", "60s", .. calls, "error(100, 1)", "error(4096, 1)"]).Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(calls.Length + 2, lines.Length);
        for (int i = 0; i < calls.Length; i++)
        {
            // Single precision has 24 bits, and each of eleven passes loses at most a little of the last.
            double error = double.Parse(lines[i], CultureInfo.InvariantCulture), most = i % 3 == 2 ? 1e-12 : 2e-6;
            Assert.True(error >= 0 && error < most, $"{calls[i]}: {lines[i]}");
        }

        Assert.Equal(["-1", "-1"], lines[^2..].Select(l => l.Replace(".0", "", StringComparison.Ordinal)));
    }
}
