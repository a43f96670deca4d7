// ./conformance wasi DIR: the command.
namespace Mote.Conformance.Wasi;

/// <summary>Runs the suite and prints what came of it.</summary>
public static class WasiProgram
{
    /// <summary>Fewer programs than these are named one by one.</summary>
    private const int Many = 10;

    private const string Usage = """
        usage: conformance wasi [-v] [--wrap] DIR   (a checkout of WebAssembly/wasi-testsuite, branch prod/testsuite-base)
          -v      name each program also where many were skipped for the same reason
          --wrap  make each program a component with the preview-1 command adapter first (needs Node.js and npm)
        """;

    /// <summary>Runs with the arguments after `wasi`.</summary>
    /// <returns>0 where nothing failed, 1 where something did, 2 for arguments that are not understood.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter errors)
    {
        string[] folders = [.. args.Where(a => !a.StartsWith('-'))];
        string? unknown = args.FirstOrDefault(a => a.StartsWith('-') && a is not ("-v" or "--verbose" or "--wrap"));
        if (unknown is not null || folders.Length != 1 || !Directory.Exists(folders[0]))
        {
            errors.WriteLine(unknown is not null ? $"unknown option {unknown}" : folders.Length != 1 ? "one folder is wanted" : $"there is no folder {folders[0]}");
            errors.WriteLine(Usage);
            return 2;
        }

        bool verbose = args.Contains("-v") || args.Contains("--verbose");
        WasiResult result = WasiSuite.Run(folders[0], args.Contains("--wrap"));
        foreach ((string file, string what) in result.Failures) output.WriteLine($"FAIL {file}: {what}");
        foreach (IGrouping<string, (string File, string Reason)> group in result.Skips.GroupBy(s => s.Reason))
        {
            if (group.Count() == 1) output.WriteLine($"skipped {group.First().File}: {group.Key}");
            else output.WriteLine($"skipped {group.Count()}: {group.Key}{(verbose || group.Count() < Many ? string.Concat(group.Select(s => $"\n  {s.File}")) : "")}");
        }

        if (result.Passed + result.Failures.Count == 0) output.WriteLine($"there are no preview-1 programs in {folders[0]}: the branch prod/testsuite-base has them");
        output.WriteLine($"{result.Passed} passed, {result.Failures.Count} failed, {result.Skips.Count} skipped");
        return result.Failures.Count == 0 && result.Passed > 0 ? 0 : 1;
    }
}
