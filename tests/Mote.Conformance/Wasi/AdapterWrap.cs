// Programs of preview 1 as components: tools/guests/wrap.mjs puts Wasmtime's command adapter around each.
using System.Diagnostics;

namespace Mote.Conformance.Wasi;

/// <summary>Wraps programs.</summary>
internal static class AdapterWrap
{
    private const string Source = "crates/wasi-preview1-component-adapter/src/lib.rs";

    /// <summary>
    /// What the adapter answers by itself, so that no host can make these programs pass. Lines are of
    /// bytecodealliance/wasmtime, release-46.0.0; docs/conformance.md tells more.
    /// </summary>
    private static readonly Dictionary<string, string> s_unsupported = new()
    {
        ["proc_exit-failure"] = $"the adapter passes on success or failure, not the exit code ({Source}:2366)",
        ["fd_write-to-invalid-fd"] = $"the adapter answers a write of no buffers before it looks at the descriptor ({Source}:1721)",
        ["args_get-multiple-arguments"] = $"AssemblyScript's allocator takes the memory that the adapter has grown for its state, and the adapter finds its mark gone ({Source}:2858)",
        ["environ_get-multiple-variables"] = $"AssemblyScript's allocator takes the memory that the adapter has grown for its state, and the adapter finds its mark gone ({Source}:2858)",
    };

    /// <summary>Why the adapter keeps a program from passing; null where it does not.</summary>
    public static string? Unsupported(string program) => s_unsupported.GetValueOrDefault(program);

    /// <summary>Wraps all in one run of Node.js.</summary>
    /// <returns>The bytes of a program's component.</returns>
    /// <exception cref="InvalidOperationException">Node.js or the packages are not there.</exception>
    public static Func<string, byte[]> All(string[] programs, string folder)
    {
        Directory.CreateDirectory(folder);
        string Component(string program) => Path.Combine(folder, $"{Array.IndexOf(programs, program)}.wasm");
        string script = Path.Combine(Root(), "tools", "guests", "wrap.mjs");
        var start = new ProcessStartInfo("node", [script]) { RedirectStandardInput = true, RedirectStandardError = true };
        using Process node = Process.Start(start) ?? throw new InvalidOperationException("Node.js cannot be started");
        using (node.StandardInput)
        {
            foreach (string program in programs) node.StandardInput.WriteLine($"{Path.GetFullPath(program)}\t{Component(program)}");
        }

        string error = node.StandardError.ReadToEnd();
        node.WaitForExit();
        return node.ExitCode == 0 ? program => File.ReadAllBytes(Component(program)) : throw new InvalidOperationException($"the programs could not be wrapped: {error.Trim()}");
    }

    /// <summary>The repository, above the program that runs.</summary>
    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Mote.slnx"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("the programs are wrapped by tools/guests of the repository, which is not above this program");
    }
}
