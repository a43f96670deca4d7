// Strings across the boundary: three encodings, with the allocation steps of CanonicalABI.md ("Loading", "Storing").
using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Mote.Components.Binary;
using Mote.Wasmtime;

namespace Mote.Components.Abi;

/// <summary>A string in guest memory: where it lies and how it is written. Valid until guest code runs.</summary>
internal readonly ref struct RawString
{
    public RawString(ReadOnlySpan<byte> bytes, bool utf16, bool latin1)
    {
        Bytes = bytes;
        IsUtf16 = utf16;
        IsLatin1 = latin1;
    }

    public ReadOnlySpan<byte> Bytes { get; }

    public bool IsUtf16 { get; }

    public bool IsLatin1 { get; }

    public bool IsUtf8 => !IsUtf16 && !IsLatin1;

    public ReadOnlySpan<char> Chars => MemoryMarshal.Cast<byte, char>(Bytes);

    public int CodeUnits => IsUtf16 ? Bytes.Length / 2 : Bytes.Length;
}

/// <summary>Lifting, lowering and transcoding of strings.</summary>
public static class GuestStrings
{
    private const uint Utf16Tag = 1u << 31;

    // ---- lifting ----

    internal static RawString Load(scoped in GuestContext cx, uint offset, uint taggedUnits)
    {
        bool utf16 = cx.Encoding == StringEncoding.Utf16;
        bool latin1 = false;
        uint alignment = 1;
        ulong bytes = taggedUnits;
        switch (cx.Encoding)
        {
            case StringEncoding.Utf16:
                alignment = 2;
                bytes *= 2;
                break;
            case StringEncoding.Latin1Utf16:
                alignment = 2;
                utf16 = (taggedUnits & Utf16Tag) != 0;
                latin1 = !utf16;
                bytes = utf16 ? 2UL * (taggedUnits ^ Utf16Tag) : taggedUnits;
                break;
        }

        if ((offset & (alignment - 1)) != 0) throw new TrapException($"string pointer not aligned to {alignment}");
        if (offset + bytes > cx.Length) throw new TrapException("string pointer/length out of bounds of memory");
        if (bytes > GuestContext.MaxListBytes) throw new TrapException($"string byte length of {bytes} exceeds the limit of {GuestContext.MaxListBytes}");
        return new RawString(cx.LoadBytes(offset, (uint)bytes, 1, 1), utf16, latin1);
    }

    /// <summary>A string of the guest as a .NET string. Traps where its encoding is broken.</summary>
    public static string Lift(scoped in GuestContext cx, uint offset, uint taggedUnits)
    {
        RawString raw = Load(cx, offset, taggedUnits);
        if (raw.IsLatin1) return Encoding.Latin1.GetString(raw.Bytes);
        if (raw.IsUtf16)
        {
            CheckUtf16(raw.Chars);
            return new string(raw.Chars);
        }

        CheckUtf8(raw.Bytes);
        return Encoding.UTF8.GetString(raw.Bytes);
    }

    /// <summary>A string of the guest as UTF-8 of its own.</summary>
    public static byte[] LiftUtf8(scoped in GuestContext cx, uint offset, uint taggedUnits)
    {
        RawString raw = Load(cx, offset, taggedUnits);
        if (raw.IsUtf8)
        {
            CheckUtf8(raw.Bytes);
            return raw.Bytes.ToArray();
        }

        if (raw.IsUtf16) CheckUtf16(raw.Chars);
        return raw.IsUtf16 ? Utf8Of(raw.Chars) : Encoding.UTF8.GetBytes(Encoding.Latin1.GetString(raw.Bytes));
    }

