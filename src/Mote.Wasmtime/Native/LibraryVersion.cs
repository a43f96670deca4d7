// The version that a libwasmtime is, not the one the bindings were written for: the C API does not tell it, but the
// library writes it into everything it compiles.
using System.Buffers.Binary;
using System.Text;

namespace Mote.Wasmtime.Native;

/// <summary>Reads the version of the loaded library.</summary>
public static class LibraryVersion
{
    private static readonly byte[] s_emptyModule = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

    /// <summary>The version, such as 50.0.1 or only 50 (releases write what must agree for compiled code to be taken); null where it is not found.</summary>
    public static string? Read(Engine engine)
    {
        using Module module = Module.Compile(engine, s_emptyModule);
        return Find(module.Serialize());
    }

    /// <summary>The section .wasmtime.engine of a compiled module begins with a format byte, a length and the version.</summary>
    internal static string? Find(ReadOnlySpan<byte> elf)
    {
        // ELF64, little-endian: e_shoff at 40, e_shentsize at 58, e_shnum at 60, e_shstrndx at 62.
        if (elf.Length < 64 || !elf.StartsWith("\u007fELF"u8) || elf[4] != 2) return null;
        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(elf[40..]);
        int entry = BinaryPrimitives.ReadUInt16LittleEndian(elf[58..]), count = BinaryPrimitives.ReadUInt16LittleEndian(elf[60..]), names = BinaryPrimitives.ReadUInt16LittleEndian(elf[62..]);
        if (entry < 64 || table > (ulong)elf.Length || table + ((ulong)entry * (ulong)count) > (ulong)elf.Length || names >= count) return null;
        ReadOnlySpan<byte> strings = Content(elf, elf.Slice((int)table + (names * entry), entry));
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = elf.Slice((int)table + (i * entry), entry);
            uint name = BinaryPrimitives.ReadUInt32LittleEndian(header);
            if (name >= strings.Length || !strings[(int)name..].StartsWith(".wasmtime.engine\0"u8)) continue;
            ReadOnlySpan<byte> content = Content(elf, header);
            return content.Length > 2 && content.Length >= 2 + content[1] ? Encoding.UTF8.GetString(content.Slice(2, content[1])) : null;
        }

        return null;
    }

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> elf, ReadOnlySpan<byte> header)
    {
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header[24..]), size = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
        return offset + size <= (ulong)elf.Length && offset + size >= offset ? elf.Slice((int)offset, (int)size) : [];
    }
}
