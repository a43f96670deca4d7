// A resolved package as WIT again, in one fixed form.
using System.Text;

namespace Mote.Wit.Tests;

/// <summary>Writes what the parser understood. What it writes can be parsed, and gives the same again.</summary>
internal static class WitText
{
    public static string Of(WitResolve resolve) => string.Concat(resolve.Packages.Select(Of));

    public static string Of(WitPackage package)
    {
        var text = new StringBuilder($"package {package.Name} {{\n");
        foreach (WitInterface i in package.Interfaces) text.Append($"  interface %{i.Name} {Body(i, "  ")}\n");
        foreach (WitWorld w in package.Worlds)
        {
            text.Append($"  world %{w.Name} {{\n");
            Types(text, w, "    ");
            // Functions of a world's own resources are written with the resource.
            foreach (WitWorldItem i in w.Imports.Where(i => i.Function?.Resource is null)) text.Append($"    import {Item(i)}\n");
            foreach (WitWorldItem e in w.Exports) text.Append($"    export {Item(e)}\n");
            text.Append("  }\n");
        }

        return text.Append("}\n").ToString();
    }

    private static string Item(WitWorldItem item) =>
        item.Function is { } f ? $"%{item.Name}: {Function(f)};" : item.Interface!.Package is null ? $"%{item.Name}: interface {Body(item.Interface, "    ")}" : $"{item.Name};";

    public static string Body(WitInterface i, string indent)
    {
        var text = new StringBuilder("{\n");
        Types(text, i, indent + "  ", i.Functions);
        foreach (WitFunction f in i.Functions.Where(f => f.Resource is null)) text.Append($"{indent}  %{f.Name}: {Function(f)};\n");
        return text.Append(indent).Append('}').ToString();
    }

    private static void Types(StringBuilder text, WitOwner owner, string indent, IReadOnlyList<WitFunction>? functions = null)
    {
        functions ??= owner is WitWorld w ? [.. w.Imports.Where(i => i.Function?.Resource is not null).Select(i => i.Function!)] : [];
        foreach (WitTypeDef t in owner.Types)
        {
            if (t.IsUse)
            {
                WitTypeDef target = ((NamedType)t.Alias!).Definition;
                text.Append($"{indent}use {target.Owner.QualifiedName}.{{%{target.Name} as %{t.Name}}};\n");
                continue;
            }

            switch (t.Kind)
            {
                case TypeDefKind.Alias:
                    text.Append($"{indent}type %{t.Name} = {Type(t.Alias!)};\n");
                    break;
                case TypeDefKind.Resource:
                    text.Append($"{indent}resource %{t.Name} {{\n");
                    foreach (WitFunction f in functions.Where(f => f.Resource == t)) text.Append($"{indent}  {ResourceFunction(f)};\n");
                    text.Append($"{indent}}}\n");
                    break;
                default:
                    text.Append($"{indent}{t.Kind.ToString().ToLowerInvariant()} %{t.Name} {{ ");
                    text.AppendJoin(", ", t.Members.Select(m => m.Type is null ? $"%{m.Name}" : t.Kind == TypeDefKind.Record ? $"%{m.Name}: {Type(m.Type)}" : $"%{m.Name}({Type(m.Type)})"));
                    text.Append(" }\n");
                    break;
            }
        }
    }

    private static string ResourceFunction(WitFunction f) => f.Kind switch
    {
        FunctionKind.Constructor => $"constructor({Parameters(f.Parameters)})" + (f.Result is HandleWitType ? "" : $" -> {Type(f.Result!)}"),
        FunctionKind.Static => $"%{f.Name}: static {Function(f)}",
        _ => $"%{f.Name}: {Function(f)}",
    };

    private static string Function(WitFunction f)
    {
        IEnumerable<WitMember> parameters = f.Kind == FunctionKind.Method ? f.Parameters.Skip(1) : f.Parameters;
        return $"{(f.IsAsync ? "async " : "")}func({Parameters(parameters)}){(f.Result is null ? "" : $" -> {Type(f.Result)}")}";
    }

    private static string Parameters(IEnumerable<WitMember> parameters) => string.Join(", ", parameters.Select(p => $"%{p.Name}: {Type(p.Type!)}"));

    public static string Type(WitType type) => type switch
    {
        NamedType n => $"%{n.Definition.Name}",
        HandleWitType h => h.IsOwn ? $"own<%{h.Resource.Name}>" : $"borrow<%{h.Resource.Name}>",
        ListWitType l => l.Length is null ? $"list<{Type(l.Element)}>" : $"list<{Type(l.Element)}, {l.Length}>",
        MapWitType m => $"map<{Type(m.Key)}, {Type(m.Value)}>",
        TupleWitType t => $"tuple<{string.Join(", ", t.Elements.Select(Type))}>",
        OptionWitType o => $"option<{Type(o.Element)}>",
        ResultWitType { Ok: null, Error: null } => "result",
        ResultWitType r => $"result<{(r.Ok is null ? "_" : Type(r.Ok))}{(r.Error is null ? "" : $", {Type(r.Error)}")}>",
        AsyncWitType a => (a.IsStream ? "stream" : "future") + (a.Element is null ? "" : $"<{Type(a.Element)}>"),
        _ => type.ToString()!,
    };
}
