// The canonical memory layout of WIT types (CanonicalABI.md, "Alignment", "Element Size", "Flattening"), for 32-bit
// memories.
using System;
using System.Collections.Generic;
using System.Linq;
using Mote.Wit;

namespace Mote.Components.Generator;

/// <summary>Core value types.</summary>
internal enum Core
{
    I32,
    I64,
    F32,
    F64,
}

internal static class WitLayout
{
    public const int MaxFlatParameters = 16;

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

    public static uint DiscriminantSize(int cases) => cases <= 256 ? 1u : cases <= 65536 ? 2u : 4u;

    public static uint PayloadOffset(List<WitType?> payloads) => AlignTo(DiscriminantSize(payloads.Count), PayloadAlign(payloads));

    private static uint PayloadAlign(List<WitType?> payloads) => payloads.Where(p => p is not null).Select(p => Align(p!)).DefaultIfEmpty(1u).Max();

    public static uint FlagsSize(int count) => count <= 8 ? 1u : count <= 16 ? 2u : 4u;

    public static uint AlignTo(uint at, uint align) => (at + align - 1) / align * align;

    private static uint PrimitiveSize(string name) => name switch
    {
        "bool" or "s8" or "u8" => 1,
        "s16" or "u16" => 2,
        "s64" or "u64" or "f64" => 8,
        _ => 4,
    };

    /// <summary>The core values of a type when it is passed flat.</summary>
    public static List<Core> Flat(WitType type)
    {
        switch (type.Resolved)
        {
            case PrimitiveWitType p:
                return p.Name switch
                {
                    "s64" or "u64" => new List<Core> { Core.I64 },
                    "f32" => new List<Core> { Core.F32 },
                    "f64" => new List<Core> { Core.F64 },
                    "string" => new List<Core> { Core.I32, Core.I32 },
                    _ => new List<Core> { Core.I32 },
                };
            case ListWitType { Length: { } n } l:
                List<Core> element = Flat(l.Element);
                // Longer ones are never flat; there is no need to write them all down.
                return Enumerable.Range(0, (int)Math.Min(n, MaxFlatParameters + 1)).SelectMany(_ => element).ToList();
            case ListWitType or MapWitType:
                return new List<Core> { Core.I32, Core.I32 };
            case TupleWitType t:
                return t.Elements.SelectMany(Flat).ToList();
            case NamedType { Definition: { Kind: TypeDefKind.Record } d }:
                return d.Members.SelectMany(m => Flat(m.Type!)).ToList();
            case var v when Payloads(v) is { } payloads:
                var flat = new List<Core> { Core.I32 };
                foreach (WitType? payload in payloads)
                {
                    if (payload is null) continue;
                    List<Core> inner = Flat(payload);
                    for (int i = 0; i < inner.Count; i++)
                    {
                        if (i + 1 < flat.Count) flat[i + 1] = Join(flat[i + 1], inner[i]);
                        else flat.Add(inner[i]);
                    }
                }

                return flat;
            default:
                return new List<Core> { Core.I32 };
        }
    }

    private static Core Join(Core a, Core b) => a == b ? a : a is Core.I32 or Core.F32 && b is Core.I32 or Core.F32 ? Core.I32 : Core.I64;
}
