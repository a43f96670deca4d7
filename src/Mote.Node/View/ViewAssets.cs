// The files of the page, which are in the program. There is nothing in them that is anybody's secret.
namespace Mote.Node.View;

/// <summary>A file.</summary>
/// <param name="Type">Its media type.</param>
/// <param name="Bytes">What is in it.</param>
internal sealed record ViewAsset(string Type, ReadOnlyMemory<byte> Bytes)
{
    private static readonly Dictionary<string, (string Name, string Type)> s_files = new()
    {
        ["/"] = ("view.html", "text/html; charset=utf-8"),
        ["/view.js"] = ("view.js", "text/javascript; charset=utf-8"),
        ["/picture.js"] = ("picture.js", "text/javascript; charset=utf-8"),
        ["/drawing.js"] = ("drawing.js", "text/javascript; charset=utf-8"),
        ["/view.css"] = ("view.css", "text/css; charset=utf-8"),
        ["/icon.svg"] = ("icon.svg", "image/svg+xml"),
    };

    /// <summary>The file at a path; null where there is none.</summary>
    public static ViewAsset? Find(string path)
    {
        if (!s_files.TryGetValue(path, out (string Name, string Type) file)) return null;
        using Stream stream = typeof(ViewAsset).Assembly.GetManifestResourceStream($"view/{file.Name}")!;
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return new ViewAsset(file.Type, bytes);
    }
}
