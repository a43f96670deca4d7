// Streams and futures between guests (CanonicalABI.md, "Buffer State", "Stream State", "Future State"): a write and a
// read that meet copy from memory to memory, with nothing in between.
using Mote.Components.Abi;
using Mote.Components.Linking;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Async;

/// <summary>How a read or a write ended; the numbers are the guest's.</summary>
internal enum CopyResult : byte
{
    Completed = 0,
    Dropped = 1,
    Cancelled = 2,
}

/// <summary>Memory of a guest that elements are copied from or to.</summary>
internal sealed class GuestBuffer
{
    /// <summary>Most elements of one (CanonicalABI.md, "Buffer State").</summary>
    public const uint MaxLength = (1u << 28) - 1;

    private readonly ComponentInstance _root;
    private readonly PlanOptions _options;
    private readonly ValType? _element;
    private readonly uint _length;
    private uint _at;

    /// <exception cref="TrapException">It is too long, not aligned, or not in memory.</exception>
    public GuestBuffer(ComponentInstance root, PlanOptions options, ValType? element, uint at, uint length)
    {
        if (length > MaxLength) throw new TrapException($"stream read/write count too large: {length} of at most {MaxLength}");
        if (element is not null && length > 0) new GuestContext(root, options, null).CheckRange(at, (ulong)length * element.Size, element.Alignment);
        (_root, _options, _element, _at, _length) = (root, options, element, at, length);
    }

    /// <summary>Elements copied so far.</summary>
    public uint Progress { get; private set; }

    public uint Remaining => _length - Progress;

    public bool IsZeroLength => _length == 0;

    /// <summary>Copies elements on; both have as many left.</summary>
    public static void Copy(GuestBuffer source, GuestBuffer target, uint count)
    {
        if (source._element is { } element)
        {
            var from = new GuestContext(source._root, source._options, null);
            var to = new GuestContext(target._root, target._options, null);
            Transfer.CopyItems(ref from, source._at, ref to, target._at, element, count);
            source._at += count * element.Size;
            target._at += count * element.Size;
        }

        source.Progress += count;
        target.Progress += count;
    }
}

/// <summary>What the two ends of a stream or a future have in common: whichever of a read and a write came first waits here.</summary>
internal abstract class SharedCopy(StreamOrFutureType type)
{
    private CopyEnd? _pending;

    public StreamOrFutureType Type { get; } = type;

    public bool IsDropped { get; private set; }

    /// <summary>The memory of what waits is its guest's again.</summary>
    public void Reclaim(CopyEnd end)
    {
        if (ReferenceEquals(_pending, end)) _pending = null;
    }

    /// <summary>What waits is given up.</summary>
    public void Cancel() => Notify(CopyResult.Cancelled);

    /// <summary>One end is gone.</summary>
    public void Drop()
    {
        if (IsDropped) return;
        IsDropped = true;
        if (_pending is not null) Notify(CopyResult.Dropped);
    }

    /// <summary>A read or a write begins: it waits for the other side, or meets what waits.</summary>
    public void Begin(CopyEnd end)
    {
        if (IsDropped)
        {
            end.Done(CopyResult.Dropped);
        }
        else if (_pending is null)
        {
            _pending = end;
        }
        else
        {
            CheckInstances(end, _pending);
            Meet(end, _pending);
        }
    }

    /// <summary>A read meets a write.</summary>
    private protected abstract void Meet(CopyEnd here, CopyEnd there);

    /// <summary>Copies elements from whichever of the two writes.</summary>
    private protected static void Copy(CopyEnd here, CopyEnd there, uint count)
    {
        (CopyEnd writer, CopyEnd reader) = here.IsWriter ? (here, there) : (there, here);
        GuestBuffer.Copy(writer.Buffer!, reader.Buffer!, count);
    }

    private protected void Notify(CopyResult result)
    {
        CopyEnd end = _pending!;
        _pending = null;
        end.Done(result);
    }

    /// <summary>What waited is over, and another waits in its place.</summary>
    private protected void Replace(CopyEnd end)
    {
        Notify(CopyResult.Completed);
        _pending = end;
    }

    private void CheckInstances(CopyEnd here, CopyEnd there)
    {
        // The specification's own restriction, "temporary".
        if (ReferenceEquals(here.Instance, there.Instance) && Type.Element is not (null or PrimitiveType { Kind: >= PrimitiveKind.S8 and <= PrimitiveKind.F64 })) throw new TrapException("cannot read from and write to intra-component future/stream with non-numeric payload");
    }
}

/// <summary>A stream: elements in order, any number of them in each copy.</summary>
internal sealed class SharedStream(StreamOrFutureType type) : SharedCopy(type)
{
    private protected override void Meet(CopyEnd here, CopyEnd there)
    {
        uint left = there.Buffer!.Remaining, count = Math.Min(here.Buffer!.Remaining, left);
        bool isOver = left > 0 || (here.IsWriter && here.Buffer.IsZeroLength && there.Buffer.IsZeroLength);
        if (!isOver)
        {
            Replace(here);
            return;
        }

        if (count > 0)
        {
            Copy(here, there, count);
            there.Copied();
        }

        here.Done(CopyResult.Completed);
    }
}

