// The handles of one component instance (CanonicalABI.md, "Table State", "Resource State").
using System.Buffers;
using System.Runtime.CompilerServices;
using Mote.Wasmtime;

namespace Mote.Components.Resources;

/// <summary>
/// One table for everything that an instance has an index for: resource handles now; subtasks, streams and the other
/// waitables use the same indices. Index 0 is never given out, freed indices are used again last-in first-out.
/// </summary>
internal sealed class HandleTable
{
    /// <summary>The specification's bound on indices.</summary>
    public const int MaxLength = (1 << 28) - 1;

    /// <summary>
    /// From so many entries on, arrays are lent: .NET would put them where only collections of everything look, and a guest
    /// that takes handles without end would cause one after the other.
    /// </summary>
    private const int Lent = 1024;

    private Entry[] _entries = new Entry[8];
    private int _count = 1;
    private int _free;

    /// <summary>Most handles at once; a limit of the instance, not of the specification.</summary>
    public int Limit { get; set; } = MaxLength;

    /// <summary>Handles now.</summary>
    public int Live { get; private set; }

    /// <summary>What an index stands for.</summary>
    public struct Entry
    {
        /// <summary>A <see cref="RuntimeResource"/> for a handle, a <see cref="Waitable"/> or a <see cref="WaitableSet"/>; null where the index is free.</summary>
        public object? Kind;

        /// <summary>Of a handle to a host resource: the object.</summary>
        public object? Host;

        /// <summary>Of a borrow: the call at whose end it must be gone.</summary>
        public GuestTask? Scope;

        /// <summary>Of a handle to a guest resource: its representation. Of a free entry: the next free one.</summary>
        public uint Rep;

        /// <summary>How often the handle is lent out now.</summary>
        public int Lends;

        /// <summary>True for own.</summary>
        public bool Own;
    }

    public uint AddOwn(RuntimeResource type, uint rep, object? host) => Add(new Entry { Kind = type, Rep = rep, Host = host, Own = true });

    public uint AddBorrow(RuntimeResource type, uint rep, object? host, GuestTask scope)
    {
        uint index = Add(new Entry { Kind = type, Rep = rep, Host = host, Scope = scope });
        scope.Borrows++;
        return index;
    }

    /// <summary>A subtask, stream, future or waitable set.</summary>
    public uint AddOther(object item) => Add(new Entry { Kind = item });

    /// <summary>The entry of an index in use.</summary>
    /// <exception cref="TrapException">The index is not in use.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref Entry Get(uint index)
    {
        if (index >= (uint)_count || _entries[index].Kind is null) Unknown(index);
        return ref _entries[index];
    }

    /// <summary>The entry of a handle of this type.</summary>
    /// <exception cref="TrapException">The index is not in use or is of something else.</exception>
    public ref Entry GetHandle(uint index, RuntimeResource type)
    {
        ref Entry entry = ref Get(index);
        if (!ReferenceEquals(entry.Kind, type)) WrongType(index, entry.Kind!, type);
        return ref entry;
    }

    /// <summary>Takes a handle out.</summary>
    public Entry Remove(uint index)
    {
        Entry entry = Get(index);
        ref Entry slot = ref _entries[index];
        slot = default;
        slot.Rep = (uint)_free;
        _free = (int)index;
        Live--;
        return entry;
    }

    /// <summary>Takes an own handle out in order to pass it on.</summary>
    public Entry RemoveOwn(uint index, RuntimeResource type)
    {
        ref Entry entry = ref GetHandle(index, type);
        if (!entry.Own) throw new TrapException($"cannot lift own resource from a borrow (handle {index})");
        if (entry.Lends != 0) throw new TrapException($"cannot remove owned resource while borrowed (handle {index})");
        return Remove(index);
    }

    /// <summary>Every handle that is still there, for the host to give back its own side after the instance is gone.</summary>
    public IEnumerable<Entry> Remaining()
    {
        for (int i = 1; i < _count && Live > 0; i++)
        {
            if (_entries[i].Kind is not null) yield return _entries[i];
        }
    }

    private uint Add(in Entry entry)
    {
        int index = _free;
        if (index != 0)
        {
            _free = (int)_entries[index].Rep;
        }
        else
        {
            if (Live >= Limit || _count > MaxLength) throw new TrapException($"resource table has no free keys: the limit is {Limit} handles");
            if (_count == _entries.Length) Grow();
            index = _count++;
        }

        _entries[index] = entry;
        Live++;
        return (uint)index;
    }

    /// <summary>The instance is gone, and nothing asks for its handles any more.</summary>
    public void Clear()
    {
        Entry[] old = _entries;
        (_entries, _count, _free, Live) = ([], 1, 0, 0);
        if (old.Length >= Lent) ArrayPool<Entry>.Shared.Return(old, clearArray: true);
    }

    private void Grow()
    {
        Entry[] old = _entries;
        int length = (int)Math.Min((long)old.Length * 2, MaxLength + 1L);
        Entry[] more = length >= Lent ? ArrayPool<Entry>.Shared.Rent(length) : new Entry[length];
        old.AsSpan(0, _count).CopyTo(more);
        _entries = more;
        if (old.Length >= Lent) ArrayPool<Entry>.Shared.Return(old, clearArray: true);
    }

    private static string Kind(RuntimeResource type) => type is HostResource ? "host-defined resource" : "guest-defined resource";

    private static void Unknown(uint index) => throw new TrapException($"unknown handle index {index}");

    private static void WrongType(uint index, object found, RuntimeResource wanted) =>
        throw new TrapException(found is RuntimeResource r
            ? $"handle index {index} used with the wrong type, expected {Kind(wanted)} but found a different {Kind(r)} (expected `{wanted}`, found `{r}`)"
            : $"handle index {index} is not a resource");
}
