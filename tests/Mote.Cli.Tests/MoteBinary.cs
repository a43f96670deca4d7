// The program under test: the NativeAOT-published one.
using System.Runtime.InteropServices;

namespace Mote.Cli.Tests;

internal static class MoteBinary
{
    /// <summary>The folder that has the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>MOTE_BINARY, or where `dotnet publish` puts it; skips the test where there is none.</summary>
    public static string Path
    {
        get
        {
            string? given = Environment.GetEnvironmentVariable("MOTE_BINARY");
            if (!string.IsNullOrEmpty(given)) return System.IO.Path.GetFullPath(given);
            string rid = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";
            string published = System.IO.Path.Combine(Root, "artifacts", "publish", "Mote.Cli", $"release_{rid}", "mote");
            if (!File.Exists(published)) Assert.Skip($"mote is not published: dotnet publish src/Mote.Cli -c Release -r {rid}");
            return published;
        }
    }

    /// <summary>The factory sample's folder; skips the test where its component was not built.</summary>
    public static string Sample
    {
        get
        {
            string folder = System.IO.Path.Combine(Root, "samples", "01-factory");
            if (!File.Exists(System.IO.Path.Combine(folder, "filter.wasm"))) Assert.Skip("the factory sample is not built: samples/01-factory/build.sh (it needs clang, lld and Node.js)");
            return folder;
        }
    }

    private static string FindRoot()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = System.IO.Path.GetDirectoryName(at))
        {
            if (File.Exists(System.IO.Path.Combine(at, "Mote.slnx"))) return at;
        }

        throw new InvalidOperationException($"no Mote.slnx above {AppContext.BaseDirectory}");
    }
}
