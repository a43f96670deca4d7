// Finds and loads libwasmtime: an explicit path, MOTE_LIBWASMTIME, or the copy beside the executable.
using System.Reflection;
using System.Runtime.InteropServices;

namespace Mote.Wasmtime.Native;

/// <summary>The native library: where it comes from, and how its place is overridden.</summary>
public static class Libwasmtime
{
    internal const string Name = "wasmtime";

    /// <summary>Environment variable that names another libwasmtime (a patched build must not wait for a package).</summary>
    public const string PathVariable = "MOTE_LIBWASMTIME";

    /// <summary>Version of the C API that these bindings were written for: the NuGet package's version.</summary>
    public const string BindingsVersion = "50.0.1";

    private static readonly Lock s_lock = new();
    private static string? s_override;
    private static nint s_handle;
    private static string? s_loadedFrom;

    /// <summary>The file that was loaded, or the bare name where the loader's search path decided; null before first use.</summary>
    public static string? LoadedFrom => s_loadedFrom;

    /// <summary>
    /// Uses <paramref name="path"/> in place of the packaged library. Must be called before anything else of
    /// this assembly.
    /// </summary>
    /// <exception cref="InvalidOperationException">The library is already loaded.</exception>
    public static void UsePath(string path)
    {
        lock (s_lock)
        {
            if (s_handle != 0) throw new InvalidOperationException($"libwasmtime is already loaded from '{s_loadedFrom}'; set its path before the first engine is made.");
            s_override = path;
        }
    }

    /// <summary>Installs the resolver. Runs once, when this assembly is loaded.</summary>
    [System.Runtime.CompilerServices.ModuleInitializer]
    internal static void Install() => NativeLibrary.SetDllImportResolver(typeof(Libwasmtime).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name != Name) return 0;
        lock (s_lock)
        {
            if (s_handle != 0) return s_handle;
            string? path = s_override ?? Environment.GetEnvironmentVariable(PathVariable);
            if (!string.IsNullOrEmpty(path))
            {
                // A path that was asked for and cannot be loaded is an error, never a reason to take another library.
                s_handle = NativeLibrary.Load(path);
                s_loadedFrom = path;
                return s_handle;
            }

            foreach (string candidate in Candidates())
            {
                if (File.Exists(candidate) && NativeLibrary.TryLoad(candidate, out s_handle))
                {
                    s_loadedFrom = candidate;
                    return s_handle;
                }
            }

            s_handle = NativeLibrary.Load(name, assembly, searchPath);
            s_loadedFrom = name;
            return s_handle;
        }
    }

    private static IEnumerable<string> Candidates()
    {
        string file = OperatingSystem.IsWindows() ? "wasmtime.dll"
            : OperatingSystem.IsMacOS() ? "libwasmtime.dylib"
            : "libwasmtime.so";
        yield return Path.Combine(AppContext.BaseDirectory, file);
        yield return Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", file);
        string os = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
        string arch = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "x64";
        yield return Path.Combine(AppContext.BaseDirectory, "runtimes", $"{os}-{arch}", "native", file);
    }
}
