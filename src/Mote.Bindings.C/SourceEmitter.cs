// Writes the source: the canonical ABI behind the header.
using Mote.Wit;

namespace Mote.Bindings.C;

/// <param name="model">The world.</param>
/// <param name="types">What wrote the header's types; it goes on with those that only the source sees.</param>
internal sealed class SourceEmitter(WorldModel model, TypeEmitter types)
{
    private readonly CText _private = new();
    private readonly WalkEmitter _walks = new(model);
    private readonly HashSet<CType> _inHeader = [.. types.Written];

    public string Write()
    {
        types.InHeader = false;
        foreach (CType t in types.Written.Where(t => t.FreeName is not null)) _walks.Function(Walk.Free, t);
        var functions = new CText();
        foreach (CInterface i in model.Interfaces) Interface(functions, i);
        string walks = _walks.Write(_inHeader.Contains);

        var w = new CText();
        w.Line($"// Glue of the world {model.World.QualifiedName}. Written by `mote bindings c`; do not edit.");
        w.Line($"#include \"{model.Name}.h\"");
        w.Line();
        w.Raw(AllocatorText.Text);
        w.Raw(SourceTexts.Strings.Replace("NAME", model.Name));
        // Each helper only where it is used: an unused static function is a warning.
        string body = functions.ToString();
        foreach ((string name, string text) in SourceTexts.Helpers)
        {
            if (body.Contains(name) || walks.Contains(name)) w.Raw(text);
        }

        if (_private.ToString() is { Length: > 0 } hidden)
        {
            w.Section("types that only the glue sees");
            w.Raw(hidden);
        }

        w.Section("layouts that the canonical ABI asks for");
        w.Line("_Static_assert(sizeof(void *) == 4, \"compile for wasm32\");");
        w.Line("#define MOTE_LAYOUT(type, size, align) _Static_assert(sizeof(type) == size && _Alignof(type) == align, #type)");
        w.Line("#define MOTE_PAYLOAD(type, offset) _Static_assert(offsetof(type, val) == offset, #type)");
        foreach (CType t in types.Written.Where(t => !t.IsScalar)) Layout(w, t);
        if (model.Resources.Any()) w.Section("core functions of resources");
        foreach (CResource r in model.Resources) DeclareResource(w, r);
        if (walks.Length > 0) w.Section("going through values");
        w.Raw(walks);
        w.Raw(body);
        return w.ToString();
    }

    private static void Layout(CText w, CType t)
    {
        w.Line($"MOTE_LAYOUT({t.Name}, {WitLayout.Size(t.Wit)}, {WitLayout.Align(t.Wit)});");
        if (t is CVariant v && v.Parts.Any()) w.Line($"MOTE_PAYLOAD({t.Name}, {WitLayout.PayloadOffset(WitLayout.Payloads(t.Wit)!)});");
    }

    private void Interface(CText w, CInterface i)
    {
        if (i.Functions.Count == 0 && i.Resources.Count == 0) return;
        w.Section($"{(i.Exported ? "export" : "import")} {(i.IsWorld ? $"of the world {i.Owner.Name} itself" : i.Module)}");
        foreach (CResource r in i.Resources) DefineResource(w, r);
        foreach (CFunction f in i.Functions)
        {
            if (f.ResultSpills) types.Need(_private, f.Result!.Type);
            if (i.Exported) new ExportEmitter(w, _walks).Write(f);
            else new ImportEmitter(w, _walks).Write(f);
        }
    }

    // ---- resources ----

    private static void Import(CText w, string module, string name, string prototype) =>
        w.Line($"__attribute__((import_module(\"{module}\"), import_name(\"{name}\"))) extern {prototype};");

    private static void DeclareResource(CText w, CResource r)
    {
        string name = r.Definition.Name;
        Import(w, r.Module, $"[resource-drop]{name}", $"void {r.CoreDrop}(int32_t)");
        if (!r.Exported) return;
        Import(w, r.Module, $"[resource-new]{name}", $"int32_t __wasm_import_{r.Own}(int32_t)");
        Import(w, r.Module, $"[resource-rep]{name}", $"int32_t __wasm_import_{r.Rep}(int32_t)");
    }

    private static void DefineResource(CText w, CResource r)
    {
        w.Line($"void {r.Drop}({r.OwnType} handle) {{ if (handle.__handle != 0) {r.CoreDrop}(handle.__handle); }}");
        w.Line();
        if (!r.Exported) return;
        w.Block($"{r.OwnType} {r.Own}({r.RepType} *object)", () =>
        {
            w.Line($"{r.OwnType} handle = {{ __wasm_import_{r.Own}((int32_t)object) }};");
            w.Line("return handle;");
        });
        w.Line();
        w.Line($"{r.RepType} *{r.Rep}({r.OwnType} handle) {{ return ({r.RepType} *)__wasm_import_{r.Rep}(handle.__handle); }}");
        w.Line();
        w.Line($"__attribute__((export_name(\"{r.Owner.CoreExport($"[dtor]{r.Definition.Name}")}\")))");
        w.Line($"void __wasm_export_{r.Destructor}(int32_t object) {{ {r.Destructor}(({r.RepType} *)object); }}");
        w.Line();
    }
}
