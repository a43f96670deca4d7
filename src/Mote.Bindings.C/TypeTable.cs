// Finds or makes the C type of a WIT type.
using Mote.Wit;

namespace Mote.Bindings.C;

/// <remarks>
/// A type of an interface that the world both imports and exports is one C type, unless it holds a handle to a resource
/// that the component defines: that one is another resource than the imported one.
/// </remarks>
internal sealed class TypeTable
{
    private readonly WorldModel _model;
    private readonly Dictionary<(WitTypeDef, bool Export), CType> _named = [];
    private readonly Dictionary<(WitTypeDef, bool Export), string> _typedefs = [];
    private readonly Dictionary<(WitTypeDef, bool Export), CResource> _resources = [];
    private readonly Dictionary<(WitOwner, bool Export), CInterface> _owners = [];
    private readonly Dictionary<string, CType> _composed = [];

    public TypeTable(WorldModel model)
    {
        _model = model;
        String = new CString(model.Names.Unique($"{model.Name}_string_t"), PrimitiveWitType.String) { FreeName = model.Names.Unique($"{model.Name}_string_free") };
        foreach (string helper in (string[])["string", "string_set", "string_dup", "string_dup_n"]) model.Names.Unique($"{model.Name}_{helper}");
    }

    public CString String { get; }

    /// <summary>Gives names to an interface's types and resources.</summary>
    public void Declare(CInterface owner)
    {
        _owners[(owner.Owner, owner.Exported)] = owner;
        foreach (WitTypeDef d in owner.Types.Where(d => d.Kind == TypeDefKind.Resource))
        {
            var resource = new CResource(d, owner, _model.Names);
            owner.Resources.Add(resource);
            _resources[(d, owner.Exported)] = resource;
        }

        foreach (WitTypeDef d in owner.Types.Where(d => d.Origin.Kind != TypeDefKind.Resource))
        {
            _typedefs[(d, owner.Exported)] = _model.Names.Unique($"{owner.Prefix}_{CNames.Snake(d.Name)}_t");
        }
    }

    /// <summary>The name that a definition of an interface goes by, whether it is its own type or another name for one.</summary>
    public string Typedef(WitTypeDef definition, bool export) => _typedefs[(definition, export)];

    public CResource Resource(WitTypeDef origin, bool export) => _resources[(origin, IsExport(origin, export))];

    /// <summary>A member of this name and type.</summary>
    public CMember Member(string name, WitType type, bool export, string docs, string where) => new(name, Of(type, export, where), Spell(type, export, where), docs);

    /// <summary>How a type is written: by its alias where it has one, which says more.</summary>
    private string Spell(WitType type, bool export, string where) =>
        type is NamedType { Definition: { Kind: TypeDefKind.Alias } d } && _typedefs.TryGetValue((d, IsExport(d, export)), out string? alias) ? alias : Of(type, export, where).Name;

    /// <summary>Of what is seen from an export: is it defined there, or taken from an import?</summary>
    private bool IsExport(WitTypeDef d, bool export) => export && _owners.ContainsKey((d.Owner, true));

    /// <summary>Types of a world that is included belong to the one that includes it.</summary>
    private CInterface Owner(WitTypeDef d, bool export) => _owners[(d.Owner is WitWorld ? _model.World : d.Owner, export)];

    /// <summary>The C type.</summary>
    /// <param name="type">The WIT type.</param>
    /// <param name="export">Is it seen from an exported interface?</param>
    /// <param name="where">What it belongs to, for messages.</param>
    public CType Of(WitType type, bool export, string where)
    {
        switch (type)
        {
            case NamedType { Definition: { Kind: TypeDefKind.Alias } d }:
                return Of(d.Alias!, IsExport(d, export), where);
            case NamedType n:
                return Named(n, export);
            case PrimitiveWitType { Name: "string" }:
                return String;
            case PrimitiveWitType { Name: not "error-context" } p:
                return Composed(p.Name, () => new CPrimitive(PrimitiveName(p.Name), p));
            case HandleWitType h:
                CResource resource = Resource(h.Resource.Origin, export);
                return Composed($"{(h.IsOwn ? "own" : "borrow")} {resource.OwnType}", () => new CHandle(resource, h));
            case ListWitType { Length: { } length } l:
                CType item = Of(l.Element, export, where);
                return Struct($"list{length}", [item], (name, stem) => new CArray(name, stem, l, item, length));
            case ListWitType l:
                CType element = Of(l.Element, export, where);
                return Struct("list", [element], (name, stem) => new CList(name, stem, l, element));
            case MapWitType m:
                CType entry = Entry(m, export, where);
                return Struct("map", [.. entry.Parts], (name, stem) => new CList(name, stem, m, entry));
            case TupleWitType t:
                List<CMember> fields = [.. t.Elements.Select((e, i) => Member($"f{i}", e, export, "", where))];
                return Struct($"tuple{fields.Count}", fields.Select(f => f.Type), (name, stem) => new CRecord(name, stem, t, fields));
            case OptionWitType o:
                CMember some = Member("val", o.Element, export, "", where);
                return Struct("option", [some.Type], (name, stem) => new CVariant(name, stem, o, VariantStyle.Option, [None("none"), some]));
            case ResultWitType r:
                CMember ok = r.Ok is null ? None("ok") : Member("ok", r.Ok, export, "", where);
                CMember error = r.Error is null ? None("err") : Member("err", r.Error, export, "", where);
                return Struct("result", [ok.Type, error.Type], (name, stem) => new CVariant(name, stem, r, VariantStyle.Result, [ok, error]));
            default:
                throw new CBindingsException($"{where} has the type `{type}`: C bindings have no streams, futures and error contexts");
        }
    }

