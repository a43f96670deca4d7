// Writes the primitives of the binary format.
using System.Text;

namespace Mote.Components.Binary;

/// <summary>The binary format's integers, names and sections.</summary>
internal sealed class WasmWriter
{
    private readonly MemoryStream _bytes = new();

    public void Raw(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

    public void Byte(byte value) => _bytes.WriteByte(value);

    /// <summary>An unsigned LEB128.</summary>
    public void U32(uint value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.WriteByte((byte)(value | 0x80));
        _bytes.WriteByte((byte)value);
    }

    /// <summary>A length and the UTF-8 of a text.</summary>
    public void Name(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        U32((uint)bytes.Length);
        Raw(bytes);
    }

    public void Vector<T>(IEnumerable<T> items, Action<T> write)
    {
        T[] all = [.. items];
        U32((uint)all.Length);
        foreach (T item in all) write(item);
    }

    /// <summary>A length and what <paramref name="body"/> writes.</summary>
    public void Sized(WasmWriter body)
    {
        U32((uint)body._bytes.Length);
        body._bytes.WriteTo(_bytes);
    }

    /// <summary>A section with what <paramref name="body"/> writes.</summary>
    public void Section(byte id, Action<WasmWriter> body)
    {
        var section = new WasmWriter();
        body(section);
        _bytes.WriteByte(id);
        Sized(section);
    }

    /// <summary>Forgets what was written and keeps the buffer.</summary>
    public void Clear() => _bytes.SetLength(0);

    public byte[] ToArray() => _bytes.ToArray();
}
