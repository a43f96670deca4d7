// A function's type in the notation that the runtime compares (Mote.Components.Signature).
using System.Linq;
using Mote.Wit;

namespace Mote.Components.Generator;

internal static class SignatureText
{
    /// <param name="f">The function.</param>
    /// <param name="guest">The interface whose own resources the guest defines; null when the host defines them.</param>
    public static string Of(WitFunction f, WitOwner? guest = null)
    {
        string parameters = string.Join(", ", f.Parameters.Select(p => $"{p.Name}: {Type(p.Type!, guest)}"));
        return $"{(f.IsAsync ? "async " : "")}func({parameters}){(f.Result is null ? "" : $" -> {Type(f.Result, guest)}")}";
    }

    private static string Type(WitType type, WitOwner? guest) => type.Resolved switch
    {
        PrimitiveWitType p => p.Name,
        HandleWitType h => $"{(h.IsOwn ? "own" : "borrow")}<{Resource(h.Resource.Origin, guest)}>",
        ListWitType { Length: { } n } l => $"list<{Type(l.Element, guest)}, {n}>",
        ListWitType l => $"list<{Type(l.Element, guest)}>",
        MapWitType m => $"map<{Type(m.Key, guest)}, {Type(m.Value, guest)}>",
        TupleWitType t => $"tuple<{string.Join(", ", t.Elements.Select(e => Type(e, guest)))}>",
        OptionWitType o => $"option<{Type(o.Element, guest)}>",
        ResultWitType { Ok: null, Error: null } => "result",
        ResultWitType { Error: null } r => $"result<{Type(r.Ok!, guest)}>",
        ResultWitType { Ok: null } r => $"result<_, {Type(r.Error!, guest)}>",
        ResultWitType r => $"result<{Type(r.Ok!, guest)}, {Type(r.Error!, guest)}>",
        NamedType { Definition: { Kind: TypeDefKind.Record } d } => $"record {{{string.Join(", ", d.Members.Select(m => $"{m.Name}: {Type(m.Type!, guest)}"))}}}",
        NamedType { Definition: { Kind: TypeDefKind.Variant } d } => $"variant {{{string.Join(", ", d.Members.Select(m => m.Type is null ? m.Name : $"{m.Name}({Type(m.Type, guest)})"))}}}",
        NamedType { Definition: { Kind: TypeDefKind.Enum } d } => $"enum {{{string.Join(", ", d.Members.Select(m => m.Name))}}}",
        NamedType { Definition: { Kind: TypeDefKind.Flags } d } => $"flags {{{string.Join(", ", d.Members.Select(m => m.Name))}}}",
        AsyncWitType a => a.Element is null ? (a.IsStream ? "stream" : "future") : $"{(a.IsStream ? "stream" : "future")}<{Type(a.Element, guest)}>",
        _ => type.ToString()!,
    };

    private static string Resource(WitTypeDef resource, WitOwner? guest)
    {
        // A resource that the component defines has no import name; the runtime calls it by its own.
        if (ReferenceEquals(resource.Owner, guest)) return resource.Name;
        WitOwner owner = resource.Owner;
        return owner.Package is not { } package ? $"{owner.Name}#{resource.Name}"
            : package.Name.Version is { } version ? $"{package.Name.Namespace}:{package.Name.Name}/{owner.Name}@{Track(version)}#{resource.Name}"
            : $"{owner.QualifiedName}#{resource.Name}";
    }

    /// <summary>Versions with the same track stand for one another.</summary>
    private static string Track(string version)
    {
        int build = version.IndexOf('+');
        if (build >= 0) version = version.Substring(0, build);
        if (version.IndexOf('-') >= 0) return version;
        string[] parts = version.Split('.');
        return parts[0] != "0" ? parts[0] : parts[1] != "0" ? $"0.{parts[1]}" : version;
    }
}
