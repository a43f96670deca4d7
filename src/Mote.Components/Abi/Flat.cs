// Between memory and core values of one guest, bit for bit: what is a pointer stays one. With it a side that passes values
// in memory meets one that passes them flat, as the asynchronous ABI has it (CanonicalABI.md, "Flattening").
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Abi;

internal static class Flat
{
    /// <summary>Reads a value from memory. The offset is aligned and in bounds.</summary>
    public static void Load(scoped in GuestContext cx, ValType type, uint source, scoped Span<ValRaw> target, ref int at)
    {
        switch (type)
        {
            case PrimitiveType { Kind: PrimitiveKind.String }:
                target[at++].U64 = cx.LoadU32(source);
                target[at++].U64 = cx.LoadU32(source + 4);
                break;
            case PrimitiveType { Kind: PrimitiveKind.S8 }:
                target[at++].U64 = (uint)(sbyte)cx.LoadU8(source);
                break;
            case PrimitiveType { Kind: PrimitiveKind.S16 }:
                target[at++].U64 = (uint)(short)cx.LoadU16(source);
                break;
            case PrimitiveType or FlagsType or HandleType or StreamOrFutureType:
                target[at++].U64 = type.Size switch { 1 => cx.LoadU8(source), 2 => cx.LoadU16(source), 4 => cx.LoadU32(source), _ => cx.LoadU64(source) };
                break;
            case ListType { Length: { } length } l:
                for (uint i = 0; i < length; i++) Load(cx, l.Element, source + (i * l.Element.Size), target, ref at);
                break;
            case ListType or MapType:
                target[at++].U64 = cx.LoadU32(source);
                target[at++].U64 = cx.LoadU32(source + 4);
                break;
            case RecordType r:
                for (int i = 0; i < r.Types.Length; i++) Load(cx, r.Types[i], source + r.Offsets[i], target, ref at);
                break;
            case TupleType t:
                for (int i = 0; i < t.Types.Length; i++) Load(cx, t.Types[i], source + t.Offsets[i], target, ref at);
                break;
            case VariantLikeType v:
                uint c = cx.LoadDiscriminant(source, v.DiscriminantSize, (uint)v.Payloads.Length);
                target.Slice(at, v.FlatCount).Clear();
                target[at].U64 = c;
                int inner = at + 1;
                if (v.Payloads[c] is { } payload) Load(cx, payload, source + v.PayloadOffset, target, ref inner);
                at += v.FlatCount;
                break;
            default:
                throw new NotSupportedException($"not supported yet: {type}");
        }
    }

    /// <summary>Writes a value into memory. The offset is aligned and in bounds.</summary>
    public static void Store(scoped in GuestContext cx, ValType type, scoped ReadOnlySpan<ValRaw> source, ref int at, uint target)
    {
        switch (type)
        {
            case PrimitiveType { Kind: PrimitiveKind.String }:
            case ListType { Length: null } or MapType:
                cx.StoreU32(target, source[at++].U32);
                cx.StoreU32(target + 4, source[at++].U32);
                break;
            case PrimitiveType or FlagsType or HandleType or StreamOrFutureType:
                ulong bits = source[at++].U64;
                if (type.Size == 8) cx.StoreU64(target, bits);
                else cx.StoreDiscriminant(target, type.Size, (uint)bits);
                break;
            case ListType { Length: { } length } l:
                for (uint i = 0; i < length; i++) Store(cx, l.Element, source, ref at, target + (i * l.Element.Size));
                break;
            case RecordType r:
                for (int i = 0; i < r.Types.Length; i++) Store(cx, r.Types[i], source, ref at, target + r.Offsets[i]);
                break;
            case TupleType t:
                for (int i = 0; i < t.Types.Length; i++) Store(cx, t.Types[i], source, ref at, target + t.Offsets[i]);
                break;
            case VariantLikeType v:
                uint c = GuestContext.CheckDiscriminant(source[at].U32, (uint)v.Payloads.Length);
                cx.StoreDiscriminant(target, v.DiscriminantSize, c);
                int inner = at + 1;
                if (v.Payloads[c] is { } payload) Store(cx, payload, source, ref inner, target + v.PayloadOffset);
                at += v.FlatCount;
                break;
            default:
                throw new NotSupportedException($"not supported yet: {type}");
        }
    }
}
