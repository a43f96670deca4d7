// C# types for WIT types. "Owned" types stand anywhere; parameters at the top of a function may be spans instead.
using System.Collections.Generic;
using System.Linq;
using Mote.Wit;

namespace Mote.Components.Generator;

/// <summary>A partial type of the project that the generator fills in.</summary>
internal sealed class Container
{
    public Container(string ns, string name, string witName, bool guest, string accessibility)
    {
        Namespace = ns;
        Name = name;
        WitName = witName;
        IsGuest = guest;
        Accessibility = accessibility;
    }

    public string Namespace { get; }

    public string Name { get; }

    public string WitName { get; }

    public bool IsGuest { get; }

    public string Accessibility { get; }

    public string FullName => Namespace.Length == 0 ? $"global::{Name}" : $"global::{Namespace}.{Name}";
}

internal sealed class TypeNames
{
    private readonly Dictionary<WitOwner, Container> _hosts;
    private readonly Dictionary<WitOwner, Container> _guests;
    private readonly WitOwner? _current;
    private readonly bool _guest;

    /// <param name="hosts">Containers of interfaces that the host implements.</param>
    /// <param name="guests">Containers of interfaces that guests export.</param>
    /// <param name="current">The interface or world that code is written for.</param>
    /// <param name="guest">True where that is one that guests export.</param>
    public TypeNames(Dictionary<WitOwner, Container> hosts, Dictionary<WitOwner, Container> guests, WitOwner current, bool guest)
    {
        _hosts = hosts;
        _guests = guests;
        _current = current;
        _guest = guest;
    }

    /// <summary>Types of the interface itself are where its code is; others are the host's, else a guest's.</summary>
    private Container ContainerOf(WitOwner owner)
    {
        if (ReferenceEquals(owner, _current)) return _guest ? _guests[owner] : _hosts[owner];
        return _hosts.TryGetValue(owner, out Container? host) ? host
            : _guests.TryGetValue(owner, out Container? guest) ? guest
            : throw new GeneratorException($"types of `{owner.QualifiedName}` are used here, but no type of this project has [WitHost(\"{owner.QualifiedName}\")]");
    }

    /// <summary>Does a guest define this resource (and the host only holds handles)?</summary>
    public bool IsGuestResource(WitTypeDef resource) => ContainerOf(resource.Origin.Owner).IsGuest;

    public string Resource(WitTypeDef resource)
    {
        WitTypeDef origin = resource.Origin;
        Container container = ContainerOf(origin.Owner);
        return container.IsGuest ? $"{container.FullName}.{CSharpNames.GuestResource(origin)}" : $"{container.FullName}.I{CSharpNames.Pascal(origin.Name)}";
    }

    /// <summary>The C# name of a record, variant, enum or flags.</summary>
    public string Named(WitTypeDef definition) => $"{ContainerOf(definition.Owner).FullName}.{CSharpNames.Pascal(definition.Name)}";

    public static string? Number(WitType type) => type.Resolved is PrimitiveWitType p
        ? p.Name switch
        {
            "s8" => "sbyte",
            "u8" => "byte",
            "s16" => "short",
            "u16" => "ushort",
            "s32" => "int",
            "u32" => "uint",
            "s64" => "long",
            "u64" => "ulong",
            "f32" => "float",
            "f64" => "double",
            _ => null,
        }
        : null;

    /// <summary>The type as it stands in fields, results and lists.</summary>
    public string Owned(WitType? type)
    {
        switch (type?.Resolved)
        {
            case null:
                return "global::Mote.Components.Unit";
            case PrimitiveWitType p:
                return p.Name switch
                {
                    "bool" => "bool",
                    "char" => "global::System.Text.Rune",
                    "string" => "string",
                    "error-context" => throw new GeneratorException("error-context is not supported yet"),
                    _ => Number(p)!,
                };
            case ListWitType { Length: null } l when Number(l.Element) is { } number:
                return $"global::System.ReadOnlyMemory<{number}>";
            case ListWitType l:
                return $"{Owned(l.Element)}[]";
            case MapWitType m:
                return $"global::System.Collections.Generic.KeyValuePair<{Owned(m.Key)}, {Owned(m.Value)}>[]";
            case TupleWitType { Elements: { Count: 1 } } t:
                return $"global::System.ValueTuple<{Owned(t.Elements[0])}>";
            case TupleWitType t:
                return $"({string.Join(", ", t.Elements.Select(Owned))})";
            case OptionWitType o:
                return o.Element.Resolved is OptionWitType ? $"global::Mote.Components.Option<{Owned(o.Element)}>" : $"{Owned(o.Element)}?";
            case ResultWitType r:
                return $"global::Mote.Components.Result<{Owned(r.Ok)}, {Owned(r.Error)}>";
            case HandleWitType h:
                return Resource(h.Resource);
            case NamedType n:
                return Named(n.Definition);
            default:
                throw new GeneratorException($"{type} is not supported yet");
        }
    }

    /// <summary>The type of a parameter at the top of a function.</summary>
    /// <param name="type">The WIT type.</param>
    /// <param name="outgoing">True where the host passes it to a guest.</param>
    public string Parameter(WitType type, bool outgoing)
    {
        if (type.Resolved is ListWitType { Length: null } l)
        {
            if (Number(l.Element) is { } number) return $"global::System.ReadOnlySpan<{number}>";
            if (outgoing) return $"global::System.ReadOnlySpan<{Owned(l.Element)}>";
        }

        return Owned(type);
    }

    /// <summary>Is the C# type a value type, so that its option is a Nullable?</summary>
    public static bool IsValueType(WitType type) => type.Resolved switch
    {
        PrimitiveWitType { Name: "string" } => false,
        PrimitiveWitType => true,
        ListWitType { Length: null } l => Number(l.Element) is not null,
        ListWitType or MapWitType => false,
        TupleWitType or ResultWitType => true,
        OptionWitType o => o.Element.Resolved is OptionWitType || IsValueType(o.Element),
        NamedType n => n.Definition.Kind is TypeDefKind.Record or TypeDefKind.Enum or TypeDefKind.Flags,
        _ => false,
    };
}

/// <summary>Something in the WIT that no code can be written for.</summary>
internal sealed class GeneratorException : System.Exception
{
    public GeneratorException(string message)
        : base(message)
    {
    }

    public static void ThrowIfAsync(IEnumerable<WitFunction> functions)
    {
        if (functions.FirstOrDefault(f => f.IsAsync) is { } f) throw new GeneratorException($"`{f.ExternName}` is async, which is not supported yet");
    }
}
