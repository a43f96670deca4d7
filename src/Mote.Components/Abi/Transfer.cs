// Copies values from one guest to another without anything in between: lifting and lowering at once, led by the type.
using Mote.Components.Async;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Abi;

internal static class Transfer
{
    /// <summary>Copies a value from memory to memory. Both offsets are aligned and in bounds.</summary>
    public static void Copy(scoped ref GuestContext from, uint source, scoped ref GuestContext to, uint target, ValType type)
    {
        if (type.IsPlain)
        {
            from.LoadBytes(source, type.Size, 1, 1).CopyTo(to.Block(target, type.Size));
            return;
        }

        switch (type)
        {
            case PrimitiveType p:
                switch (p.Kind)
                {
                    case PrimitiveKind.Bool:
                        to.StoreU8(target, from.LoadU8(source) == 0 ? (byte)0 : (byte)1);
                        break;
                    case PrimitiveKind.Char:
                        to.StoreU32(target, GuestContext.CheckChar(from.LoadU32(source)));
                        break;
                    default:
                        uint text = GuestStrings.Transcode(from, from.LoadU32(source), from.LoadU32(source + 4), ref to, out uint units);
                        to.StoreU32(target, text);
                        to.StoreU32(target + 4, units);
                        break;
                }

                break;
            case ListType { Length: { } length } l:
                CopyItems(ref from, source, ref to, target, l.Element, length);
                break;
            case ListType l:
                CopyList(ref from, source, ref to, target, l);
                break;
            case MapType m:
                CopyList(ref from, source, ref to, target, m.AsList);
                break;
            case RecordType r:
                for (int i = 0; i < r.Types.Length; i++) Copy(ref from, source + r.Offsets[i], ref to, target + r.Offsets[i], r.Types[i]);
                break;
            case TupleType t:
                for (int i = 0; i < t.Types.Length; i++) Copy(ref from, source + t.Offsets[i], ref to, target + t.Offsets[i], t.Types[i]);
                break;
            case FlagsType f:
                uint bits = f.Size switch { 1 => from.LoadU8(source), 2 => from.LoadU16(source), _ => from.LoadU32(source) };
                to.StoreDiscriminant(target, f.Size, bits & f.Mask);
                break;
            case VariantLikeType v:
                uint c = from.LoadDiscriminant(source, v.DiscriminantSize, (uint)v.Payloads.Length);
                to.StoreDiscriminant(target, v.DiscriminantSize, c);
                if (v.Payloads[c] is { } payload) Copy(ref from, source + v.PayloadOffset, ref to, target + v.PayloadOffset, payload);
                break;
            case HandleType h:
                to.StoreU32(target, Handle(ref from, ref to, h, from.LoadU32(source)));
                break;
            case StreamOrFutureType s:
                to.StoreU32(target, End(from, to, s, from.LoadU32(source)));
                break;
            default:
                throw new NotSupportedException($"not supported yet: {type}");
        }
    }

    private static void CopyList(scoped ref GuestContext from, uint source, scoped ref GuestContext to, uint target, ListType list)
    {
        uint copy = List(ref from, from.LoadU32(source), from.LoadU32(source + 4), ref to, list.Element, out uint count);
        to.StoreU32(target, copy);
        to.StoreU32(target + 4, count);
    }

    private static uint List(scoped ref GuestContext from, uint source, uint count, scoped ref GuestContext to, ValType element, out uint copied)
    {
        ReadOnlySpan<byte> bytes = from.LoadBytes(source, count, element.Size, element.Alignment);
        uint target = to.Allocate(element.Alignment, (uint)bytes.Length);
        // The receiver's realloc cannot reach the sender, so the span still holds.
        if (element.IsPlain) bytes.CopyTo(to.Block(target, (uint)bytes.Length));
        else CopyItems(ref from, source, ref to, target, element, count);
        copied = count;
        return target;
    }

    /// <summary>Copies elements that lie one after the other.</summary>
    public static void CopyItems(scoped ref GuestContext from, uint source, scoped ref GuestContext to, uint target, ValType element, uint count)
    {
        if (element.IsPlain)
        {
            uint bytes = count * element.Size;
            from.LoadBytes(source, bytes, 1, 1).CopyTo(to.Block(target, bytes));
            return;
        }

        for (uint i = 0; i < count; i++) Copy(ref from, source + (i * element.Size), ref to, target + (i * element.Size), element);
    }

