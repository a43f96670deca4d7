// Writes the header: what the author of a guest reads.
using Mote.Wit;

namespace Mote.Bindings.C;

internal sealed class HeaderEmitter(WorldModel model)
{
    public TypeEmitter Types { get; } = new(model);

    public string Write()
    {
        var w = new CText();
        string guard = CNames.Upper(model.Name) + "_H";
        w.Line($"// C bindings of the world {model.World.QualifiedName}. Written by `mote bindings c`; do not edit.");
        Comment(w, model.World.Docs);
        w.Raw(HeaderTexts.Conventions.Replace("NAME", model.Name));
        w.Line($"#ifndef {guard}");
        w.Line($"#define {guard}");
        w.Line();
        w.Raw(HeaderTexts.Prelude.Replace("NAME", model.Name));
        foreach (CInterface i in model.Interfaces) Interface(w, i);
        w.Line();
        w.Line("#ifdef __cplusplus");
        w.Line("}");
        w.Line("#endif");
        w.Line();
        w.Line($"#endif // {guard}");
        return w.ToString();
    }

    private void Interface(CText w, CInterface i)
    {
        bool types = i.Types.Count > 0 && i is not { IsWorld: true, Exported: true };
        if (i.Functions.Count == 0 && !types) return;
        w.Section($"{(i.Exported ? "export" : "import")} {(i.IsWorld ? $"of the world {i.Owner.Name} itself" : i.Module)}{(i.Exported ? ": you write these" : "")}");
        if (!i.IsWorld) Comment(w, i.Owner.Docs);
        w.Line();

        if (types) Types.Interface(w, i);
        foreach (CResource r in i.Resources) Resource(w, r);
        foreach (CFunction f in i.Functions)
        {
            foreach (CMember p in f.Parameters) Types.Need(w, p.Type);
            // The option or result around a return value is not seen.
            if (f.Shape == ReturnShape.Value) Types.Need(w, f.Result!.Type);
            else foreach (CMember? m in (CMember?[])[f.Ok, f.Error]) Types.Need(w, m?.Type);
            w.Doc(f.Docs);
            w.Line(f.Prototype + ";");
            w.Line();
        }
    }

    private static void Comment(CText w, string docs)
    {
        if (docs.Length == 0) return;
        // A backslash at the end of a line would take the next one into the comment.
        foreach (string line in docs.Split('\n')) w.Line($"// {line}".TrimEnd().TrimEnd('\\'));
    }

    private static void Resource(CText w, CResource r)
    {
        string name = r.Definition.Name;
        if (r.Exported)
        {
            w.Doc($"A new handle for an object of yours: what the caller of a function that returns `{name}` is given.");
            w.Line($"{r.OwnType} {r.Own}({r.RepType} *object);");
            w.Doc("The object behind a handle.");
            w.Line($"{r.RepType} *{r.Rep}({r.OwnType} handle);");
            w.Doc("Gives a handle back: your destructor runs. 0 is ignored.");
            w.Line($"void {r.Drop}({r.OwnType} handle);");
            w.Doc("You write this: the last handle is gone, free the object.");
            w.Line($"void {r.Destructor}({r.RepType} *object);");
        }
        else
        {
            w.Doc("Gives a handle back. 0 is ignored.");
            w.Line($"void {r.Drop}({r.OwnType} handle);");
            w.Doc("Lends a handle for one call; there is nothing to give back.");
            w.Line($"static inline {r.BorrowType} {r.Borrow}({r.OwnType} handle) {{ {r.BorrowType} lent = {{ handle.__handle }}; return lent; }}");
        }

        w.Line();
    }
}
