// Reads whole files that a user names, which may be devices, pipes, or far larger than what was meant.
using System.Text;

namespace Mote.Packaging;

/// <summary>Files up to a size.</summary>
public static class BoundedFile
{
    /// <summary>Most bytes of a file of text that people write: a manifest, WIT.</summary>
    public const long MaxText = 16 << 20;

    /// <summary>Reads a file.</summary>
    /// <exception cref="IOException">It cannot be read, or has more than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static byte[] Read(string path, long maxBytes)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        if (stream.CanSeek && stream.Length > 0)
        {
            if (stream.Length > maxBytes) throw new IOException($"it has {stream.Length} bytes: it may have {maxBytes}");
            var whole = new byte[stream.Length];
            return whole[..stream.ReadAtLeast(whole, whole.Length, throwOnEndOfStream: false)];
        }

        // No length is known of a pipe or a device.
        var read = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (stream.Read(buffer) is > 0 and var n)
        {
            if (read.Length + n > maxBytes) throw new IOException($"it has more than {maxBytes} bytes");
            read.Write(buffer, 0, n);
        }

        return read.ToArray();
    }

    /// <summary>Reads a file of text, UTF-8 where it has no byte order mark.</summary>
    /// <inheritdoc cref="Read"/>
    public static string ReadText(string path)
    {
        using var reader = new StreamReader(new MemoryStream(Read(path, MaxText)), Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
