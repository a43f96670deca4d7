// The programs of WebAssembly/wasi-testsuite that are for preview 1 (branch prod/testsuite-base has them compiled): each
// as the core module that it is, or wrapped as a component by wit-component with Wasmtime's preview-1 adapter.
using Mote.Components.Inspection;
using Mote.Runtime;

namespace Mote.Conformance.Wasi;

/// <summary>What came of a run of the suite.</summary>
/// <param name="Passed">Programs that did what their specification says.</param>
/// <param name="Failures">Programs that did not, and what they did.</param>
/// <param name="Skips">Programs that were not judged, and why.</param>
internal sealed record WasiResult(int Passed, IReadOnlyList<(string File, string What)> Failures, IReadOnlyList<(string File, string Reason)> Skips);

/// <summary>Runs the suite.</summary>
internal static class WasiSuite
{
    /// <summary>Runs all programs below a folder.</summary>
    /// <param name="folder">A checkout of the suite, or a part of it.</param>
    /// <param name="wrap">Whether each is made a component first.</param>
    public static WasiResult Run(string folder, bool wrap)
    {
        string[] files = [.. Directory.EnumerateFiles(folder, "*.wasm", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        var failures = new List<(string, string)>();
        var skips = new List<(string, string)>();
        string scratch = Directory.CreateTempSubdirectory("mote-wasi-").FullName;
        int passed = 0;
        try
        {
            string[] programs = [.. files.Where(IsPreview1)];
            skips.AddRange(files.Except(programs).Select(f => (f, "it is no core module, so no preview-1 program")));
            Func<string, byte[]> bytes = wrap ? AdapterWrap.All(programs, Path.Combine(scratch, "components")) : File.ReadAllBytes;
            using var host = new WasiHost();
            foreach (string file in programs)
            {
                string? fault = Judge(host, file, bytes, Path.Combine(scratch, "root"));
                if (fault is null) passed++;
                else if (wrap && AdapterWrap.Unsupported(Path.GetFileNameWithoutExtension(file)) is { } reason) skips.Add((file, reason));
                else failures.Add((file, fault));
            }
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }

        return new WasiResult(passed, failures, skips);
    }

    private static bool IsPreview1(string file)
    {
        var head = new byte[8];
        using FileStream stream = File.OpenRead(file);
        return stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && CoreModuleDescription.IsCoreModule(head);
    }

    /// <summary>What is wrong with what a program did; null where nothing is. It gets a copy of its folder, never the suite's own.</summary>
    private static string? Judge(WasiHost host, string file, Func<string, byte[]> bytes, string root)
    {
        WasiOutcome outcome;
        WasiSpecification specification;
        try
        {
            specification = WasiSpecification.Read(Path.ChangeExtension(file, ".json"));
            var folders = new List<FolderGrant>();
            if (specification.Root is { } name)
            {
                Copy(Path.Combine(Path.GetDirectoryName(file)!, name), root);
                folders.Add(new FolderGrant(root, "/", Writable: true));
            }

            var grants = new Grants { Arguments = [Path.GetFileName(file), .. specification.Arguments], Environment = specification.Environment, Files = folders };
            outcome = host.Run(Path.GetFileNameWithoutExtension(file), bytes(file), grants);
        }
        catch (Exception e)
        {
            return $"{e.GetType().Name}: {e.Message}";
        }
        finally
        {
            if (Directory.Exists(root)) Directory.Delete(root, recursive: true);
        }

        if (outcome.ExitCode != specification.ExitCode) return $"ended with {outcome.ExitCode?.ToString() ?? "a trap"}, expected {specification.ExitCode}: {Short(outcome.Error)}";
        if (specification.Output is { } output && output != outcome.Output) return $"printed `{Short(outcome.Output)}`, expected `{Short(output)}`";
        if (specification.Error is { } error && error != outcome.Error) return $"printed `{Short(outcome.Error)}` on standard error, expected `{Short(error)}`";
        return null;
    }

    private static string Short(string text)
    {
        string line = text.ReplaceLineEndings(" ").Trim();
        return line.Length > 300 ? line[..300] + "…" : line;
    }

    /// <summary>Copies what the suite ships; what a run of another host left behind (*.cleanup) is not of it.</summary>
    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string folder in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories).Where(IsShipped)) Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, folder)));
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories).Where(IsShipped)) File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));

        static bool IsShipped(string path) => !path.Contains(".cleanup", StringComparison.Ordinal);
    }
}
