// The host of commands that make one instance and end: no grants, the user's cache for compiled code.
using System.CommandLine;
using Mote.Capabilities.Wasi.Cli;
using Mote.Node;
using Mote.Packaging;
using Mote.Runtime;

namespace Mote.Cli;

internal static class ToolHost
{
    public static ComponentHost Make(Func<MicroVm, StandardStreams> streams, ProfileKind profile = ProfileKind.Auto, ModelsConfig? models = null)
    {
        string cache = CacheFolder();
        return new ComponentHost(new HostOptions
        {
            Runtime = new RuntimeOptions { Profile = profile, PoolSlots = 16, CacheFolder = cache.Length > 0 ? Path.Combine(cache, "code") : null, Compiler = Compiler() },
            KeyValueFile = Path.Combine(cache, "keyvalue.db"),
            Streams = streams,
            Models = models ?? new(),
        });
    }

    /// <summary>This program as the compiler's process; null where it runs inside another (`dotnet mote.dll`).</summary>
    public static CompileWorker? Compiler() =>
        Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "mote" ? new CompileWorker { Program = path } : null;

    public static AppComponent Component(string path, Grants grants, MicroVmLimits limits)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        return new AppComponent(name, name, grants, limits)
        {
            Denials = new DenialLog(d => Console.Error.WriteLine($"mote: {d.What} was denied: {Allow(d)}")),
            Log = (_, level, context, message) => Console.Error.WriteLine($"{level.ToString().ToLowerInvariant()}{(context.Length > 0 ? $" {context}" : "")}: {message}"),
        };
    }

    private static string Allow(Denial d) => d.ManifestLine.StartsWith("files ", StringComparison.Ordinal)
        ? "folders are given to `mote run` with --dir HOST::GUEST, and with :ro behind it for reading only"
        : "grants come from a manifest, run it with `mote up`";

    public static Option<string> MemoryOption(string standard = "1GiB") => new("--memory")
    {
        Description = "Most memory of the program.",
        HelpName = "SIZE",
        DefaultValueFactory = _ => standard,
        Validators =
        {
            r =>
            {
                foreach (var t in r.Tokens)
                {
                    if (Units.TryBytes(t.Value) is not (>= 65536 and <= 4L << 30)) r.AddError($"--memory must be a size from 64KiB to 4GiB, found `{t.Value}`");
                }
            },
        },
    };

    public static MicroVmLimits Limits(string memory, TimeSpan? time) => new() { MemoryBytes = Units.TryBytes(memory)!.Value, Time = time };

    /// <summary>$XDG_CACHE_HOME/mote, else ~/.cache/mote; empty where neither can be written: then nothing is cached.</summary>
    public static string CacheFolder()
    {
        string? root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(root))
        {
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            if (home.Length == 0) return "";
            root = Path.Combine(home, ".cache");
        }

        try
        {
            return Directory.CreateDirectory(Path.Combine(root, "mote")).FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
