// How the pixels of a picture lie in memory, by the names that FFmpeg gives them.
using System.Diagnostics.CodeAnalysis;

namespace Mote.Runtime.Cameras;

/// <summary>A pixel format.</summary>
public sealed record PictureFormat
{
    private static readonly PictureFormat[] s_all =
    [
        new("gray", 8, 8), new("gray16le", 16, 16), new("rgb24", 24, 24), new("bgr24", 24, 24), new("rgba", 32, 32), new("yuv420p", 8, 12), new("nv12", 8, 12),
    ];

    private readonly int _rowBits, _bits;

    private PictureFormat(string name, int rowBits, int bits)
    {
        Name = name;
        _rowBits = rowBits;
        _bits = bits;
    }

    /// <summary>One byte a pixel, 0 is black.</summary>
    public static PictureFormat Gray => s_all[0];

    /// <summary>FFmpeg's name (`ffmpeg -pix_fmts`).</summary>
    public string Name { get; }

    /// <summary>The names, for messages to people.</summary>
    public static string Names { get; } = string.Join(", ", s_all.Select(f => $"\"{f.Name}\""));

    /// <summary>The format of a name.</summary>
    public static bool TryParse(string? name, [NotNullWhen(true)] out PictureFormat? format) => (format = Array.Find(s_all, f => f.Name == name)) is not null;

    /// <summary>Bytes from the beginning of a row to that of the next, in the first plane.</summary>
    /// <param name="width">Pixels of a row.</param>
    public int Stride(int width) => width * _rowBits / 8;

    /// <summary>Bytes of a picture, all planes together. The planes of colour have half as many rows and columns, rounded up.</summary>
    /// <param name="size">Its size.</param>
    public int Bytes(PictureSize size) =>
        _bits == 12 ? (size.Width * size.Height) + (2 * ((size.Width + 1) / 2) * ((size.Height + 1) / 2)) : Stride(size.Width) * size.Height;

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>The size of a picture.</summary>
/// <param name="Width">Pixels of a row.</param>
/// <param name="Height">Rows.</param>
public readonly record struct PictureSize(int Width, int Height)
{
    /// <summary>Most pixels of a side.</summary>
    public const int MaxSide = 8192;

    /// <summary>Reads "640x480"; each side is from 1 to <see cref="MaxSide"/>.</summary>
    public static bool TryParse(string? text, out PictureSize size)
    {
        size = default;
        if (text?.Split('x') is not [{ } w, { } h] || !TrySide(w, out int width) || !TrySide(h, out int height)) return false;
        size = new PictureSize(width, height);
        return true;

        static bool TrySide(string text, out int side) =>
            int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out side) && side is >= 1 and <= MaxSide;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Width}x{Height}");
}
