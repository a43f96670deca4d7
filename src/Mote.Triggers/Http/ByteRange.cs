// The header Range (RFC 9110, section 14), as far as one range of bytes goes.
using System.Globalization;

namespace Mote.Triggers.Http;

/// <summary>What a request asks of a file.</summary>
/// <param name="Kind">Which part.</param>
/// <param name="First">Its first byte.</param>
/// <param name="Length">How many bytes.</param>
internal readonly record struct ByteRange(ByteRangeKind Kind, long First, long Length)
{
    /// <summary>Reads the header. Several ranges, other units and what is malformed are answered with the whole, as one may.</summary>
    /// <param name="header">The header's value; null where there is none.</param>
    /// <param name="size">The file's size.</param>
    public static ByteRange Of(string? header, long size)
    {
        var whole = new ByteRange(ByteRangeKind.Whole, 0, size);
        if (header is null || !header.StartsWith("bytes=", StringComparison.OrdinalIgnoreCase)) return whole;
        ReadOnlySpan<char> range = header.AsSpan("bytes=".Length).Trim();
        int dash = range.IndexOf('-');
        if (dash < 0 || range.Contains(',')) return whole;
        ReadOnlySpan<char> from = range[..dash], to = range[(dash + 1)..];
        if (from.IsEmpty)
        {
            // The last so many bytes.
            if (!TryNumber(to, out long last)) return whole;
            if (last == 0 || size == 0) return new ByteRange(ByteRangeKind.Unsatisfiable, 0, 0);
            last = Math.Min(last, size);
            return new ByteRange(ByteRangeKind.Part, size - last, last);
        }

        if (!TryNumber(from, out long first)) return whole;
        long end = size - 1;
        if (!to.IsEmpty)
        {
            if (!TryNumber(to, out long said) || said < first) return whole;
            end = Math.Min(said, end);
        }

        return first >= size ? new ByteRange(ByteRangeKind.Unsatisfiable, 0, 0) : new ByteRange(ByteRangeKind.Part, first, end - first + 1);
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out long n) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out n);
}

/// <summary>How much of a file is asked for.</summary>
internal enum ByteRangeKind
{
    /// <summary>All of it.</summary>
    Whole,

    /// <summary>A part.</summary>
    Part,

    /// <summary>A part that it does not have.</summary>
    Unsatisfiable,
}