    /// <summary>Copies a value from core values to core values.</summary>
    public static void CopyFlat(scoped ref GuestContext from, scoped ReadOnlySpan<ValRaw> source, scoped ref GuestContext to, scoped Span<ValRaw> target, ref int at, ValType type)
    {
        switch (type)
        {
            case PrimitiveType p:
                ValRaw v = source[at];
                switch (p.Kind)
                {
                    case PrimitiveKind.Bool:
                        target[at++].U64 = v.U32 == 0 ? 0UL : 1;
                        break;
                    case PrimitiveKind.S8:
                        target[at++].U64 = (uint)(sbyte)v.U32;
                        break;
                    case PrimitiveKind.U8:
                        target[at++].U64 = (byte)v.U32;
                        break;
                    case PrimitiveKind.S16:
                        target[at++].U64 = (uint)(short)v.U32;
                        break;
                    case PrimitiveKind.U16:
                        target[at++].U64 = (ushort)v.U32;
                        break;
                    case PrimitiveKind.S64 or PrimitiveKind.U64 or PrimitiveKind.F64:
                        target[at++].U64 = v.U64;
                        break;
                    case PrimitiveKind.Char:
                        target[at++].U64 = GuestContext.CheckChar(v.U32);
                        break;
                    case PrimitiveKind.String:
                        target[at].U64 = GuestStrings.Transcode(from, v.U32, source[at + 1].U32, ref to, out uint units);
                        target[at + 1].U64 = units;
                        at += 2;
                        break;
                    default:
                        target[at++].U64 = v.U32;
                        break;
                }

                break;
            case ListType { Length: { } length } l:
                for (uint i = 0; i < length; i++) CopyFlat(ref from, source, ref to, target, ref at, l.Element);
                break;
            case ListType or MapType:
                ValType element = type is MapType m ? m.AsList.Element : ((ListType)type).Element;
                target[at].U64 = List(ref from, source[at].U32, source[at + 1].U32, ref to, element, out uint count);
                target[at + 1].U64 = count;
                at += 2;
                break;
            case RecordType r:
                foreach (ValType f in r.Types) CopyFlat(ref from, source, ref to, target, ref at, f);
                break;
            case TupleType t:
                foreach (ValType e in t.Types) CopyFlat(ref from, source, ref to, target, ref at, e);
                break;
            case FlagsType f:
                target[at].U64 = source[at].U32 & f.Mask;
                at++;
                break;
            case VariantLikeType variant:
                uint c = GuestContext.CheckDiscriminant(source[at].U32, (uint)variant.Payloads.Length);
                target.Slice(at, variant.FlatCount).Clear(); // what the case does not use is zero
                target[at].U64 = c;
                int inner = at + 1;
                if (variant.Payloads[c] is { } payload) CopyFlat(ref from, source, ref to, target, ref inner, payload);
                at += variant.FlatCount;
                break;
            case HandleType h:
                target[at].U64 = Handle(ref from, ref to, h, source[at].U32);
                at++;
                break;
            case StreamOrFutureType s:
                target[at].U64 = End(from, to, s, source[at].U32);
                at++;
                break;
            default:
                throw new NotSupportedException($"not supported yet: {type}");
        }
    }

    /// <summary>Passes the readable end of a stream or a future on.</summary>
    private static uint End(scoped in GuestContext from, scoped in GuestContext to, StreamOrFutureType type, uint index) =>
        to.Handles.AddOther(new CopyEnd(CopyEnd.Lift(from.Handles, type, index), isWriter: false));

    private static uint Handle(scoped ref GuestContext from, scoped ref GuestContext to, HandleType type, uint index)
    {
        RuntimeResource resource = from.Root.Resources[type.Resource.Id.Slot];
        if (type.IsOwn)
        {
            HandleTable.Entry taken = from.Handles.RemoveOwn(index, resource);
            return to.Handles.AddOwn(resource, taken.Rep, taken.Host);
        }

        ref HandleTable.Entry entry = ref from.Handles.GetHandle(index, resource);
        uint rep = entry.Rep;
        object? host = entry.Host;
        if (from.Lender is { } lender) lender.Lend(from.Handles, index);
        else from.Root.Lend(from.Handles, index);
        if (resource is GuestResource guest && ReferenceEquals(guest.Definer, to.Instance)) return rep;
        return to.Handles.AddBorrow(resource, rep, host, to.Task!);
    }
}
