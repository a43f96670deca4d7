// Which resource types a type mentions that it does not bring with it.
using Mote.Components.Binary;

namespace Mote.Components.Types;

internal static class FreeResources
{
    /// <summary>Adds the free resource types of <paramref name="type"/> to <paramref name="into"/>.</summary>
    public static void Collect(ExternType type, HashSet<ResourceId> into)
    {
        Collect(type.Type, into, new HashSet<TypeDef>(ReferenceEqualityComparer.Instance));
        if (type.Created is { } created && !ReferenceEquals(created, type.Type)) Collect(created, into);
    }

    /// <summary>Adds the free resource types of <paramref name="type"/> to <paramref name="into"/>.</summary>
    public static void Collect(TypeDef type, HashSet<ResourceId> into) => Collect(type, into, new HashSet<TypeDef>(ReferenceEqualityComparer.Instance));

    private static void Collect(TypeDef? type, HashSet<ResourceId> into, HashSet<TypeDef> seen)
    {
        if (type is null or PrimitiveType or FlagsType or EnumType or CoreModuleType || !seen.Add(type)) return;
        switch (type)
        {
            case ResourceType r:
                into.Add(r.Id);
                break;
            case HandleType h:
                into.Add(h.Resource.Id);
                break;
            case ValType v when !v.ContainsHandle:
                break;
            case RecordType r:
                foreach (ValType t in r.Types) Collect(t, into, seen);
                break;
            case TupleType t:
                foreach (ValType e in t.Types) Collect(e, into, seen);
                break;
            case ListType l:
                Collect(l.Element, into, seen);
                break;
            case MapType m:
                Collect(m.Key, into, seen);
                Collect(m.Value, into, seen);
                break;
            case VariantLikeType v:
                foreach (ValType? p in v.Payloads) Collect(p, into, seen);
                break;
            case StreamOrFutureType s:
                Collect(s.Element, into, seen);
                break;
            case FunctionType f:
                foreach (ValType p in f.ParameterTypes) Collect(p, into, seen);
                Collect(f.Result, into, seen);
                break;
            case InstanceType i:
                // What is bound inside must not hide the same type met free elsewhere, so a set of its own is used.
                var inner = new HashSet<ResourceId>();
                Items(i.Exports, inner);
                inner.ExceptWith(i.Defined);
                into.UnionWith(inner);
                break;
            case ComponentType c:
                var all = new HashSet<ResourceId>();
                Items(c.Imports, all);
                Items(c.Exports, all);
                foreach (ResourcePath p in c.Imported) all.Remove(p.Resource);
                foreach (ResourcePath p in c.Defined) all.Remove(p.Resource);
                into.UnionWith(all);
                break;
        }
    }

    private static void Items(OrderedDictionary<string, ExternItem> items, HashSet<ResourceId> into)
    {
        foreach (ExternItem item in items.Values) Collect(item.Type, into);
    }
}
