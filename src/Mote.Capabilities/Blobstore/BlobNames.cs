// Names of containers and objects as names of files. Whatever the name is, the file is in the folder that it belongs to, and
// two names are two files.
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Mote.Capabilities.Blobstore;

/// <summary>
/// A short name stays readable: letters, digits, dash, underscore and dot are themselves (a dot not at the beginning), every
/// other byte of its UTF-8 is %XX. A longer one is ~ and its SHA-256, and has its text in a file beside it.
/// </summary>
internal static class BlobNames
{
    /// <summary>Most bytes of a name.</summary>
    public const int MaxBytes = 4096;

    /// <summary>What the file with a long name's text ends with. No name's own file does, as ~ is never in one but at the front.</summary>
    public const string TextEnd = "~name";

    private const int MaxReadable = 200;
    private const string HexDigits = "0123456789ABCDEF";

    /// <summary>The file of a name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="hasText">True where its text must be in a file beside it.</param>
    /// <exception cref="BlobException">It is too long.</exception>
    public static string FileOf(string name, out bool hasText)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length > MaxBytes) throw new BlobException($"a name has at most {MaxBytes} bytes, this one has {bytes.Length}");
        var text = new StringBuilder(bytes.Length);
        for (int i = 0; i < bytes.Length && text.Length <= MaxReadable; i++)
        {
            byte b = bytes[i];
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'_' || (b == '.' && i > 0)) text.Append((char)b);
            else text.Append('%').Append(HexDigits[b >> 4]).Append(HexDigits[b & 15]);
        }

        hasText = text.Length > MaxReadable;
        // The empty name is a file too.
        return hasText ? $"~{Convert.ToHexStringLower(SHA256.HashData(bytes))}" : text.Length == 0 ? "~" : text.ToString();
    }

    /// <summary>The name of a file that has a readable one.</summary>
    public static bool TryRead(string file, [NotNullWhen(true)] out string? name)
    {
        name = null;
        if (file == "~") name = "";
        if (name is not null || file.StartsWith('~')) return name is not null;
        var bytes = new byte[file.Length];
        int count = 0;
        for (int i = 0; i < file.Length; i++)
        {
            char c = file[i];
            if (c != '%')
            {
                if (c > 127) return false;
                bytes[count++] = (byte)c;
                continue;
            }

            if (i + 2 >= file.Length || !byte.TryParse(file.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[count])) return false;
            count++;
            i += 2;
        }

        string text = Encoding.UTF8.GetString(bytes, 0, count);
        // A file that somebody else put there has a name that no object's file would have.
        if (FileOf(text, out bool hasText) != file || hasText) return false;
        name = text;
        return true;
    }
}
