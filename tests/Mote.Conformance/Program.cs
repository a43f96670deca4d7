// ./conformance PATH…: runs WAST scripts and prints a line for each file.
using Mote.Conformance;

bool verbose = args.Contains("-v") || args.Contains("--verbose");
string[] paths = [.. args.Where(a => !a.StartsWith('-'))];
if (paths.Length == 0)
{
    Console.Error.WriteLine("usage: conformance [-v] PATH…   (WAST files or folders of them)");
    return 2;
}

int passed = 0, failed = 0, skipped = 0;
foreach (string file in WastFiles.Find(paths))
{
    WastResult result = WastRunner.Run(file);
    passed += result.Passed;
    failed += result.Failures.Count;
    skipped += result.Skips.Count;
    Console.WriteLine($"{(result.Failures.Count == 0 ? "ok  " : "FAIL")} {file}: {result.Passed} passed, {result.Failures.Count} failed, {result.Skips.Count} skipped");
    foreach (string failure in result.Failures) Console.WriteLine($"     {failure}");
    foreach (IGrouping<string, (int Line, string Reason)> group in result.Skips.GroupBy(s => s.Reason))
    {
        Console.WriteLine(verbose ? $"     skipped: {group.Key} (lines {string.Join(", ", group.Select(s => s.Line))})" : $"     skipped {group.Count()}: {group.Key}");
    }
}

Console.WriteLine($"{passed} passed, {failed} failed, {skipped} skipped");
return failed == 0 ? 0 : 1;