/// <summary>A future: one value.</summary>
internal sealed class SharedFuture(StreamOrFutureType type) : SharedCopy(type)
{
    private protected override void Meet(CopyEnd here, CopyEnd there)
    {
        Copy(here, there, 1);
        Notify(CopyResult.Completed);
        here.Done(CopyResult.Completed);
    }
}

/// <summary>One end of a stream or a future, in a handle table.</summary>
internal sealed class CopyEnd(SharedCopy shared, bool isWriter) : Waitable
{
    /// <summary>States of an end.</summary>
    public enum CopyState : byte
    {
        Idle,
        Copying,
        Cancelling,
        Done,
    }

    private CopyResult _result;
    private bool _reclaims;
    private uint _index;

    public SharedCopy Shared { get; } = shared;

    public bool IsWriter { get; } = isWriter;

    public CopyState State { get; private set; }

    /// <summary>What is being copied.</summary>
    public GuestBuffer? Buffer { get; private set; }

    /// <summary>Who copies.</summary>
    public RuntimeInstance? Instance { get; private set; }

    /// <summary>Why nothing can be copied any more, in words.</summary>
    public string WhyOver => Shared.Type.IsStream ? $"stream after being notified that the {(IsWriter ? "readable" : "writable")} end dropped"
        : IsWriter ? "future after previous write succeeded or readable end dropped" : "future after previous read succeeded";

    public bool IsCopying => State is CopyState.Copying or CopyState.Cancelling;

    private EventCode Code => Shared.Type.IsStream
        ? IsWriter ? EventCode.StreamWrite : EventCode.StreamRead
        : IsWriter ? EventCode.FutureWrite : EventCode.FutureRead;

    /// <summary>Takes a readable end out of a table in order to pass it on.</summary>
    /// <exception cref="TrapException">It is something else, busy, over, or in a set.</exception>
    public static SharedCopy Lift(HandleTable from, StreamOrFutureType type, uint index)
    {
        if (from.Get(index).Kind is not CopyEnd { IsWriter: false } end || !Subtyping.IsSame(end.Shared.Type, type)) throw new TrapException($"handle index {index} is not the readable end of a {type}");
        if (end.IsCopying) throw new TrapException($"cannot lift {type.Word} with a pending read");
        if (end.State == CopyState.Done) throw new TrapException($"cannot lift {end.WhyOver}");
        if (end.Set is not null) throw new TrapException($"cannot lift {type.Word} while it's in a waitable set");
        from.Remove(index);
        return end.Shared;
    }

    /// <summary>A read or a write begins, and may end at once: <see cref="Waitable.HasPendingEvent"/>.</summary>
    public void Begin(RuntimeInstance instance, uint index, GuestBuffer buffer)
    {
        (State, Instance, Buffer, _index) = (CopyState.Copying, instance, buffer, index);
        Shared.Begin(this);
    }

    /// <summary>The guest gives it up.</summary>
    public void Cancel()
    {
        State = CopyState.Cancelling;
        if (!HasPendingEvent) Shared.Cancel();
    }

    /// <summary>Elements have been copied, and more may be until the guest is told.</summary>
    public void Copied()
    {
        (_result, _reclaims) = (CopyResult.Completed, true);
        SetPendingEvent();
    }

    /// <summary>The copy is over.</summary>
    public void Done(CopyResult result)
    {
        (_result, _reclaims) = (result, false);
        SetPendingEvent();
    }

    /// <inheritdoc/>
    public override void Drop()
    {
        if (IsCopying) throw new TrapException($"cannot {(IsWriter ? "drop" : "remove")} busy {Shared.Type.Word}");
        if (IsWriter && !Shared.Type.IsStream && State != CopyState.Done) throw new TrapException("cannot drop future write end without first writing a value");
        Shared.Drop();
        base.Drop();
    }

    protected override WaitableEvent Deliver()
    {
        if (_reclaims) Shared.Reclaim(this);
        // What was copied before the guest gave up was copied; the reference tests want to hear of the giving up as well.
        if (State == CopyState.Cancelling && Shared.Type.IsStream && _result == CopyResult.Completed) _result = CopyResult.Cancelled;
        bool isOver = _result == CopyResult.Dropped || (!Shared.Type.IsStream && _result == CopyResult.Completed);
        State = isOver ? CopyState.Done : CopyState.Idle;
        uint progress = Shared.Type.IsStream ? Buffer!.Progress << 4 : 0;
        Buffer = null;
        return new WaitableEvent(Code, _index, (uint)_result | progress);
    }
}
