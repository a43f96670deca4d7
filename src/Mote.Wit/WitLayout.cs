// The canonical memory layout of WIT types (CanonicalABI.md, "Alignment", "Element Size", "Flattening"), for 32-bit
// memories.
using System;
using System.Collections.Generic;
using System.Linq;

namespace Mote.Wit;

/// <summary>Core value types.</summary>
public enum CoreType
{
    /// <summary>i32.</summary>
    I32,

    /// <summary>i64.</summary>
    I64,

    /// <summary>f32.</summary>
    F32,

    /// <summary>f64.</summary>
    F64,
}

/// <summary>Sizes, alignments, offsets and core values of WIT types. Both bindings generators use it.</summary>
public static class WitLayout
{
    /// <summary>Parameters with more core values than this go through memory.</summary>
    public const int MaxFlatParameters = 16;

    /// <summary>A type's alignment in bytes.</summary>
    public static uint Align(WitType type)
    {
        switch (type.Resolved)
        {
            case PrimitiveWitType { Name: "string" }:
                return 4;
            case PrimitiveWitType p:
                return PrimitiveSize(p.Name);
            case ListWitType { Length: not null } l:
                return Align(l.Element);
            case TupleWitType t:
                return t.Elements.Max(Align);
            case NamedType { Definition: { Kind: TypeDefKind.Record } d }:
                return d.Members.Max(m => Align(m.Type!));
            case NamedType { Definition: { Kind: TypeDefKind.Flags } d }:
                return FlagsSize(d.Members.Count);
            case var v when Payloads(v) is { } payloads:
                return Math.Max(DiscriminantSize(payloads.Count), PayloadAlign(payloads));
            default:
                return 4;
        }
    }

    /// <summary>A type's size in bytes, a multiple of its alignment.</summary>
    public static uint Size(WitType type)
    {
        switch (type.Resolved)
        {
            case PrimitiveWitType { Name: "string" }:
                return 8;
            case PrimitiveWitType p:
                return PrimitiveSize(p.Name);
            case ListWitType { Length: { } n } l:
                return Size(l.Element) * n;
            case ListWitType or MapWitType:
                return 8;
            case TupleWitType t:
                return Offsets(t.Elements, out uint tupleSize) is not null ? tupleSize : 0;
            case NamedType { Definition: { Kind: TypeDefKind.Record } d }:
                Offsets(d.Members.Select(m => m.Type!), out uint recordSize);
                return recordSize;
            case NamedType { Definition: { Kind: TypeDefKind.Flags } d }:
                return FlagsSize(d.Members.Count);
            case var v when Payloads(v) is { } payloads:
                uint end = PayloadOffset(payloads) + payloads.Where(p => p is not null).Select(p => Size(p!)).DefaultIfEmpty(0u).Max();
                return AlignTo(end, Align(v));
            default:
                return 4;
        }
    }

    /// <summary>Byte offset of each field, and the size of the whole.</summary>
    public static List<uint> Offsets(IEnumerable<WitType> fields, out uint size)
    {
        var offsets = new List<uint>();
        uint at = 0, align = 1;
        foreach (WitType f in fields)
        {
            at = AlignTo(at, Align(f));
            offsets.Add(at);
            at += Size(f);
            align = Math.Max(align, Align(f));
        }

        size = AlignTo(at, align);
        return offsets;
    }

    /// <summary>The payload of each case of anything that has cases; null for other types.</summary>
    public static List<WitType?>? Payloads(WitType type) => type.Resolved switch
    {
        NamedType { Definition: { Kind: TypeDefKind.Variant } d } => d.Members.Select(m => m.Type).ToList(),
        NamedType { Definition: { Kind: TypeDefKind.Enum } d } => d.Members.Select(_ => (WitType?)null).ToList(),
        OptionWitType o => new List<WitType?> { null, o.Element },
        ResultWitType r => new List<WitType?> { r.Ok, r.Error },
        _ => null,
    };

    /// <summary>Bytes of the number that says which of so many cases a value is.</summary>
    public static uint DiscriminantSize(int cases) => cases <= 256 ? 1u : cases <= 65536 ? 2u : 4u;

    /// <summary>Where the payload of any case begins.</summary>
    public static uint PayloadOffset(List<WitType?> payloads) => AlignTo(DiscriminantSize(payloads.Count), PayloadAlign(payloads));

    private static uint PayloadAlign(List<WitType?> payloads) => payloads.Where(p => p is not null).Select(p => Align(p!)).DefaultIfEmpty(1u).Max();

    /// <summary>Bytes of flags with so many names.</summary>
    public static uint FlagsSize(int count) => count <= 8 ? 1u : count <= 16 ? 2u : 4u;

    /// <summary>The next multiple of an alignment.</summary>
    public static uint AlignTo(uint at, uint align) => (at + align - 1) / align * align;

    private static uint PrimitiveSize(string name) => name switch
    {
        "bool" or "s8" or "u8" => 1,
        "s16" or "u16" => 2,
        "s64" or "u64" or "f64" => 8,
        _ => 4,
    };

    /// <summary>The core values of a type when it is passed flat.</summary>
    public static List<CoreType> Flat(WitType type)
    {
        switch (type.Resolved)
        {
            case PrimitiveWitType p:
                return p.Name switch
                {
                    "s64" or "u64" => new List<CoreType> { CoreType.I64 },
                    "f32" => new List<CoreType> { CoreType.F32 },
                    "f64" => new List<CoreType> { CoreType.F64 },
                    "string" => new List<CoreType> { CoreType.I32, CoreType.I32 },
                    _ => new List<CoreType> { CoreType.I32 },
                };
            case ListWitType { Length: { } n } l:
                List<CoreType> element = Flat(l.Element);
                // Longer ones are never flat; there is no need to write them all down.
                return Enumerable.Range(0, (int)Math.Min(n, MaxFlatParameters + 1)).SelectMany(_ => element).ToList();
            case ListWitType or MapWitType:
                return new List<CoreType> { CoreType.I32, CoreType.I32 };
            case TupleWitType t:
                return t.Elements.SelectMany(Flat).ToList();
            case NamedType { Definition: { Kind: TypeDefKind.Record } d }:
                return d.Members.SelectMany(m => Flat(m.Type!)).ToList();
            case var v when Payloads(v) is { } payloads:
                var flat = new List<CoreType> { CoreType.I32 };
                foreach (WitType? payload in payloads)
                {
                    if (payload is null) continue;
                    List<CoreType> inner = Flat(payload);
                    for (int i = 0; i < inner.Count; i++)
                    {
                        if (i + 1 < flat.Count) flat[i + 1] = Join(flat[i + 1], inner[i]);
                        else flat.Add(inner[i]);
                    }
                }

                return flat;
            default:
                return new List<CoreType> { CoreType.I32 };
        }
    }

    /// <summary>The core value that can hold either of two.</summary>
    public static CoreType Join(CoreType a, CoreType b) => a == b ? a : a is CoreType.I32 or CoreType.F32 && b is CoreType.I32 or CoreType.F32 ? CoreType.I32 : CoreType.I64;
}
