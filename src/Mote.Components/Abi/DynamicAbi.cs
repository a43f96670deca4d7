// Lifts and lowers value trees, led by the type (CanonicalABI.md, "Loading", "Storing", "Flat Lifting", "Flat Lowering").
using System.Text;
using Mote.Components.Async;
using Mote.Components.Binary;
using Mote.Components.Resources;
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Abi;

internal static class DynamicAbi
{
    // ---- a call of an export ----

    /// <summary>Gives a guest its arguments: as core values, or in its memory where they are too many.</summary>
    public static void LowerParameters(scoped ref GuestContext cx, FunctionType type, scoped ReadOnlySpan<Value> arguments, scoped Span<ValRaw> core)
    {
        if (type.ParametersSpill)
        {
            var tuple = new TupleType(type.ParameterTypes);
            uint offset = cx.Allocate(tuple.Alignment, tuple.Size);
            for (int i = 0; i < arguments.Length; i++) Store(ref cx, tuple.Types[i], arguments[i], offset + tuple.Offsets[i]);
            core[0].U64 = offset;
            return;
        }

        int at = 0;
        for (int i = 0; i < arguments.Length; i++) LowerFlat(ref cx, type.ParameterTypes[i], arguments[i], core, ref at);
    }

    /// <summary>Takes a guest's result, null for none: from core values, or from its memory where <paramref name="isSpilled"/>.</summary>
    public static Value? LiftResult(scoped in GuestContext cx, FunctionType type, scoped ReadOnlySpan<ValRaw> core, bool isSpilled)
    {
        if (type.Result is not { } result) return null;
        int at = 0;
        if (!isSpilled) return LiftFlat(cx, result, core, ref at);
        uint offset = core[0].U32;
        cx.CheckRange(offset, result.Size, result.Alignment);
        return Load(cx, result, offset);
    }

    // ---- lifting ----

    /// <summary>Reads a value from memory. The offset is aligned and in bounds.</summary>
    public static Value Load(scoped in GuestContext cx, ValType type, uint at)
    {
        cx.Spend(Limits.LiftedElement);
        switch (type)
        {
            case PrimitiveType p:
                return p.Kind switch
                {
                    PrimitiveKind.Bool => new BoolValue(cx.LoadU8(at) != 0),
                    PrimitiveKind.S8 => new SignedValue((sbyte)cx.LoadU8(at)),
                    PrimitiveKind.U8 => new UnsignedValue(cx.LoadU8(at)),
                    PrimitiveKind.S16 => new SignedValue((short)cx.LoadU16(at)),
                    PrimitiveKind.U16 => new UnsignedValue(cx.LoadU16(at)),
                    PrimitiveKind.S32 => new SignedValue((int)cx.LoadU32(at)),
                    PrimitiveKind.U32 => new UnsignedValue(cx.LoadU32(at)),
                    PrimitiveKind.S64 => new SignedValue((long)cx.LoadU64(at)),
                    PrimitiveKind.U64 => new UnsignedValue(cx.LoadU64(at)),
                    PrimitiveKind.F32 => new Float32Value(Floats.Canonical(BitConverter.UInt32BitsToSingle(cx.LoadU32(at)))),
                    PrimitiveKind.F64 => new Float64Value(Floats.Canonical(BitConverter.UInt64BitsToDouble(cx.LoadU64(at)))),
                    PrimitiveKind.Char => new CharValue(new Rune(GuestContext.CheckChar(cx.LoadU32(at)))),
                    PrimitiveKind.String => new StringValue(GuestStrings.Lift(cx, cx.LoadU32(at), cx.LoadU32(at + 4))),
                    _ => throw Unsupported(type),
                };
            case ListType { Length: { } length } l:
                return new ListValue(LoadItems(cx, l.Element, at, length));
            case ListType l:
                return new ListValue(LoadList(cx, l, cx.LoadU32(at), cx.LoadU32(at + 4)));
            case MapType m:
                return ToMap(LoadList(cx, m.AsList, cx.LoadU32(at), cx.LoadU32(at + 4)));
            case RecordType r:
                var fields = new KeyValuePair<string, Value>[r.Fields.Count];
                for (int i = 0; i < fields.Length; i++) fields[i] = new(r.Fields[i].Name, Load(cx, r.Types[i], at + r.Offsets[i]));
                return new RecordValue(fields);
            case TupleType t:
                var items = new Value[t.Types.Length];
                for (int i = 0; i < items.Length; i++) items[i] = Load(cx, t.Types[i], at + t.Offsets[i]);
                return new TupleValue(items);
            case FlagsType f:
                return ToFlags(f, f.Size switch { 1 => cx.LoadU8(at), 2 => cx.LoadU16(at), _ => cx.LoadU32(at) });
            case VariantLikeType v:
                uint c = cx.LoadDiscriminant(at, v.DiscriminantSize, (uint)v.Payloads.Length);
                return ToVariant(v, c, v.Payloads[c] is { } payload ? Load(cx, payload, at + v.PayloadOffset) : null);
            case HandleType h:
                return LiftHandle(cx, h, cx.LoadU32(at));
            case StreamOrFutureType s:
                return new CopyValue(CopyEnd.Lift(cx.Handles, s, cx.LoadU32(at)));
            default:
                throw Unsupported(type);
        }
    }