    private static CMember None(string name) => new(name, null, "", "");

    private static string PrimitiveName(string name) => name switch
    {
        "bool" => "bool",
        "f32" => "float",
        "f64" => "double",
        "char" => "uint32_t",
        _ => (name[0] == 's' ? "int" : "uint") + name[1..] + "_t",
    };

    private CType Composed(string key, Func<CType> make)
    {
        if (!_composed.TryGetValue(key, out CType? type)) _composed.Add(key, type = make());
        return type;
    }

    /// <summary>A type without a name of its own, known by what it is composed of.</summary>
    private CType Struct(string word, IEnumerable<CType?> parts, Func<string, string, CType> make)
    {
        List<CType?> all = [.. parts];
        // C names are unique, but a char and a u32 have the same.
        return Composed($"{word}<{string.Join(",", all.Select(p => p is CPrimitive c ? c.Kind : p?.Name ?? "_"))}>", () =>
        {
            string stem = $"{word}_{string.Join("_", all.Select(p => p?.Stem ?? "void"))}";
            CType type = make(_model.Names.Unique($"{_model.Name}_{stem}_t"), stem);
            return WithFree(type, $"{_model.Name}_{stem}_free");
        });
    }

    private CType WithFree(CType type, string wanted)
    {
        if (type.OwnsMemory || type.OwnsHandles) type.FreeName = _model.Names.Unique(wanted);
        return type;
    }

    private CType Entry(MapWitType map, bool export, string where)
    {
        CMember key = Member("key", map.Key, export, "", where), value = Member("value", map.Value, export, "", where);
        return Struct("entry", [key.Type, value.Type], (name, stem) => new CRecord(name, stem, map.Entry, [key, value]));
    }

    // ---- named types ----

    private CType Named(NamedType type, bool export)
    {
        WitTypeDef d = type.Definition;
        export = IsExport(d, export);
        // Imported as well, and the same there: one C type serves both.
        if (export && _owners.ContainsKey((d.Owner, false)) && !MentionsExport(type)) export = false;
        if (_named.TryGetValue((d, export), out CType? known)) return known;
        CType made = Define(type, export);
        _named.Add((d, export), made);
        return made;
    }

    private bool MentionsExport(WitType? type) =>
        Mentions.In(type).Any(d => d.Kind == TypeDefKind.Resource ? IsExport(d, export: true) : MentionsExport(d.Alias) || d.Members.Any(m => MentionsExport(m.Type)));

    private CType Define(NamedType type, bool export)
    {
        WitTypeDef d = type.Definition;
        string where = $"type `{d.Name}` of `{d.Owner.QualifiedName}`";
        string prefix = Owner(d, export).Prefix;
        string stem = $"{prefix}_{CNames.Snake(d.Name)}";
        string name = _typedefs[(d, export)];
        List<CMember> members = [.. d.Members.Select(m => Case(m))];
        CType made = d.Kind switch
        {
            TypeDefKind.Record => new CRecord(name, stem, type, members),
            TypeDefKind.Variant => new CVariant(name, stem, type, VariantStyle.Variant, members),
            TypeDefKind.Enum => new CEnum(name, type, members),
            TypeDefKind.Flags => new CFlags(name, type, members),
            _ => throw new InvalidOperationException($"{where} is a {d.Kind}"),
        };
        return WithFree(made, stem + "_free");

        CMember Case(WitMember m)
        {
            string member = CNames.Member(m.Name);
            string constant = d.Kind == TypeDefKind.Record ? "" : _model.Names.Unique($"{stem}_{CNames.Snake(m.Name)}".ToUpperInvariant());
            return m.Type is null
                ? new CMember(member, null, "", m.Docs, constant)
                : Member(member, m.Type, export, m.Docs, where) with { Constant = constant };
        }
    }
}
