// The one model in a tar archive. Of the format (POSIX ustar and pax, GNU's long names) it reads what it takes to find files
// and their names; nothing that is in an archive is ever a path here. (The base library's TarReader takes as much memory for
// a name as a header says that it is long: 1.4 GiB for a file of 512 bytes.)
using System.Text;

namespace Mote.Packaging.Oci;

/// <summary>Takes a model out of an archive.</summary>
public static class TarModel
{
    private const int Block = 512, MaxEntries = 100_000, MaxName = 64 << 10;

    /// <summary>Copies the one file that ends in .onnx.</summary>
    /// <param name="archive">The archive, read once from its beginning to its end.</param>
    /// <param name="to">Where the file's bytes go.</param>
    /// <param name="maxBytes">Most bytes of the file; all that is in the archive may have as many again and 64 MiB.</param>
    /// <param name="of">What artifact it is of, for errors.</param>
    /// <exception cref="OciException">There is none or there are several, it is too large, or this is no archive.</exception>
    public static void Extract(Stream archive, Stream to, long maxBytes, OciReference of)
    {
        try
        {
            var reader = new Reader(archive, checked((2 * maxBytes) + (64 << 20)), of);
            string? found = null;
            while (reader.Next() is { } entry)
            {
                if (!entry.IsFile || !ModelLayer.IsModelName(entry.Name))
                {
                    reader.Copy(entry.Size, null);
                    continue;
                }

                if (found is not null) throw Bad(of, $"the archive in it has several models, and it must be one: `{Short(found)}` and `{Short(entry.Name)}`");
                if (entry.Size > maxBytes) throw Bad(of, $"the model in it has {entry.Size} bytes, and may have {maxBytes}: raise `memory` under [inference] of node.toml");
                found = entry.Name;
                reader.Copy(entry.Size, to);
            }

            if (found is null) throw Bad(of, "the archive in it has no file that ends in .onnx");
        }
        catch (InvalidDataException e)
        {
            throw Bad(of, $"the archive in it cannot be unpacked: {e.Message}");
        }
    }

    private static string Short(string name) => name.Length > 100 ? $"…{name[^99..]}" : name;

    private static OciException Bad(OciReference of, string what) => new(OciFault.Invalid, $"{of}: {what}");

    private readonly record struct Entry(string Name, long Size, bool IsFile);

    private sealed class Reader(Stream archive, long most, OciReference of)
    {
        private readonly byte[] _header = new byte[Block];
        private readonly byte[] _buffer = new byte[1 << 16];
        private long _read;
        private int _entries;

        /// <summary>The next file, folder or link; null at the end. Its bytes must be copied before the next is asked for.</summary>
        public Entry? Next()
        {
            string? longName = null;
            long? longSize = null;
            while (true)
            {
                if (!Fill(_header, mayEnd: true) || _header.AsSpan().IndexOfAnyExcept((byte)0) < 0) return null;
                if (++_entries > MaxEntries) throw Bad(of, $"the archive in it has more than {MaxEntries} entries");
                if (!HasChecksum()) throw Bad(of, "what should be an archive in it is none");
                long size = Number(_header.AsSpan(124, 12));
                char kind = (char)_header[156];
                if (kind is 'x' or 'L')
                {
                    if (size > MaxName) throw Bad(of, $"a name in its archive has {size} bytes, and may have {MaxName}");
                    var text = new byte[size];
                    Fill(text, mayEnd: false);
                    Skip(Padding(size), null);
                    if (kind == 'L') longName = Encoding.UTF8.GetString(text).TrimEnd('\0');
                    else (longName, longSize) = Pax(text, longName, longSize);
                    continue;
                }

                if (kind is 'g' or 'K')
                {
                    // What holds for all that follows, and where a link leads: of no use here.
                    Copy(size, null);
                    continue;
                }

                string prefix = _header.AsSpan(257, 5).SequenceEqual("ustar"u8) ? Text(_header.AsSpan(345, 155)) : "";
                string name = Text(_header.AsSpan(0, 100));
                return new Entry(longName ?? (prefix.Length > 0 ? $"{prefix}/{name}" : name), longSize ?? size, kind is '0' or '\0' or '7');
            }
        }

        /// <summary>Reads an entry's bytes, and what fills its last block.</summary>
        public void Copy(long size, Stream? to)
        {
            Skip(size, to);
            Skip(Padding(size), null);
        }

        private void Skip(long count, Stream? to)
        {
            while (count > 0)
            {
                int read = archive.Read(_buffer, 0, (int)Math.Min(count, _buffer.Length));
                if (read == 0) throw Bad(of, "the archive in it ends too early");
                Count(read);
                to?.Write(_buffer, 0, read);
                count -= read;
            }
        }

        private bool Fill(byte[] buffer, bool mayEnd)
        {
            int read = archive.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            Count(read);
            if (read == buffer.Length) return true;
            return mayEnd && read == 0 ? false : throw Bad(of, "the archive in it ends too early");
        }

        private void Count(int read)
        {
            _read += read;
            if (_read > most) throw Bad(of, $"what is packed in it has more than {most} bytes");
        }

        private static int Padding(long size) => (int)(-size & (Block - 1));

        private bool HasChecksum()
        {
            long sum = 8 * ' ';
            for (int i = 0; i < Block; i++) sum += i is >= 148 and < 156 ? 0 : _header[i];
            return Number(_header.AsSpan(148, 8)) == sum;
        }

        /// <summary>Octal digits; or, where the first bit is set, a big-endian number.</summary>
        private long Number(ReadOnlySpan<byte> field)
        {
            long value = 0;
            if (field[0] >= 0x80)
            {
                value = field[0] & 0x7F;
                foreach (byte b in field[1..]) value = value <= long.MaxValue >> 9 ? (value << 8) | b : throw Bad(of, "a size in its archive is too large");
                return value;
            }

            foreach (byte b in field.Trim(" \0"u8)) value = b is >= (byte)'0' and <= (byte)'7' ? (value << 3) | (uint)(b - '0') : throw Bad(of, "what should be an archive in it is none");
            return value;
        }

        private static string Text(ReadOnlySpan<byte> field) => Encoding.UTF8.GetString(field.IndexOf((byte)0) is var end and >= 0 ? field[..end] : field);

        /// <summary>Records `LENGTH KEY=VALUE\n`; a length is that of its whole record.</summary>
        private (string? Name, long? Size) Pax(ReadOnlySpan<byte> records, string? name, long? size)
        {
            while (!records.IsEmpty)
            {
                int space = records.IndexOf((byte)' ');
                if (space is <= 0 or > 9 || !int.TryParse(records[..space], out int length) || length <= space + 1 || length > records.Length) throw Bad(of, "a header in its archive is damaged");
                ReadOnlySpan<byte> record = records[(space + 1)..(length - 1)];
                int equals = record.IndexOf((byte)'=');
                if (equals < 0) throw Bad(of, "a header in its archive is damaged");
                if (record[..equals].SequenceEqual("path"u8)) name = Encoding.UTF8.GetString(record[(equals + 1)..]);
                if (record[..equals].SequenceEqual("size"u8)) size = long.TryParse(record[(equals + 1)..], System.Globalization.NumberStyles.None, null, out long s) ? s : throw Bad(of, "a size in its archive is none");
                records = records[length..];
            }

            return (name, size);
        }
    }
}
