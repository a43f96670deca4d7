// What ./conformance does, callable from tests as well.
namespace Mote.Conformance;

/// <summary>Runs the scripts of folders and says what came of each.</summary>
public static class ConformanceProgram
{
    private const string Usage = """
        usage: conformance [-v] [--stored] [--small] PATH…   (WAST files or folders of them)
          -v        name the lines of what was skipped
          --stored  write each component to disk and load it again before it is instantiated
          --small   an engine without address-space reservations, as on a small device
        or: conformance wasi [--wrap] DIR   (WebAssembly/wasi-testsuite)
        """;

    /// <summary>Runs with command-line arguments.</summary>
    /// <returns>0 where nothing failed, 1 where something did, 2 for arguments that are not understood.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter errors)
    {
        bool verbose = args.Contains("-v") || args.Contains("--verbose");
        string[] paths = [.. args.Where(a => !a.StartsWith('-'))];
        string? unknown = args.FirstOrDefault(a => a.StartsWith('-') && a is not ("-v" or "--verbose" or "--stored" or "--small"));
        string? missing = paths.FirstOrDefault(p => !File.Exists(p) && !Directory.Exists(p));
        if (paths.Length == 0 || unknown is not null || missing is not null)
        {
            errors.WriteLine(unknown is not null ? $"unknown option {unknown}" : missing is not null ? $"there is no {missing}" : "no path was given");
            errors.WriteLine(Usage);
            return 2;
        }

        var options = new WastOptions(args.Contains("--stored"), args.Contains("--small"));
        int passed = 0, failed = 0, skipped = 0;
        foreach (string file in WastFiles.Find(paths))
        {
            WastResult result = WastRunner.Run(file, options);
            passed += result.Passed;
            failed += result.Failures.Count;
            skipped += result.Skips.Count;
            output.WriteLine($"{(result.Failures.Count == 0 ? "ok  " : "FAIL")} {file}: {result.Passed} passed, {result.Failures.Count} failed, {result.Skips.Count} skipped");
            foreach (string failure in result.Failures) output.WriteLine($"     {failure}");
            foreach (IGrouping<string, (int Line, string Reason)> group in result.Skips.GroupBy(s => s.Reason))
            {
                output.WriteLine(verbose ? $"     skipped: {group.Key} (lines {string.Join(", ", group.Select(s => s.Line))})" : $"     skipped {group.Count()}: {group.Key}");
            }
        }

        output.WriteLine($"{passed} passed, {failed} failed, {skipped} skipped");
        return failed == 0 ? 0 : 1;
    }
}
