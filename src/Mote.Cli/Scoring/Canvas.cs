// A picture to draw boxes and lines on, and its PNG file.
using System.Buffers.Binary;
using System.IO.Compression;

namespace Mote.Cli.Scoring;

/// <summary>A colour: red, green and blue.</summary>
internal readonly record struct Colour(byte Red, byte Green, byte Blue);

/// <summary>A picture of three bytes a pixel, row after row. What is drawn beside it is left out.</summary>
internal sealed class Canvas(byte[] pixels, int width, int height)
{
    private const int DigitWidth = 3;
    private const int DigitHeight = 5;

    /// <summary>Dots of 0 to 9 and the point, three a row, from the top.</summary>
    private static readonly string[] s_digits =
    [
        "111101101101111", "010110010010111", "111001111100111", "111001111001111", "101101111001001", "111100111001111",
        "111100111101111", "111001010010010", "111101111101111", "111101111001111", "000000000000010",
    ];

    private static readonly uint[] s_crc = [.. Enumerable.Range(0, 256).Select(n =>
    {
        uint c = (uint)n;
        for (int k = 0; k < 8; k++) c = (c & 1) != 0 ? 0xedb88320 ^ (c >> 1) : c >> 1;
        return c;
    })];

    /// <summary>A filled rectangle.</summary>
    public void Fill(int left, int top, int w, int h, Colour colour)
    {
        for (int y = Math.Max(0, top); y < Math.Min(height, top + h); y++)
        {
            for (int x = Math.Max(0, left); x < Math.Min(width, left + w); x++) ((byte[])[colour.Red, colour.Green, colour.Blue]).CopyTo(pixels, ((y * width) + x) * 3);
        }
    }

    /// <summary>The edges of a rectangle, two pixels wide.</summary>
    public void Box(int left, int top, int w, int h, Colour colour)
    {
        Fill(left, top, w, 2, colour);
        Fill(left, top + h - 2, w, 2, colour);
        Fill(left, top, 2, h, colour);
        Fill(left + w - 2, top, 2, h, colour);
    }

    /// <summary>A line, two pixels wide.</summary>
    public void Line(double x0, double y0, double x1, double y1, Colour colour)
    {
        int steps = (int)Math.Ceiling(Math.Max(Math.Abs(x1 - x0), Math.Abs(y1 - y0))) + 1;
        for (int i = 0; i <= steps; i++) Fill((int)(x0 + ((x1 - x0) * i / steps)), (int)(y0 + ((y1 - y0) * i / steps)), 2, 2, colour);
    }

    /// <summary>Digits and points, black on a plate of this colour.</summary>
    public void Number(int left, int top, string text, Colour plate)
    {
        const int Dot = 2;
        Fill(left, top, (text.Length * (DigitWidth + 1) * Dot) + Dot, (DigitHeight + 2) * Dot, plate);
        foreach (char c in text)
        {
            string dots = s_digits[c == '.' ? 10 : c - '0'];
            for (int i = 0; i < dots.Length; i++)
            {
                if (dots[i] == '1') Fill(left + Dot + (i % DigitWidth * Dot), top + Dot + (i / DigitWidth * Dot), Dot, Dot, default);
            }

            left += (DigitWidth + 1) * Dot;
        }
    }

    /// <summary>Writes it as a PNG file.</summary>
    public void Save(string path)
    {
        using FileStream file = File.Create(path);
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = 8; // bits of a colour
        header[9] = 2; // red, green, blue
        Chunk(file, "IHDR"u8, header);
        using var data = new MemoryStream();
        using (var packed = new ZLibStream(data, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (int y = 0; y < height; y++)
            {
                packed.WriteByte(0); // no filter
                packed.Write(pixels, y * width * 3, width * 3);
            }
        }

        Chunk(file, "IDAT"u8, data.GetBuffer().AsSpan(0, (int)data.Length));
        Chunk(file, "IEND"u8, []);
    }

    private static void Chunk(FileStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(type);
        file.Write(data);
        uint crc = 0xffffffff;
        foreach (byte b in type) crc = s_crc[(byte)(crc ^ b)] ^ (crc >> 8);
        foreach (byte b in data) crc = s_crc[(byte)(crc ^ b)] ^ (crc >> 8);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~crc);
        file.Write(number);
    }
}
