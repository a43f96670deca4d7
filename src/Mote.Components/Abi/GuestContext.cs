// One side of a call: the memory, the allocator, the string encoding and the handles of a component instance. All
// reading and writing of guest memory goes through here; everything is checked against the memory as it is now.
using System.ComponentModel;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mote.Components.Async;
using Mote.Components.Binary;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Wasmtime;

namespace Mote.Components.Abi;

/// <summary>
/// Reads and writes the values of one guest. Offsets are of its linear memory. Used by generated bindings; code
/// written by hand should use those.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Advanced)]
public unsafe ref struct GuestContext
{
    /// <summary>Most bytes of one list or string (CanonicalABI.md, "Loading").</summary>
    public const uint MaxListBytes = (1u << 28) - 1;

    private readonly ComponentInstance _root;
    private readonly PlanOptions _options;
    private byte* _base;
    private nuint _length;

    internal GuestContext(ComponentInstance root, PlanOptions options, GuestTask? task)
    {
        _root = root;
        _options = options;
        Task = task;
        Refresh();
        BeginLift();
    }

    internal readonly ComponentInstance Root => _root;

    internal readonly RuntimeInstance Instance => _root.Instances[_options.Instance];

    internal readonly HandleTable Handles => Instance.Handles;

    internal readonly StringEncoding Encoding => _options.Encoding;

    /// <summary>The call whose borrows are counted, where values are lowered into this guest as parameters.</summary>
    internal GuestTask? Task { get; }

    /// <summary>The call that handles are lent for which are lifted from this guest; null where it is over before any later one.</summary>
    internal Subtask? Lender { get; init; }

    /// <summary>Bytes of memory now.</summary>
    public readonly nuint Length => _length;

    /// <summary>Takes base and length again, after guest code may have run.</summary>
    internal void Refresh()
    {
        if (_options.Memory < 0) return;
        Memory memory = _root.Memories[_options.Memory];
        if (memory.IsNull) ThrowEarly();
        _base = memory.GetBase(out _length);
    }

    /// <summary>What is lifted from this guest from here on is one call's arguments or result (<see cref="Limits.Lifted"/>).</summary>
    internal readonly void BeginLift() => _root.LiftLeft = Limits.Lifted + (Limits.LiftedPerMemoryByte * (long)_length);

    /// <summary>Counts what the host is about to spend on a value; traps where it is too much (<see cref="Limits.Lifted"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly void Spend(ulong cost)
    {
        if ((_root.LiftLeft -= (long)cost) < 0) ThrowTooLarge();
    }

    private static void ThrowTooLarge() => throw new TrapException("the value is much larger than the memory that describes it: its lists or strings lie over each other");

    private static void ThrowEarly() => throw new TrapException("a function that needs memory was called before the instance that has the memory was there");

    // ---- scalars ----

    /// <summary>Throws unless the range lies in memory and the offset is aligned.</summary>
    public readonly void CheckRange(uint offset, ulong size, uint alignment)
    {
        if ((offset & (alignment - 1)) != 0) throw new TrapException("pointer not aligned");
        if (offset + size > _length) throw new TrapException("pointer out of bounds of memory");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly byte* At(uint offset, uint size)
    {
        if ((nuint)offset + size > _length) ThrowOutOfBounds();
        return _base + offset;
    }

    private static void ThrowOutOfBounds() => throw new TrapException("pointer out of bounds of memory");

    /// <summary>Reads a byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly byte LoadU8(uint offset) => *At(offset, 1);

    /// <summary>Reads two bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ushort LoadU16(uint offset) => Unsafe.ReadUnaligned<ushort>(At(offset, 2));

    /// <summary>Reads four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly uint LoadU32(uint offset) => Unsafe.ReadUnaligned<uint>(At(offset, 4));

    /// <summary>Reads eight bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ulong LoadU64(uint offset) => Unsafe.ReadUnaligned<ulong>(At(offset, 8));

    /// <summary>Writes a byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreU8(uint offset, byte value) => *At(offset, 1) = value;

    /// <summary>Writes two bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreU16(uint offset, ushort value) => Unsafe.WriteUnaligned(At(offset, 2), value);

    /// <summary>Writes four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreU32(uint offset, uint value) => Unsafe.WriteUnaligned(At(offset, 4), value);

    /// <summary>Writes eight bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void StoreU64(uint offset, ulong value) => Unsafe.WriteUnaligned(At(offset, 8), value);

    /// <summary>Reads a discriminant of 1, 2 or 4 bytes and checks it.</summary>
    public readonly uint LoadDiscriminant(uint offset, uint size, uint cases)
    {
        uint value = size switch { 1 => LoadU8(offset), 2 => LoadU16(offset), _ => LoadU32(offset) };
        return CheckDiscriminant(value, cases);
    }

    /// <summary>Writes a discriminant of 1, 2 or 4 bytes.</summary>
    public readonly void StoreDiscriminant(uint offset, uint size, uint value)
    {
        switch (size)
        {
            case 1:
                StoreU8(offset, (byte)value);
                break;
            case 2:
                StoreU16(offset, (ushort)value);
                break;
            default:
                StoreU32(offset, value);
                break;
        }
    }

    /// <summary>Traps where the guest names a case that there is not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint CheckDiscriminant(uint value, uint cases)
    {
        if (value >= cases) ThrowDiscriminant(value, cases);
        return value;
    }

    private static void ThrowDiscriminant(uint value, uint cases) => throw new TrapException($"invalid variant discriminant: {value} of {cases} cases");

    /// <summary>Traps where the guest's number is no Unicode scalar value.</summary>
    public static uint CheckChar(uint value) =>
        value < 0x110000 && value is not (>= 0xd800 and <= 0xdfff) ? value : throw new TrapException($"invalid `char` bit pattern: 0x{value:x} is not a Unicode scalar value");

    // ---- blocks ----

    /// <summary>Bytes of a list of <paramref name="count"/> elements that the host makes objects of, checked; zero-copy, valid until guest code runs.</summary>
    public readonly ReadOnlySpan<byte> LoadList(uint offset, uint count, uint elementSize, uint alignment)
    {
        ReadOnlySpan<byte> bytes = LoadBytes(offset, count, elementSize, alignment);
        Spend((ulong)count * Limits.LiftedElement);
        return bytes;
    }

    /// <summary>The same for what is copied as it is: to the host, or to another guest, where no epoch would end the copying.</summary>
    internal readonly ReadOnlySpan<byte> LoadBytes(uint offset, uint count, uint elementSize, uint alignment)
    {
        ulong bytes = (ulong)count * elementSize;
        if (bytes > MaxListBytes) throw new TrapException($"list byte length of {bytes} exceeds the limit of {MaxListBytes}");
        if ((offset & (alignment - 1)) != 0) throw new TrapException("list pointer not aligned");
        if (offset + bytes > _length) throw new TrapException("list pointer/length out of bounds of memory");
        Spend(bytes);
        return new ReadOnlySpan<byte>(_base + offset, (int)bytes);
    }

    /// <summary>A list of numbers as a span over guest memory; zero-copy, valid until guest code runs.</summary>
    public readonly ReadOnlySpan<T> LoadSpan<T>(uint offset, uint count)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = LoadBytes(offset, count, (uint)sizeof(T), (uint)sizeof(T));
        Spend((ulong)bytes.Length);
        return MemoryMarshal.Cast<byte, T>(bytes);
    }

    /// <summary>Bytes of memory to write into, checked; valid until guest code runs.</summary>
    public readonly Span<byte> Block(uint offset, uint bytes)
    {
        if ((nuint)offset + bytes > _length) ThrowOutOfBounds();
        if (bytes > int.MaxValue) throw new TrapException($"a block of {bytes} bytes exceeds the limit of {int.MaxValue}");
        return new Span<byte>(_base + offset, (int)bytes);
    }

    /// <summary>Copies a list of numbers into the guest; gives its offset.</summary>
    public uint StoreSpan<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        uint offset = Allocate((uint)sizeof(T), (uint)bytes.Length);
        bytes.CopyTo(Block(offset, (uint)bytes.Length));
        return offset;
    }

    /// <summary>Room for <paramref name="count"/> elements, by the guest's allocator.</summary>
    public uint AllocateList(int count, uint elementSize, uint alignment)
    {
        ulong bytes = (ulong)count * elementSize;
        if (bytes > MaxListBytes) throw new TrapException($"list byte length of {bytes} exceeds the limit of {MaxListBytes}");
        return Allocate(alignment, (uint)bytes);
    }

    // ---- the guest's allocator ----

    /// <summary>New memory of the guest's allocator, checked for alignment and bounds.</summary>
    public uint Allocate(uint alignment, uint size) => Reallocate(0, 0, alignment, size);

    /// <summary>Calls the guest's realloc. Memory may have grown afterwards: spans of it are invalid.</summary>
    internal uint Reallocate(uint old, uint oldSize, uint alignment, uint size)
    {
        RuntimeInstance instance = Instance;
        Func realloc = _root.GetFunc(_options.Realloc);
        if (realloc.IsNull) ThrowEarly();
        Span<ValRaw> values = stackalloc ValRaw[4];
        values[0].U64 = old;
        values[1].U64 = oldSize;
        values[2].U64 = alignment;
        values[3].U64 = size;
        instance.MayLeave = false;
        if (_root.IsAsync)
        {
            TaskThread? before = _root.Async.Aside();
            realloc.CallUnchecked(values);
            _root.Async.Back(before);
        }
        else
        {
            realloc.CallUnchecked(values);
        }

        instance.MayLeave = true;
        Refresh();
        uint offset = values[0].U32;
        if ((offset & (alignment - 1)) != 0) throw new TrapException("realloc return: result not aligned");
        if ((nuint)offset + size > _length) throw new TrapException("realloc return: beyond end of memory");
        return offset;
    }
}