    private static byte[] Utf8Of(ReadOnlySpan<char> chars)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(chars)];
        Encoding.UTF8.GetBytes(chars, bytes);
        return bytes;
    }

    private static void CheckUtf8(ReadOnlySpan<byte> bytes)
    {
        if (!Utf8.IsValid(bytes)) ThrowUtf8(bytes);
    }

    private static void ThrowUtf8(ReadOnlySpan<byte> bytes)
    {
        int at = 0;
        while (true)
        {
            OperationStatus status = Rune.DecodeFromUtf8(bytes[at..], out _, out int consumed);
            if (status == OperationStatus.NeedMoreData) throw new TrapException($"incomplete utf-8 byte sequence from index {at}");
            if (status != OperationStatus.Done) throw new TrapException($"invalid utf-8 sequence from index {at}");
            at += consumed;
        }
    }

    private static void CheckUtf16(ReadOnlySpan<char> chars)
    {
        int at = IndexOfLoneSurrogate(chars);
        if (at >= 0) throw new TrapException($"unpaired surrogate found: invalid utf16 at index {at}");
    }

    private static int IndexOfLoneSurrogate(ReadOnlySpan<char> chars)
    {
        int at = 0;
        while (true)
        {
            int next = chars[at..].IndexOfAnyInRange('\ud800', '\udfff');
            if (next < 0) return -1;
            at += next;
            if (!char.IsHighSurrogate(chars[at]) || at + 1 >= chars.Length || !char.IsLowSurrogate(chars[at + 1])) return at;
            at += 2;
        }
    }

    // ---- lowering from the host ----

    /// <summary>Copies a string into the guest in the guest's encoding. Lone surrogates become U+FFFD.</summary>
    /// <param name="cx">The guest.</param>
    /// <param name="value">The string.</param>
    /// <param name="taggedUnits">Code units, with the tag bit where the encoding has one.</param>
    /// <returns>The offset.</returns>
    public static uint Lower(scoped ref GuestContext cx, ReadOnlySpan<char> value, out uint taggedUnits)
    {
        switch (cx.Encoding)
        {
            case StringEncoding.Utf8:
                int bytes = Encoding.UTF8.GetByteCount(value);
                uint utf8 = cx.AllocateList(bytes, 1, 1);
                Encoding.UTF8.GetBytes(value, cx.Block(utf8, (uint)bytes));
                taggedUnits = (uint)bytes;
                return utf8;
            case StringEncoding.Utf16:
                taggedUnits = (uint)value.Length;
                return StoreUtf16(ref cx, value);
            default:
                if (value.ContainsAnyExceptInRange('\0', '\u00ff'))
                {
                    taggedUnits = (uint)value.Length | Utf16Tag;
                    return StoreUtf16(ref cx, value);
                }

                uint latin1 = cx.AllocateList(value.Length, 1, 2);
                Encoding.Latin1.GetBytes(value, cx.Block(latin1, (uint)value.Length));
                taggedUnits = (uint)value.Length;
                return latin1;
        }
    }

    /// <summary>Copies a string that the host has as valid UTF-8 into the guest in the guest's encoding.</summary>
    public static uint LowerUtf8(scoped ref GuestContext cx, ReadOnlySpan<byte> utf8, out uint taggedUnits)
    {
        if (cx.Encoding != StringEncoding.Utf8) return Lower(ref cx, Encoding.UTF8.GetString(utf8), out taggedUnits);
        uint offset = cx.AllocateList(utf8.Length, 1, 1);
        utf8.CopyTo(cx.Block(offset, (uint)utf8.Length));
        taggedUnits = (uint)utf8.Length;
        return offset;
    }

    private static uint StoreUtf16(scoped ref GuestContext cx, ReadOnlySpan<char> value)
    {
        uint offset = cx.AllocateList(value.Length, 2, 2);
        Span<char> chars = MemoryMarshal.Cast<byte, char>(cx.Block(offset, (uint)value.Length * 2));
        value.CopyTo(chars);
        for (int at = IndexOfLoneSurrogate(chars); at >= 0; at = IndexOfLoneSurrogate(chars)) chars[at] = '\ufffd';
        return offset;
    }

    // ---- guest to guest ----

    /// <summary>
    /// Copies a string from one guest's memory to another's, from encoding to encoding. The receiving guest sees the
    /// calls of its realloc that the specification prescribes.
    /// </summary>
    internal static uint Transcode(scoped in GuestContext source, uint offset, uint taggedUnits, scoped ref GuestContext target, out uint targetUnits)
    {
        RawString s = Load(source, offset, taggedUnits);
        if (s.IsUtf8) CheckUtf8(s.Bytes);
        if (s.IsUtf16) CheckUtf16(s.Chars);
        switch (target.Encoding)
        {
            case StringEncoding.Utf8:
                if (s.IsUtf8) return Copy(ref target, s.Bytes, 1, out targetUnits);
                return ToUtf8(ref target, s, out targetUnits);
            case StringEncoding.Utf16:
                if (s.IsUtf16)
                {
                    uint copied = Copy(ref target, s.Bytes, 2, out targetUnits);
                    targetUnits /= 2;
                    return copied;
                }

                return s.IsLatin1 ? Latin1ToUtf16(ref target, s.Bytes, out targetUnits) : Utf8ToUtf16(ref target, s.Bytes, out targetUnits);
            default:
                if (s.IsLatin1) return Copy(ref target, s.Bytes, 2, out targetUnits);
                // A latin1+utf16 source that says utf16 is probably not Latin-1: copied first, then looked at.
                return source.Encoding == StringEncoding.Latin1Utf16 ? ProbablyUtf16ToCompact(ref target, s.Chars, out targetUnits) : ToCompact(ref target, s, out targetUnits);
        }
    }

    private static uint Copy(scoped ref GuestContext target, ReadOnlySpan<byte> bytes, uint alignment, out uint units)
    {
        uint offset = target.Allocate(alignment, (uint)bytes.Length);
        bytes.CopyTo(target.Block(offset, (uint)bytes.Length));
        units = (uint)bytes.Length;
        return offset;
    }

    /// <summary>UTF-16 or Latin-1 to UTF-8: room for ASCII first, the worst case at the first character beyond, then shrunk.</summary>
    private static uint ToUtf8(scoped ref GuestContext target, RawString s, out uint units)
    {
        uint count = (uint)s.CodeUnits;
        uint offset = target.Allocate(1, count);
        int ascii = s.IsUtf16 ? s.Chars.IndexOfAnyExceptInRange('\0', '\u007f') : s.Bytes.IndexOfAnyExceptInRange((byte)0, (byte)0x7f);
        int plain = ascii < 0 ? (int)count : ascii;
        Narrow(s, plain, target.Block(offset, (uint)plain));
        if (ascii < 0)
        {
            units = count;
            return offset;
        }

        uint worst = count * (s.IsUtf16 ? 3u : 2u);
        offset = target.Reallocate(offset, count, 1, worst);
        Span<byte> rest = target.Block(offset, worst)[ascii..];
        int written;
        if (s.IsUtf16) Utf8.FromUtf16(s.Chars[ascii..], rest, out _, out written);
        else written = Latin1ToUtf8(s.Bytes[ascii..], rest);
        units = (uint)(ascii + written);
        if (units < worst) offset = target.Reallocate(offset, worst, 1, units);
        return offset;
    }

    private static void Narrow(RawString s, int count, Span<byte> target)
    {
        if (s.IsUtf16)
        {
            for (int i = 0; i < count; i++) target[i] = (byte)s.Chars[i];
        }
        else
        {
            s.Bytes[..count].CopyTo(target);
        }
    }

    private static int Latin1ToUtf8(ReadOnlySpan<byte> latin1, Span<byte> utf8)
    {
        int at = 0;
        foreach (byte b in latin1)
        {
            if (b < 0x80)
            {
                utf8[at++] = b;
            }
            else
            {
                utf8[at++] = (byte)(0xc0 | (b >> 6));
                utf8[at++] = (byte)(0x80 | (b & 0x3f));
            }
        }

        return at;
    }

    private static uint Utf8ToUtf16(scoped ref GuestContext target, ReadOnlySpan<byte> utf8, out uint units)
    {
        uint worst = 2 * (uint)utf8.Length;
        uint offset = target.Allocate(2, worst);
        Utf8.ToUtf16(utf8, MemoryMarshal.Cast<byte, char>(target.Block(offset, worst)), out _, out int written);
        uint bytes = (uint)written * 2;
        if (bytes < worst) offset = target.Reallocate(offset, worst, 2, bytes);
        units = (uint)written;
        return offset;
    }

    private static uint Latin1ToUtf16(scoped ref GuestContext target, ReadOnlySpan<byte> latin1, out uint units)
    {
        uint offset = target.Allocate(2, 2 * (uint)latin1.Length);
        Encoding.Latin1.GetChars(latin1, MemoryMarshal.Cast<byte, char>(target.Block(offset, 2 * (uint)latin1.Length)));
        units = (uint)latin1.Length;
        return offset;
    }

    /// <summary>UTF-8 or UTF-16 to latin1+utf16: Latin-1 as far as it goes, then inflated to UTF-16.</summary>
    private static uint ToCompact(scoped ref GuestContext target, RawString s, out uint taggedUnits)
    {
        uint count = (uint)s.CodeUnits;
        uint offset = target.Allocate(2, count);
        Span<byte> narrow = target.Block(offset, count);
        int latin1 = 0, at = 0;
        while (at < count)
        {
            uint point;
            int consumed;
            if (s.IsUtf16)
            {
                point = s.Chars[at];
                consumed = 1;
            }
            else
            {
                Rune.DecodeFromUtf8(s.Bytes[at..], out Rune rune, out consumed);
                point = (uint)rune.Value;
            }

            if (point > 0xff) break;
            narrow[latin1++] = (byte)point;
            at += consumed;
        }

        if (at == count)
        {
            if (latin1 < count) offset = target.Reallocate(offset, count, 2, (uint)latin1);
            taggedUnits = (uint)latin1;
            return offset;
        }

        uint worst = 2 * count;
        offset = target.Reallocate(offset, count, 2, worst);
        Span<byte> block = target.Block(offset, worst);
        for (int j = latin1 - 1; j >= 0; j--)
        {
            block[2 * j] = block[j];
            block[(2 * j) + 1] = 0;
        }

        Span<char> wide = MemoryMarshal.Cast<byte, char>(block);
        int units;
        if (s.IsUtf16)
        {
            s.Chars[at..].CopyTo(wide[latin1..]);
            units = latin1 + (s.Chars.Length - at);
        }
        else
        {
            Utf8.ToUtf16(s.Bytes[at..], wide[latin1..], out _, out int written);
            units = latin1 + written;
        }

        uint bytes = (uint)units * 2;
        if (bytes < worst) offset = target.Reallocate(offset, worst, 2, bytes);
        taggedUnits = (uint)units | Utf16Tag;
        return offset;
    }

    private static uint ProbablyUtf16ToCompact(scoped ref GuestContext target, ReadOnlySpan<char> chars, out uint taggedUnits)
    {
        uint bytes = 2 * (uint)chars.Length;
        uint offset = target.Allocate(2, bytes);
        if (chars.ContainsAnyExceptInRange('\0', '\u00ff'))
        {
            MemoryMarshal.AsBytes(chars).CopyTo(target.Block(offset, bytes));
            taggedUnits = (uint)chars.Length | Utf16Tag;
            return offset;
        }

        Encoding.Latin1.GetBytes(chars, target.Block(offset, (uint)chars.Length));
        // definitions.py says alignment 1 in this one place; Wasmtime and its tests say 2, as everywhere else in this encoding.
        offset = target.Reallocate(offset, bytes, 2, (uint)chars.Length);
        taggedUnits = (uint)chars.Length;
        return offset;
    }
}