    private static Value[] LoadList(scoped in GuestContext cx, ListType list, uint offset, uint count)
    {
        cx.LoadList(offset, count, list.Element.Size, list.Element.Alignment);
        return LoadItems(cx, list.Element, offset, count);
    }

    private static Value[] LoadItems(scoped in GuestContext cx, ValType element, uint offset, uint count)
    {
        var items = new Value[count];
        for (uint i = 0; i < count; i++) items[i] = Load(cx, element, offset + (i * element.Size));
        return items;
    }

    /// <summary>Reads a value from core values.</summary>
    public static Value LiftFlat(scoped in GuestContext cx, ValType type, scoped ReadOnlySpan<ValRaw> flat, ref int at)
    {
        switch (type)
        {
            case PrimitiveType p:
                ValRaw v = flat[at++];
                return p.Kind switch
                {
                    PrimitiveKind.Bool => new BoolValue(v.U32 != 0),
                    PrimitiveKind.S8 => new SignedValue((sbyte)v.U32),
                    PrimitiveKind.U8 => new UnsignedValue((byte)v.U32),
                    PrimitiveKind.S16 => new SignedValue((short)v.U32),
                    PrimitiveKind.U16 => new UnsignedValue((ushort)v.U32),
                    PrimitiveKind.S32 => new SignedValue(v.I32),
                    PrimitiveKind.U32 => new UnsignedValue(v.U32),
                    PrimitiveKind.S64 => new SignedValue(v.I64),
                    PrimitiveKind.U64 => new UnsignedValue(v.U64),
                    PrimitiveKind.F32 => new Float32Value(Floats.Canonical(v.F32)),
                    PrimitiveKind.F64 => new Float64Value(Floats.Canonical(v.F64)),
                    PrimitiveKind.Char => new CharValue(new Rune(GuestContext.CheckChar(v.U32))),
                    PrimitiveKind.String => new StringValue(GuestStrings.Lift(cx, v.U32, flat[at++].U32)),
                    _ => throw Unsupported(type),
                };
            case ListType { Length: { } length } l:
                var fixedItems = new Value[length];
                for (int i = 0; i < fixedItems.Length; i++) fixedItems[i] = LiftFlat(cx, l.Element, flat, ref at);
                return new ListValue(fixedItems);
            case ListType l:
                at += 2;
                return new ListValue(LoadList(cx, l, flat[at - 2].U32, flat[at - 1].U32));
            case MapType m:
                at += 2;
                return ToMap(LoadList(cx, m.AsList, flat[at - 2].U32, flat[at - 1].U32));
            case RecordType r:
                var fields = new KeyValuePair<string, Value>[r.Fields.Count];
                for (int i = 0; i < fields.Length; i++) fields[i] = new(r.Fields[i].Name, LiftFlat(cx, r.Types[i], flat, ref at));
                return new RecordValue(fields);
            case TupleType t:
                var items = new Value[t.Types.Length];
                for (int i = 0; i < items.Length; i++) items[i] = LiftFlat(cx, t.Types[i], flat, ref at);
                return new TupleValue(items);
            case FlagsType f:
                return ToFlags(f, flat[at++].U32);
            case VariantLikeType variant:
                uint c = GuestContext.CheckDiscriminant(flat[at].U32, (uint)variant.Payloads.Length);
                // A payload's core values lie in the joined ones: a narrower one in the low bits, which is where reading
                // it finds it (ValRaw is little-endian).
                int inner = at + 1;
                Value? payload = variant.Payloads[c] is { } pt ? LiftFlat(cx, pt, flat, ref inner) : null;
                at += variant.FlatCount;
                return ToVariant(variant, c, payload);
            case HandleType h:
                return LiftHandle(cx, h, flat[at++].U32);
            case StreamOrFutureType s:
                return new CopyValue(CopyEnd.Lift(cx.Handles, s, flat[at++].U32));
            default:
                throw Unsupported(type);
        }
    }

