// Glue of an exported function: core values or memory to parameters, the author's function, the result, and what frees it.
using Mote.Wit;

namespace Mote.Bindings.C;

internal sealed class ExportEmitter(CText w, WalkEmitter walks)
{
    private readonly FlatEmitter _flat = new(w);

    public void Write(CFunction f)
    {
        string core = "__wasm_export_" + f.Name;
        string export = f.Owner.CoreExport(f.ExternName);
        List<CoreType> flat = f.ParametersSpill ? [CoreType.I32] : f.FlatParameters;
        string parameters = flat.Count == 0 ? "void" : string.Join(", ", flat.Select((t, i) => $"{CNumber.Of(t)} _p{i}"));
        string result = f.Result is null ? "void" : f.ResultSpills ? "int32_t" : CNumber.Of(WitLayout.Flat(f.Result.Type!.Wit)[0]);
        w.Line($"__attribute__((export_name(\"{export}\")))");
        w.Block($"{result} {core}({parameters})", () =>
        {
            List<string> arguments = f.ParametersSpill ? FromMemory(f) : FromFlat(f);
            // Kept here as well: the author may have freed the list that a borrowed handle came in.
            bool collects = f.Parameters.Any(Collects);
            if (collects)
            {
                w.Line("mote_lent_t _items = { NULL, 0, 0 }, *_lent = &_items;");
                foreach ((CMember p, string a) in f.Parameters.Zip(arguments).Where(x => Collects(x.First))) w.Line(walks.Statement(Walk.Collect, p.Type!, a));
            }

            Call(f, arguments, () =>
            {
                foreach ((CMember p, string a) in f.Parameters.Zip(arguments).Where(x => x.First.Type is CHandle { Borrows: true })) w.Line($"{((CHandle)p.Type!).Resource.CoreDrop}({a}.__handle);");
                if (collects) w.Line("mote_give_back(_lent);");
            });
        });
        w.Line();
        if (!f.ResultSpills || !WalkEmitter.Concerns(Walk.Release, f.Result!.Type)) return;
        w.Line($"__attribute__((export_name(\"cabi_post_{export}\")))");
        w.Line($"void {core}_post(int32_t _p0) {{ {walks.Statement(Walk.Release, f.Result!.Type!, $"*({f.Result.Type!.Name} *)_p0").Replace("&*", "")} }}");
        w.Line();
    }

    private static bool Collects(CMember parameter) => parameter.Type is { Borrows: true } and not CHandle;

    private List<string> FromFlat(CFunction f)
    {
        var arguments = new List<string>();
        int at = 0;
        foreach (CMember p in f.Parameters)
        {
            string[] flat = [.. WitLayout.Flat(p.Type!.Wit).Select(_ => $"_p{at++}")];
            if (p.Type is CHandle { IsPointer: true } or { IsScalar: true })
            {
                arguments.Add(FlatEmitter.LiftScalar(p.Type, flat[0]));
                continue;
            }

            w.Line($"{p.Spelling} {p.Name};");
            _flat.Lift(p.Type, p.Name, flat);
            arguments.Add(p.Name);
        }

        return arguments;
    }

    private List<string> FromMemory(CFunction f)
    {
        // The caller allocated it for this call: ours to free.
        w.Block("typedef struct", () =>
        {
            foreach (CMember p in f.Parameters) w.Line($"{p.Spelling} {p.Name};");
        }, "} _args_t;");
        w.Line("_args_t _args = *(_args_t *)_p0;");
        w.Line("mote_give((void *)_p0);");
        return [.. f.Parameters.Select(p => $"_args.{p.Name}")];
    }

    private void Call(CFunction f, List<string> arguments, Action after)
    {
        // Zeroed, so that a result the author forgot to set is empty and not wild.
        if (f.Ok is { } ok) Out(ok, "_ok");
        if (f.Error is { } error) Out(error, "_err");
        string call = $"{f.Name}({string.Join(", ", arguments)})";
        switch (f.Shape)
        {
            case ReturnShape.None:
                w.Line($"{call};");
                after();
                return;
            case ReturnShape.Value when !f.ResultSpills:
                w.Line($"{f.Result!.Spelling} _r = {call};");
                after();
                w.Line($"return {_flat.Lower(f.Result.Type!, "_r")[0]};");
                return;
            case ReturnShape.Result when !f.ResultSpills:
                w.Line($"bool _r = {call};");
                after();
                w.Line("return _r ? 0 : 1;");
                return;
        }

        // Static: it outlives the call, and nobody calls in before the caller has read it.
        w.Line($"static {f.Result!.Type!.Name} _ret;");
        switch (f.Shape)
        {
            case ReturnShape.Value:
                w.Line($"_ret = {call};");
                break;
            case ReturnShape.Option:
                w.Line($"_ret.is_some = {call};");
                w.Line("if (_ret.is_some) _ret.val = _ok;");
                break;
            default:
                w.Line($"_ret.is_err = !{call};");
                FlatEmitter.Match(w, f.Variant, "_ret.", c => w.Line($"_ret.val.{c.Name} = {(c == f.Variant.Cases[1] ? "_err" : "_ok")};"));
                break;
        }

        after();
        w.Line("return (int32_t)&_ret;");

        void Out(CMember m, string name)
        {
            w.Line($"{m.Spelling} {name} = {{ 0 }};");
            arguments.Add("&" + name);
        }
    }
}
