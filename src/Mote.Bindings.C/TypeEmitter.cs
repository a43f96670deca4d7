// Writes type definitions, each once and after those it needs.
using Mote.Wit;

namespace Mote.Bindings.C;

internal sealed class TypeEmitter(WorldModel model)
{
    private readonly HashSet<CType> _written = [];
    private readonly HashSet<CResource> _resources = [];

    /// <summary>In the header, the functions that free values are shown; the source has those it needs for itself.</summary>
    public bool InHeader { get; set; } = true;

    /// <summary>Structs that were written, in order.</summary>
    public List<CType> Written { get; } = [];

    /// <summary>Writes a type, unless it is there already.</summary>
    public void Need(CText w, CType? type, string docs = "")
    {
        if (type is CHandle h) Need(w, h.Resource);
        if (type is null or CPrimitive or CString or CHandle || !_written.Add(type)) return;
        foreach (CType part in type.Parts) Need(w, part);
        Written.Add(type);
        w.Doc(docs);
        switch (type)
        {
            case CList l:
                w.Line($"typedef struct {{ {l.Element.Name} *ptr; size_t len; }} {l.Name};");
                break;
            case CArray a:
                w.Line($"typedef struct {{ {a.Element.Name} items[{a.Length}]; }} {a.Name};");
                break;
            case CRecord { Wit: NamedType } r:
                w.Block($"typedef struct {r.Name}", () => Members(w, r.Fields), $"}} {r.Name};");
                break;
            case CRecord r:
                w.Line($"typedef struct {{ {OnOneLine(r.Fields)}}} {r.Name};");
                break;
            case CVariant { Style: VariantStyle.Variant } v:
                Variant(w, v);
                break;
            case CVariant { Style: VariantStyle.Option } v:
                w.Line($"typedef struct {{ bool is_some; {OnOneLine(v.Cases)}}} {v.Name};");
                break;
            case CVariant v:
                string union = OnOneLine(v.Cases);
                w.Line($"typedef struct {{ bool is_err; {(union.Length > 0 ? $"union {{ {union}}} val; " : "")}}} {v.Name};");
                break;
            case CEnum e:
                w.Line($"typedef {e.Number} {e.Name};");
                Constants(w, e.Cases, i => $"(({e.Name}){i})");
                break;
            case CFlags f:
                w.Line($"typedef {f.Number} {f.Name};");
                Constants(w, f.Names, i => $"(({f.Name})1 << {i})");
                break;
        }

        if (InHeader && type.FreeName is { } free) w.Line($"void {free}({type.Name} *value);");
        if (type.Wit is NamedType) w.Line();
    }

    private static string OnOneLine(IEnumerable<CMember> members) => string.Concat(members.Where(m => m.Type is not null).Select(m => $"{m.Spelling} {m.Name}; "));

    private static void Members(CText w, IEnumerable<CMember> members)
    {
        foreach (CMember m in members)
        {
            w.Doc(m.Docs);
            w.Line($"{m.Spelling} {m.Name};");
        }
    }

    private static void Variant(CText w, CVariant v)
    {
        List<CMember> payloads = [.. v.Cases.Where(c => c.Type is not null)];
        w.Block($"typedef struct {v.Name}", () =>
        {
            w.Line($"{v.TagType} tag;");
            if (payloads.Count > 0) w.Block("union", () => Members(w, payloads), "} val;");
        }, $"}} {v.Name};");
        Constants(w, v.Cases, i => i.ToString());
    }

    private static void Constants(CText w, List<CMember> cases, Func<int, string> value)
    {
        for (int i = 0; i < cases.Count; i++)
        {
            // The documentation of a case with a payload stands at its member.
            if (cases[i].Type is null) w.Doc(cases[i].Docs);
            w.Line($"#define {cases[i].Constant} {value(i)}");
        }
    }

    /// <summary>Types of an interface, in the order of the WIT file.</summary>
    public void Interface(CText w, CInterface owner)
    {
        foreach (CResource r in owner.Resources) Need(w, r);
        foreach (WitTypeDef d in owner.Types.Where(d => d.Origin.Kind != TypeDefKind.Resource))
        {
            CType type = model.Types.Of(new NamedType(d), owner.Exported, $"type `{d.Name}` of `{owner.Module}`");
            bool alias = d.Kind == TypeDefKind.Alias;
            Need(w, type, alias ? "" : d.Docs);
            string name = model.Types.Typedef(d, owner.Exported);
            // What comes by `use` is documented where it is defined.
            if (name != type.Name) Typedef(w, type, name, alias && !d.IsUse ? d.Docs : "");
        }
    }

    /// <summary>Another name for a type.</summary>
    private void Typedef(CText w, CType type, string name, string docs)
    {
        w.Doc(docs);
        w.Line($"typedef {type.Name} {name};");
        if (type.FreeName is { } free) w.Line($"static inline void {model.Names.Unique(name[..^2] + "_free")}({name} *value) {{ {free}(value); }}");
        w.Line();
    }

    private void Need(CText w, CResource r)
    {
        if (!_resources.Add(r)) return;
        w.Doc(r.Definition.Docs);
        if (r.Exported) w.Line($"typedef struct {r.RepType} {r.RepType}; // yours: define the struct");
        w.Line($"typedef struct {r.OwnType} {{ int32_t __handle; }} {r.OwnType};");
        w.Line(r.Exported ? $"typedef {r.RepType} *{r.BorrowType};" : $"typedef struct {r.BorrowType} {{ int32_t __handle; }} {r.BorrowType};");
        w.Line();
    }
}