    private static MapValue ToMap(Value[] pairs) =>
        new([.. pairs.Select(p => new KeyValuePair<Value, Value>(((TupleValue)p).Items[0], ((TupleValue)p).Items[1]))]);

    private static FlagsValue ToFlags(FlagsType type, uint bits) => new([.. type.Names.Where((_, i) => (bits >> i & 1) != 0)]);

    private static Value ToVariant(VariantLikeType type, uint c, Value? payload) => type switch
    {
        VariantType v => new VariantValue(v.Cases[(int)c].Name, payload),
        EnumType e => new EnumValue(e.Names[(int)c]),
        OptionType => new OptionValue(payload),
        _ => new ResultValue(c == 0, payload),
    };

    private static ResourceValue LiftHandle(scoped in GuestContext cx, HandleType type, uint index)
    {
        RuntimeResource resource = cx.Root.Resources[type.Resource.Id.Slot];
        if (type.IsOwn)
        {
            HandleTable.Entry taken = cx.Handles.RemoveOwn(index, resource);
            return new ResourceValue(new ResourceHandle(cx.Root, resource, taken.Rep, taken.Host, owned: true));
        }

        ref HandleTable.Entry entry = ref cx.Handles.GetHandle(index, resource);
        var handle = new ResourceHandle(cx.Root, resource, entry.Rep, entry.Host, owned: false);
        cx.Root.Lend(cx.Handles, index);
        return new ResourceValue(handle);
    }

    // ---- lowering ----

    /// <summary>Writes a value to memory. The offset is aligned and in bounds; the value fits the type (see <see cref="ValueCheck"/>).</summary>
    public static void Store(scoped ref GuestContext cx, ValType type, Value value, uint at)
    {
        switch (type)
        {
            case PrimitiveType { Kind: PrimitiveKind.String }:
                uint text = GuestStrings.Lower(ref cx, ((StringValue)value).Value, out uint units);
                cx.StoreU32(at, text);
                cx.StoreU32(at + 4, units);
                break;
            case PrimitiveType p:
                ulong bits = Bits(p, value);
                switch (p.Size)
                {
                    case 1:
                        cx.StoreU8(at, (byte)bits);
                        break;
                    case 2:
                        cx.StoreU16(at, (ushort)bits);
                        break;
                    case 4:
                        cx.StoreU32(at, (uint)bits);
                        break;
                    default:
                        cx.StoreU64(at, bits);
                        break;
                }

                break;
            case ListType { Length: not null } l:
                StoreItems(ref cx, l.Element, ((ListValue)value).Items, at);
                break;
            case ListType or MapType:
                uint list = StoreList(ref cx, type, value, out uint count);
                cx.StoreU32(at, list);
                cx.StoreU32(at + 4, count);
                break;
            case RecordType r:
                IReadOnlyList<KeyValuePair<string, Value>> fields = ((RecordValue)value).Fields;
                for (int i = 0; i < r.Types.Length; i++) Store(ref cx, r.Types[i], fields[i].Value, at + r.Offsets[i]);
                break;
            case TupleType t:
                IReadOnlyList<Value> items = ((TupleValue)value).Items;
                for (int i = 0; i < t.Types.Length; i++) Store(ref cx, t.Types[i], items[i], at + t.Offsets[i]);
                break;
            case FlagsType f:
                cx.StoreDiscriminant(at, f.Size, FlagBits(f, value));
                break;
            case VariantLikeType v:
                (uint c, Value? payload) = Match(v, value);
                cx.StoreDiscriminant(at, v.DiscriminantSize, c);
                if (v.Payloads[c] is { } pt) Store(ref cx, pt, payload!, at + v.PayloadOffset);
                break;
            case HandleType h:
                cx.StoreU32(at, LowerHandle(ref cx, h, value));
                break;
            case StreamOrFutureType:
                cx.StoreU32(at, cx.Handles.AddOther(new CopyEnd(((CopyValue)value).Shared, isWriter: false)));
                break;
            default:
                throw Unsupported(type);
        }
    }

