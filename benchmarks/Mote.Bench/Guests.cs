// The guests of the benchmarks, which ./bench has built, and bindings of what they export.
using Mote.Components;

namespace Mote.Bench;

[WitGuest("bench:boundary/api")]
internal sealed partial class BoundaryApi;

[WitGuest("bench:small/api")]
internal sealed partial class SmallApi;

[WitGuest("bench:adapted/api")]
internal sealed partial class AdaptedApi;

[WitGuest("bench:nn/api")]
internal sealed partial class NnApi;

[WitGuest("bench:js/api")]
internal sealed partial class JsApi;

internal static class Guests
{
    /// <summary>Where ./bench puts them.</summary>
    public static string Folder { get; set; } = "";

    public static string PathOf(string name)
    {
        string path = Path.Combine(Folder, name + ".wasm");
        return File.Exists(path) ? path : throw new MissingException($"{path} is missing: run ./bench, which builds it");
    }

    /// <summary>A guest that only some machines can build; null where it is not here.</summary>
    public static string? Optional(string name) => File.Exists(Path.Combine(Folder, name + ".wasm")) ? Path.Combine(Folder, name + ".wasm") : null;

    /// <summary>The published `mote`.</summary>
    public static string Program => Environment.GetEnvironmentVariable("MOTE_BENCH_PROGRAM") is { Length: > 0 } p && File.Exists(p) ? p : throw new MissingException("the published program is missing: run ./bench, which builds it");

    public static byte[] Read(string name) => File.ReadAllBytes(PathOf(name));
}

/// <summary>Something that a benchmark needs is not here; it ends with 3.</summary>
internal sealed class MissingException(string message) : Exception(message);
