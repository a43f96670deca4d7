// Substitution of resource types in types.
using Mote.Components.Binary;

namespace Mote.Components.Types;

/// <summary>
/// Replaces resource types, and types that were reached under one name by those reached under another. Applying
/// it to a type that contains nothing to replace gives the same object.
/// </summary>
internal sealed class Remapping
{
    private readonly Dictionary<TypeDef, TypeDef> _memo = new(ReferenceEqualityComparer.Instance);

    /// <summary>What each resource type becomes.</summary>
    public Dictionary<ResourceId, ResourceId> Resources { get; } = [];

    /// <summary>Takes <paramref name="to"/> wherever <paramref name="from"/> (the object) is referred to.</summary>
    public void Rename(TypeDef from, TypeDef to) => _memo[from] = to;

    /// <summary>Forgets everything but <see cref="Resources"/>.</summary>
    public void ForgetTypes() => _memo.Clear();

    public ExternType Apply(ExternType t) => t.Sort switch
    {
        Sort.CoreModule => t, // modules cannot mention resources
        Sort.Func => ExternType.Of((FunctionType)Apply(t.Func)),
        Sort.Instance => ExternType.Of((InstanceType)Apply(t.Instance)),
        Sort.Component => ExternType.Of((ComponentType)Apply(t.Component)),
        _ => ReferenceEquals(t.Type, t.Created) ? Same(Apply(t.Type)) : ExternType.OfType(Apply(t.Type), Apply(t.Created!)),
    };

    private static ExternType Same(TypeDef type) => ExternType.OfType(type, type);

    public TypeDef Apply(TypeDef type)
    {
        if (type is PrimitiveType or FlagsType or EnumType)
        {
            return _memo.TryGetValue(type, out TypeDef? renamed) ? renamed : type;
        }

        if (_memo.TryGetValue(type, out TypeDef? known)) return known;
        TypeDef result = Map(type);
        _memo[type] = result;
        return result;
    }

    private TypeDef Map(TypeDef type)
    {
        switch (type)
        {
            case ResourceType r:
                return Resources.TryGetValue(r.Id, out ResourceId? id) && !ReferenceEquals(id, r.Id) ? new ResourceType(id) : r;
            case HandleType h:
                var resource = (ResourceType)Apply(h.Resource);
                return ReferenceEquals(resource, h.Resource) ? h : new HandleType(resource, h.IsOwn);
            case RecordType r:
                return Each(r.Types) is { } fields ? new RecordType([.. r.Fields.Select((f, i) => f with { Type = fields[i]! })]) : r;
            case TupleType t:
                return Each(t.Types) is { } elements ? new TupleType(elements!) : t;
            case ListType l:
                return Each([l.Element]) is { } element ? new ListType(element[0]!, l.Length) : l;
            case MapType m:
                return Each([m.Key, m.Value]) is { } pair ? new MapType(pair[0]!, pair[1]!) : m;
            case VariantType v:
                return Each(v.Payloads) is { } cases ? new VariantType([.. v.Cases.Select((c, i) => c with { Type = cases[i] })]) : v;
            case OptionType o:
                return Each([o.Element]) is { } some ? new OptionType(some[0]!) : o;
            case ResultType r:
                return Each([r.Ok, r.Error]) is { } both ? new ResultType(both[0], both[1]) : r;
            case StreamOrFutureType s:
                return Each([s.Element]) is { } payload ? new StreamOrFutureType(payload[0], s.IsStream) : s;
            case FunctionType f:
                return Each([.. f.ParameterTypes, f.Result]) is { } types
                    ? new FunctionType([.. f.Parameters.Select((p, i) => p with { Type = types[i]! })], types[^1], f.IsAsync)
                    : f;
            case InstanceType i:
                return Map(i);
            case ComponentType c:
                return Map(c);
            default:
                return type;
        }
    }

    /// <summary>The types mapped; null where none of them changed.</summary>
    private ValType?[]? Each(ValType?[] types)
    {
        ValType?[]? mapped = null;
        for (int i = 0; i < types.Length; i++)
        {
            if (types[i] is not { } t) continue;
            var m = (ValType)Apply(t);
            if (ReferenceEquals(m, t)) continue;
            mapped ??= [.. types];
            mapped[i] = m;
        }

        return mapped;
    }

    private InstanceType Map(InstanceType i)
    {
        OrderedDictionary<string, ExternItem>? exports = Items(i.Exports);
        OrderedDictionary<ResourceId, string[]>? known = Paths(i.Explicit);
        return exports is null && known is null ? i
            : new InstanceType { Exports = exports ?? i.Exports, Defined = i.Defined, Explicit = known ?? i.Explicit }.Seal();
    }

    private ComponentType Map(ComponentType c)
    {
        OrderedDictionary<string, ExternItem>? imports = Items(c.Imports);
        OrderedDictionary<string, ExternItem>? exports = Items(c.Exports);
        OrderedDictionary<ResourceId, string[]>? known = Paths(c.Explicit);
        return imports is null && exports is null && known is null ? c
            : new ComponentType { Imports = imports ?? c.Imports, Exports = exports ?? c.Exports, Imported = c.Imported, Defined = c.Defined, Explicit = known ?? c.Explicit }.Seal();
    }

    private OrderedDictionary<string, ExternItem>? Items(OrderedDictionary<string, ExternItem> items)
    {
        OrderedDictionary<string, ExternItem>? mapped = null;
        foreach ((string name, ExternItem item) in items)
        {
            ExternType t = Apply(item.Type);
            if (ReferenceEquals(t.Type, item.Type.Type) && ReferenceEquals(t.Created, item.Type.Created)) continue;
            mapped ??= new OrderedDictionary<string, ExternItem>(items);
            mapped[name] = item with { Type = t };
        }

        return mapped;
    }

    private OrderedDictionary<ResourceId, string[]>? Paths(OrderedDictionary<ResourceId, string[]> paths)
    {
        if (!paths.Keys.Any(Resources.ContainsKey)) return null;
        var mapped = new OrderedDictionary<ResourceId, string[]>();
        foreach ((ResourceId id, string[] path) in paths) mapped[Resources.GetValueOrDefault(id, id)] = path;
        return mapped;
    }
}