    private static uint StoreList(scoped ref GuestContext cx, ValType type, Value value, out uint count)
    {
        ValType element;
        IReadOnlyList<Value> items;
        if (type is MapType m)
        {
            element = m.AsList.Element;
            items = [.. ((MapValue)value).Entries.Select(e => new TupleValue([e.Key, e.Value]))];
        }
        else
        {
            element = ((ListType)type).Element;
            items = ((ListValue)value).Items;
        }

        uint offset = cx.AllocateList(items.Count, element.Size, element.Alignment);
        StoreItems(ref cx, element, items, offset);
        count = (uint)items.Count;
        return offset;
    }

    private static void StoreItems(scoped ref GuestContext cx, ValType element, IReadOnlyList<Value> items, uint offset)
    {
        for (int i = 0; i < items.Count; i++) Store(ref cx, element, items[i], offset + ((uint)i * element.Size));
    }

    /// <summary>Writes a value as core values; the value fits the type.</summary>
    public static void LowerFlat(scoped ref GuestContext cx, ValType type, Value value, scoped Span<ValRaw> flat, ref int at)
    {
        switch (type)
        {
            case PrimitiveType { Kind: PrimitiveKind.String }:
                flat[at].U64 = GuestStrings.Lower(ref cx, ((StringValue)value).Value, out uint units);
                flat[at + 1].U64 = units;
                at += 2;
                break;
            case PrimitiveType p:
                // Signed values of 8 and 16 bits fill the 32 bits of their core value.
                flat[at++].U64 = p.Kind is PrimitiveKind.S8 or PrimitiveKind.S16 ? (uint)(int)((SignedValue)value).Value : Bits(p, value);
                break;
            case ListType { Length: not null } l:
                foreach (Value item in ((ListValue)value).Items) LowerFlat(ref cx, l.Element, item, flat, ref at);
                break;
            case ListType or MapType:
                flat[at].U64 = StoreList(ref cx, type, value, out uint count);
                flat[at + 1].U64 = count;
                at += 2;
                break;
            case RecordType r:
                IReadOnlyList<KeyValuePair<string, Value>> fields = ((RecordValue)value).Fields;
                for (int i = 0; i < r.Types.Length; i++) LowerFlat(ref cx, r.Types[i], fields[i].Value, flat, ref at);
                break;
            case TupleType t:
                IReadOnlyList<Value> items = ((TupleValue)value).Items;
                for (int i = 0; i < t.Types.Length; i++) LowerFlat(ref cx, t.Types[i], items[i], flat, ref at);
                break;
            case FlagsType f:
                flat[at++].U64 = FlagBits(f, value);
                break;
            case VariantLikeType v:
                (uint c, Value? payload) = Match(v, value);
                Span<ValRaw> own = flat.Slice(at, v.FlatCount);
                own.Clear(); // what the case does not use is zero
                own[0].U64 = c;
                int inner = at + 1;
                if (v.Payloads[c] is { } pt) LowerFlat(ref cx, pt, payload!, flat, ref inner);
                at += v.FlatCount;
                break;
            case HandleType h:
                flat[at++].U64 = LowerHandle(ref cx, h, value);
                break;
            case StreamOrFutureType:
                flat[at++].U64 = cx.Handles.AddOther(new CopyEnd(((CopyValue)value).Shared, isWriter: false));
                break;
            default:
                throw Unsupported(type);
        }
    }

