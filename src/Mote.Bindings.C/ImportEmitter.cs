// Glue of an imported function: parameters to core values or into memory, the call, the result back.
using Mote.Wit;

namespace Mote.Bindings.C;

internal sealed class ImportEmitter(CText w, WalkEmitter walks)
{
    public void Write(CFunction f)
    {
        string core = "__wasm_import_" + f.Name;
        List<string> types = [.. f.ParametersSpill ? ["int32_t"] : f.FlatParameters.Select(CNumber.Of)];
        if (f.ResultSpills) types.Add("int32_t");
        w.Line($"__attribute__((import_module(\"{f.Owner.Module}\"), import_name(\"{f.ExternName}\")))");
        w.Line($"extern {CoreResult(f)} {core}({(types.Count == 0 ? "void" : string.Join(", ", types))});");
        w.Line();
        w.Block(f.Prototype, () =>
        {
            List<string> arguments = Arguments(f);
            if (f.ResultSpills)
            {
                w.Line($"{f.Result!.Type!.Name} _ret;");
                arguments.Add("(int32_t)&_ret");
            }

            Return(f, $"{core}({string.Join(", ", arguments)})");
        });
        w.Line();
    }

    private static string CoreResult(CFunction f) => f.Result is null || f.ResultSpills ? "void" : CNumber.Of(WitLayout.Flat(f.Result.Type!.Wit)[0]);

    private List<string> Arguments(CFunction f)
    {
        if (!f.ParametersSpill)
        {
            var flat = new FlatEmitter(w);
            return [.. f.Parameters.SelectMany(p => flat.Lower(p.Type!, p.Name))];
        }

        // A struct of the parameters has the layout of a record of them.
        w.Block("struct", () =>
        {
            foreach (CMember p in f.Parameters) w.Line($"{p.Spelling} {p.Name};");
        }, $"}} _args = {{ {string.Join(", ", f.Parameters.Select(p => p.Name))} }};");
        return ["(int32_t)&_args"];
    }

    private void Return(CFunction f, string call)
    {
        switch (f.Shape)
        {
            case ReturnShape.None:
                w.Line($"{call};");
                break;
            case ReturnShape.Value when f.ResultSpills:
                w.Line($"{call};");
                w.Line("return _ret;");
                break;
            case ReturnShape.Value when f.Result!.Type!.IsScalar:
                w.Line($"return {FlatEmitter.LiftScalar(f.Result.Type, call)};");
                break;
            case ReturnShape.Value:
                w.Line($"{f.Result!.Type!.Name} ret;");
                w.Line($"{CNumber.Of(WitLayout.Flat(f.Result.Type.Wit)[0])} _r = {call};");
                new FlatEmitter(w).Lift(f.Result.Type, "ret", ["_r"]);
                w.Line("return ret;");
                break;
            case ReturnShape.Option:
                w.Line($"{call};");
                w.Block("if (_ret.is_some)", () => Give(f.Ok!, "ret", "_ret.val"));
                w.Line("return _ret.is_some;");
                break;
            case ReturnShape.Result when !f.ResultSpills:
                // No payloads: the core value is the case.
                w.Line($"return {call} == 0;");
                break;
            default:
                w.Line($"{call};");
                FlatEmitter.Match(w, f.Variant, "_ret.", c => Give(c, c == f.Variant.Cases[1] ? "err" : "ret", $"_ret.val.{c.Name}"));
                w.Line("return !_ret.is_err;");
                break;
        }
    }

    /// <summary>Hands a value to an out-parameter, or frees it where there is none.</summary>
    private void Give(CMember value, string to, string from)
    {
        w.Line($"if ({to}) *{to} = {from};");
        if (WalkEmitter.Concerns(Walk.Free, value.Type)) w.Line($"else {walks.Statement(Walk.Free, value.Type!, from)}");
    }
}
