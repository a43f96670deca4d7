// Decodes the core wasm pieces that components contain: value types, rec groups, imports and exports.
using Mote.Components.Types;
using Mote.Wasmtime;

namespace Mote.Components.Binary;

internal static class CoreDecoder
{
    public static CoreValType ValType(ref WasmReader r)
    {
        long at = r.Offset;
        byte b = r.Byte("a core value type");
        return b switch
        {
            0x7f => CoreValType.I32,
            0x7e => CoreValType.I64,
            0x7d => CoreValType.F32,
            0x7c => CoreValType.F64,
            0x7b => new CoreValType(CoreValKind.V128),
            0x63 or 0x64 => new CoreValType(CoreValKind.Ref, b == 0x63, HeapType(ref r)),
            >= 0x69 and <= 0x74 => new CoreValType(CoreValKind.Ref, true, b - 0x80),
            _ => throw ComponentException.Malformed($"invalid leading byte (0x{b:x}) for core value type", at),
        };
    }

    private static int HeapType(ref WasmReader r)
    {
        long at = r.Offset;
        long heap = r.S33("a heap type");
        if (heap is >= 0 and <= int.MaxValue or >= -0x20 and < 0) return (int)heap;
        throw ComponentException.Malformed($"invalid heap type {heap}", at);
    }

    private static CoreValType[] ValTypes(ref WasmReader r, string what, int max)
    {
        var types = new CoreValType[r.Count(what, max)];
        for (int i = 0; i < types.Length; i++) types[i] = ValType(ref r);
        return types;
    }

    /// <summary>A rec group. The caller has read nothing of it.</summary>
    public static CoreSubTypeNode[] RecGroup(ref WasmReader r)
    {
        if (r.Peek("a core type") != 0x4e) return [SubType(ref r)];
        r.Byte("rec");
        var group = new CoreSubTypeNode[r.Count("rec group type", Limits.Types)];
        for (int i = 0; i < group.Length; i++) group[i] = SubType(ref r);
        return group;
    }

    public static CoreSubTypeNode SubType(ref WasmReader r)
    {
        byte lead = r.Peek("a core type");
        if (lead is not (0x50 or 0x4f)) return Composite(ref r, final: true, []);
        r.Byte("sub");
        long at = r.Offset;
        var supertypes = new uint[r.Count("supertype", Limits.Types)];
        if (supertypes.Length > 1) throw ComponentException.Malformed("a core type has at most one supertype", at);
        for (int i = 0; i < supertypes.Length; i++) supertypes[i] = r.U32("a supertype index");
        return Composite(ref r, final: lead == 0x4f, supertypes);
    }

    private static CoreSubTypeNode Composite(ref WasmReader r, bool final, uint[] supertypes)
    {
        long at = r.Offset;
        byte b = r.Byte("a core type");
        switch (b)
        {
            case 0x60:
                CoreValType[] parameters = ValTypes(ref r, "parameter", Limits.FunctionParameters);
                CoreValType[] results = ValTypes(ref r, "result", Limits.FunctionResults);
                return new CoreSubTypeNode(final, supertypes, CompositeKind.Func, parameters, results, []);
            case 0x5f:
                var fields = new CoreField[r.Count("struct field", Limits.RecordFields)];
                for (int i = 0; i < fields.Length; i++) fields[i] = Field(ref r);
                return new CoreSubTypeNode(final, supertypes, CompositeKind.Struct, [], [], fields);
            case 0x5e:
                return new CoreSubTypeNode(final, supertypes, CompositeKind.Array, [], [], [Field(ref r)]);
            default:
                throw ComponentException.Malformed($"invalid leading byte (0x{b:x}) for core type", at);
        }
    }

    private static CoreField Field(ref WasmReader r)
    {
        CoreValType type;
        switch (r.Peek("a storage type"))
        {
            case 0x78:
                r.Byte("i8");
                type = new CoreValType(CoreValKind.I8);
                break;
            case 0x77:
                r.Byte("i16");
                type = new CoreValType(CoreValKind.I16);
                break;
            default:
                type = ValType(ref r);
                break;
        }

        return new CoreField(type, Flag(ref r, "a mutability"));
    }

    private static bool Flag(ref WasmReader r, string what)
    {
        long at = r.Offset;
        byte b = r.Byte(what);
        return b <= 1 ? b == 1 : throw ComponentException.Malformed($"malformed mutability: expected {what} of 0 or 1, found 0x{b:x2}", at);
    }

    public static CoreExternNode Extern(ref WasmReader r)
    {
        long at = r.Offset;
        byte kind = r.Byte("an external kind");
        switch (kind)
        {
            case 0x00:
                return new CoreExternNode { Kind = ExternKind.Func, TypeIndex = r.U32("a type index") };
            case 0x01:
                return new CoreExternNode { Kind = ExternKind.Table, Table = Table(ref r) };
            case 0x02:
                return new CoreExternNode { Kind = ExternKind.Memory, Memory = Memory(ref r) };
            case 0x03:
                return new CoreExternNode { Kind = ExternKind.Global, Global = Global(ref r) };
            case 0x04:
                long attribute = r.Offset;
                if (r.Byte("a tag attribute") != 0) throw ComponentException.Malformed("invalid tag attribute", attribute);
                return new CoreExternNode { Kind = ExternKind.Tag, TypeIndex = r.U32("a type index") };
            default:
                throw ComponentException.Malformed($"invalid leading byte (0x{kind:x}) for external kind", at);
        }
    }

    public static CoreTableType Table(ref WasmReader r)
    {
        CoreValType element = ValType(ref r);
        byte flags = LimitFlags(ref r, 0x07);
        return new CoreTableType(element, LimitValues(ref r, flags), (flags & 4) != 0, (flags & 2) != 0);
    }

    public static CoreMemoryType Memory(ref WasmReader r)
    {
        byte flags = LimitFlags(ref r, 0x0f);
        CoreLimits limits = LimitValues(ref r, flags);
        uint? pageSize = (flags & 8) != 0 ? r.U32("a page size") : null;
        return new CoreMemoryType(limits, (flags & 4) != 0, (flags & 2) != 0, pageSize);
    }

    public static CoreGlobalType Global(ref WasmReader r)
    {
        CoreValType type = ValType(ref r);
        long at = r.Offset;
        byte flags = r.Byte("a mutability");
        if (flags > 3) throw ComponentException.Malformed("malformed mutability", at);
        return new CoreGlobalType(type, (flags & 1) != 0, (flags & 2) != 0);
    }

    private static byte LimitFlags(ref WasmReader r, byte allowed)
    {
        long at = r.Offset;
        byte flags = r.Byte("limits flags");
        return (flags & ~allowed) == 0 ? flags : throw ComponentException.Malformed($"malformed limits flags 0x{flags:x2}", at);
    }

    private static CoreLimits LimitValues(ref WasmReader r, byte flags)
    {
        bool wide = (flags & 4) != 0;
        ulong min = wide ? r.U64("a minimum") : r.U32("a minimum");
        ulong? max = (flags & 1) == 0 ? null : wide ? r.U64("a maximum") : r.U32("a maximum");
        return new CoreLimits(min, max);
    }
}