    /// <summary>The bits of a number, bool or char, zero above its width.</summary>
    private static ulong Bits(PrimitiveType type, Value value) => type.Kind switch
    {
        PrimitiveKind.Bool => ((BoolValue)value).Value ? 1UL : 0,
        PrimitiveKind.S8 => (byte)((SignedValue)value).Value,
        PrimitiveKind.S16 => (ushort)((SignedValue)value).Value,
        PrimitiveKind.S32 => (uint)((SignedValue)value).Value,
        PrimitiveKind.S64 => (ulong)((SignedValue)value).Value,
        PrimitiveKind.F32 => BitConverter.SingleToUInt32Bits(Floats.Canonical(((Float32Value)value).Value)),
        PrimitiveKind.F64 => BitConverter.DoubleToUInt64Bits(Floats.Canonical(((Float64Value)value).Value)),
        PrimitiveKind.Char => (uint)((CharValue)value).Value.Value,
        _ => ((UnsignedValue)value).Value,
    };

    private static uint FlagBits(FlagsType type, Value value)
    {
        uint bits = 0;
        foreach (string name in ((FlagsValue)value).Names)
        {
            for (int i = 0; i < type.Names.Count; i++)
            {
                if (type.Names[i] == name) bits |= 1u << i;
            }
        }

        return bits;
    }

    private static (uint Case, Value? Payload) Match(VariantLikeType type, Value value)
    {
        switch (type, value)
        {
            case (VariantType v, VariantValue x):
                for (int i = 0; i < v.Cases.Count; i++)
                {
                    if (v.Cases[i].Name == x.Case) return ((uint)i, x.Payload);
                }

                break;
            case (EnumType e, EnumValue x):
                for (int i = 0; i < e.Names.Count; i++)
                {
                    if (e.Names[i] == x.Case) return ((uint)i, null);
                }

                break;
            case (OptionType, OptionValue x):
                return (x.Some is null ? 0u : 1u, x.Some);
            case (ResultType, ResultValue x):
                return (x.IsOk ? 0u : 1u, x.Payload);
        }

        throw new InvalidOperationException($"{value} is no {type}");
    }

    private static uint LowerHandle(scoped ref GuestContext cx, HandleType type, Value value)
    {
        ResourceHandle handle = ((ResourceValue)value).Handle;
        RuntimeResource resource = cx.Root.Resources[type.Resource.Id.Slot];
        if (!ReferenceEquals(handle.Type, resource)) throw new TrapException($"mismatched resource types: expected `{resource}`, found `{handle.Type}`");
        if (!handle.IsAlive) throw new TrapException("host resource already consumed: the handle was given up before");
        if (type.IsOwn)
        {
            if (!handle.IsOwned) throw new TrapException("cannot lift own resource from a borrow: the host passes a borrowed handle as own");
            handle.End();
            return cx.Handles.AddOwn(resource, handle.Rep, handle.Host);
        }

        if (resource is GuestResource guest && ReferenceEquals(guest.Definer, cx.Instance)) return handle.Rep;
        return cx.Handles.AddBorrow(resource, handle.Rep, handle.Host, cx.Task!);
    }

    private static NotSupportedException Unsupported(ValType type) => new($"not supported yet: {type}");
}

/// <summary>NaN rules: every NaN that crosses is the canonical one.</summary>
internal static class Floats
{
    public static float Canonical(float value) => float.IsNaN(value) ? BitConverter.UInt32BitsToSingle(0x7fc00000) : value;

    public static double Canonical(double value) => double.IsNaN(value) ? BitConverter.UInt64BitsToDouble(0x7ff8000000000000) : value;
}
