// Changes binaries: bytes anywhere, and the section structure, whose lengths are then put right so that what is inside is
// reached.
namespace Mote.Fuzz.Generation;

internal sealed class Mutator(Random random, IReadOnlyList<byte[]> others)
{
    private static readonly byte[] s_bytes = [0, 1, 2, 3, 0x0d, 0x40, 0x41, 0x42, 0x60, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x75, 0x79, 0x7b, 0x7d, 0x7f, 0x80, 0xfe, 0xff];

    /// <summary>A changed copy.</summary>
    public byte[] Binary(byte[] wasm)
    {
        byte[] bytes = wasm;
        int times = random.Once(3) ? random.Next(1, 12) : random.Next(1, 4);
        for (int i = 0; i < times; i++) bytes = random.Once(8) || Sections(bytes) is not { } sections ? Bytes(bytes) : Encode(bytes, Structured(sections));
        return random.Once(40) ? bytes[..random.Next(bytes.Length + 1)] : bytes;
    }

    /// <summary>A changed copy of bytes of any kind.</summary>
    public byte[] Bytes(byte[] bytes)
    {
        if (bytes.Length == 0) return [random.From(s_bytes)];
        int at = random.Next(bytes.Length);
        var list = new List<byte>(bytes);
        switch (random.Next(8))
        {
            case 0:
                list[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                list[at] = random.From(s_bytes);
                break;
            case 2:
                list[at] = (byte)(list[at] + random.Pick(1, -1));
                break;
            case 3:
                list.Insert(at, random.Once(2) ? random.From(s_bytes) : list[at]);
                break;
            case 4:
                list.RemoveRange(at, Math.Min(random.Once(2) ? 1 : random.Next(1, 20), list.Count - at));
                break;
            case 5:
                // A longer form of a number.
                if (list[at] < 0x80)
                {
                    list[at] |= 0x80;
                    list.Insert(at + 1, random.Once(3) ? (byte)random.Next(128) : (byte)0);
                }

                break;
            case 6:
                list.InsertRange(at, list.GetRange(random.Next(list.Count), 1).Concat(list.Skip(random.Next(list.Count)).Take(random.Next(1, 30))));
                break;
            default:
                byte[] other = others.Count > 0 && random.Once(2) ? random.From(others) : bytes;
                byte[] piece = [.. other.Skip(random.Next(Math.Max(1, other.Length))).Take(random.Next(1, 40))];
                for (int i = 0; i < piece.Length && at + i < list.Count; i++) list[at + i] = piece[i];
                break;
        }

        return [.. list];
    }

    /// <summary>A changed copy of text: words of it exchanged, doubled and cut, and characters that mean something.</summary>
    public string Text(string text, IReadOnlyList<string> words)
    {
        for (int n = random.Next(1, 5); n > 0; n--)
        {
            int at = random.Next(text.Length + 1), length = Math.Min(random.Once(3) ? random.Next(60) : random.Next(4), text.Length - at);
            text = random.Next(7) switch
            {
                0 => text.Remove(at, length),
                1 => text.Insert(at, random.From(words)),
                2 => text.Insert(at, text.Substring(at, length)),
                3 => text.Remove(at, length).Insert(at, random.From(words)),
                4 => text[..at],
                5 => text.Insert(at, $"{random.Pick("\0", "\u00e9", "\ufeff", "\U0001f980", "\ud800", "\r\n", "\t", "99999999999999999999", "-1", "1e999", "\"", "'", "\\", "\\u{110000}", "/*", "//", "#", "_", "..")}"),
                _ => text.Insert(at, string.Concat(Enumerable.Repeat(random.From(words), random.Once(20) ? 3000 : random.Next(1, 9)))),
            };
        }

        return text;
    }

    // ---- sections ----

    private sealed record Section(byte Id, byte[] Content);

    private List<Section> Structured(List<Section> sections)
    {
        if (sections.Count == 0) return sections;
        int at = random.Next(sections.Count);
        switch (random.Next(12))
        {
            case 0:
                int other = random.Next(sections.Count);
                (sections[at], sections[other]) = (sections[other], sections[at]);
                break;
            case 1:
                sections.Insert(random.Next(sections.Count + 1), sections[at]);
                break;
            case 2:
                sections.RemoveAt(at);
                break;
            case 3:
                if (others.Count > 0 && Sections(random.From(others)) is { Count: > 0 } from) sections.Insert(random.Next(sections.Count + 1), random.From(from));
                break;
            default:
                Section s = sections[at];
                // A module or component inside: further down, more often than not.
                byte[] content = s.Content.AsSpan().StartsWith("\0asm"u8) && !random.Once(5) && Sections(s.Content) is { } inner ? Encode(s.Content, Structured(inner)) : Bytes(s.Content);
                sections[at] = s with { Content = content };
                break;
        }

        return sections;
    }

    /// <summary>The sections of a file; null where it has no such structure.</summary>
    private static List<Section>? Sections(byte[] file)
    {
        if (file.Length < 8) return null;
        var sections = new List<Section>();
        int at = 8;
        while (at < file.Length)
        {
            byte id = file[at++];
            uint length = 0;
            int shift = 0;
            while (true)
            {
                if (at >= file.Length || shift > 28) return null;
                byte b = file[at++];
                length |= (uint)(b & 0x7f) << shift;
                shift += 7;
                if (b < 0x80) break;
            }

            if (length > file.Length - at) return null;
            sections.Add(new Section(id, file[at..(at + (int)length)]));
            at += (int)length;
        }

        return sections;
    }

    private static byte[] Encode(byte[] file, List<Section> sections)
    {
        var bytes = new List<byte>(file[..8]);
        foreach (Section s in sections)
        {
            bytes.Add(s.Id);
            uint length = (uint)s.Content.Length;
            for (; length >= 0x80; length >>= 7) bytes.Add((byte)(length | 0x80));
            bytes.Add((byte)length);
            bytes.AddRange(s.Content);
        }

        return [.. bytes];
    }
}
